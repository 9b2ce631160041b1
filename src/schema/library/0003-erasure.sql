-- The data of a person that is being deleted, at their own wish or the owner's. Additive: a program of the release before
-- sees what is on its way as deleted for good, and leaves the rest to the next one that knows this table.

CREATE TABLE erasure (
  person_id  TEXT PRIMARY KEY,
  folder     TEXT NOT NULL,                      -- the person's, below Photos and Files
  phones     TEXT NOT NULL,                      -- JSON: the ids of the phones whose memory goes with it
  asked_at   INTEGER NOT NULL,
  asset_max  INTEGER NOT NULL,                   -- what arrived later is no part of it
  files      INTEGER NOT NULL,                   -- how many there were
  done       INTEGER NOT NULL DEFAULT 0          -- how many of them are gone
) STRICT;

-- The files that are still to be removed: from the commit that takes their assets away, until they are gone durably.
CREATE TABLE erased_file (
  person_id TEXT NOT NULL,
  path      TEXT NOT NULL,
  asset_id  INTEGER NOT NULL,
  PRIMARY KEY (person_id, path, asset_id)
) STRICT, WITHOUT ROWID;
