-- Disks that hold everything a second time. Additive: a program of the release before leaves these tables alone; what it
-- changes meanwhile is found, since the triggers are its own too.

CREATE TABLE mirror (
  disk_id          TEXT PRIMARY KEY,
  name             TEXT NOT NULL,
  added_at         INTEGER NOT NULL,
  seen_at          INTEGER NOT NULL,             -- when it was last attached
  done_change      INTEGER NOT NULL DEFAULT -1,  -- everything up to this change of the library was looked at for it,
  done_id          INTEGER NOT NULL DEFAULT 0,   -- and of that change up to this asset
  behind_since     INTEGER,                      -- since when something waits for it; NULL: nothing does
  complete_at      INTEGER,                      -- when nothing waited, last
  forgotten        INTEGER NOT NULL DEFAULT 0,   -- 1: its owner wants it to be followed no more
  catalogue_at     INTEGER,                      -- of the newest copy of the catalogue on it,
  catalogue_change INTEGER NOT NULL DEFAULT -1,  -- which holds every change up to this one
  files            INTEGER NOT NULL DEFAULT 0,   -- kept by the triggers below
  bytes            INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Copies that read back right. No reference to the asset: when that was erased, its copy must still be found.
CREATE TABLE mirrored (
  asset_id    INTEGER NOT NULL,
  disk_id     TEXT NOT NULL REFERENCES mirror (disk_id),
  path        TEXT NOT NULL,                     -- on the mirror
  size        INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  verified_at INTEGER NOT NULL,                  -- when it was last read back and was right
  leaving     INTEGER NOT NULL DEFAULT 0,        -- 1: its asset was deleted for good, and its days run
  gone        INTEGER NOT NULL DEFAULT 0,        -- 1: its asset was erased
  PRIMARY KEY (asset_id, disk_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirrored_read ON mirrored (disk_id, verified_at, asset_id);
CREATE INDEX mirrored_leaving ON mirrored (disk_id, asset_id) WHERE leaving = 1;
CREATE INDEX mirrored_gone ON mirrored (disk_id, asset_id) WHERE gone = 1;

-- What has to be copied out of its turn. Few: what was copied wrongly, got damaged there, or could not be copied.
CREATE TABLE mirror_wanted (
  asset_id INTEGER NOT NULL,
  disk_id  TEXT NOT NULL REFERENCES mirror (disk_id),
  reason   TEXT NOT NULL CHECK (reason IN ('damaged', 'failed')),
  tried_at INTEGER NOT NULL,
  PRIMARY KEY (disk_id, asset_id)
) STRICT, WITHOUT ROWID;

-- Folders of a mirror whose checksum list is not as it should be.
CREATE TABLE mirror_list (
  disk_id TEXT NOT NULL REFERENCES mirror (disk_id),
  folder  TEXT NOT NULL,
  written INTEGER NOT NULL DEFAULT 0,            -- 1: the list that is there is ours
  behind  INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (disk_id, folder)
) STRICT, WITHOUT ROWID;

-- How much was copied, by five minutes, as arrivals are counted; and what was healed from it.
CREATE TABLE mirror_tally (
  at      INTEGER NOT NULL,
  disk_id TEXT NOT NULL,
  files   INTEGER NOT NULL,
  bytes   INTEGER NOT NULL,
  healed  INTEGER NOT NULL,
  damaged INTEGER NOT NULL,                      -- copies that were found damaged
  PRIMARY KEY (at, disk_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER mirror_tally_new AFTER INSERT ON mirror_tally BEGIN
  DELETE FROM mirror_tally WHERE at < new.at - 40 * 86400000;
END;

CREATE TRIGGER mirrored_new AFTER INSERT ON mirrored BEGIN
  UPDATE mirror SET files = files + 1, bytes = bytes + new.size WHERE disk_id = new.disk_id;
END;
CREATE TRIGGER mirrored_over AFTER DELETE ON mirrored BEGIN
  UPDATE mirror SET files = files - 1, bytes = bytes - old.size WHERE disk_id = old.disk_id;
END;

-- The changes of the library in their order, from the first mirror on: what a mirror has to follow is what changed since
-- it was last looked at for it, and no queue. What there was before has the change 0.
CREATE TABLE library_change (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  last     INTEGER NOT NULL
) STRICT;
INSERT INTO library_change VALUES (1, 0);
ALTER TABLE asset ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
CREATE INDEX asset_by_change ON asset (change, id, state, size);
CREATE TRIGGER asset_changed AFTER UPDATE OF state, path ON asset
WHEN new.state IN ('present', 'trashed', 'deleted') AND (old.state <> new.state OR old.path <> new.path)
  AND EXISTS (SELECT 1 FROM mirror WHERE forgotten = 0) BEGIN
  UPDATE library_change SET last = last + 1;
  UPDATE asset SET change = (SELECT last FROM library_change) WHERE id = new.id;
END;
CREATE TRIGGER asset_gone AFTER DELETE ON asset BEGIN
  UPDATE mirrored SET gone = 1 WHERE asset_id = old.id;
  DELETE FROM mirror_wanted WHERE asset_id = old.id;
END;
