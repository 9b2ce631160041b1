-- Photos that came from another disk or folder. Additive: a program of the release before leaves this table alone.

-- Its files are in `phone_item` under its id, as a phone's are: each remembers where it came from, and how far an import
-- came is in those rows alone.
CREATE TABLE import (
  id         TEXT PRIMARY KEY,                   -- import-<uuid>; stands where a phone's id does
  person_id  TEXT NOT NULL,
  person     TEXT NOT NULL,                      -- the name, as it was then
  name       TEXT NOT NULL,                      -- where it came from, in the house's words
  source     TEXT NOT NULL,                      -- a disk that is only looked at; 'folder': any folder of the machine
  folder     TEXT NOT NULL,                      -- on that disk; absolute for 'folder'
  all_files  INTEGER NOT NULL,                   -- 1: also what is neither picture nor video
  by_whom    TEXT NOT NULL,                      -- as in the audit log
  state      TEXT NOT NULL CHECK (state IN ('running', 'waiting', 'done', 'stopped', 'failed')),
  reason     TEXT,                               -- error code: why it waits or failed
  next_at    INTEGER NOT NULL,                   -- when one that waits is tried again
  tries      INTEGER NOT NULL DEFAULT 0,         -- in a row without one file more
  report     TEXT NOT NULL,                      -- JSON; counted from the first file on, each time it goes on
  created_at INTEGER NOT NULL,
  ended_at   INTEGER
) STRICT;
CREATE INDEX import_to_do ON import (created_at) WHERE state IN ('running', 'waiting');
CREATE INDEX import_by_person ON import (person_id, created_at);

-- Whose data is deleted has imported nothing, and nothing goes on for them. Items that have an asset go with it.
CREATE TRIGGER import_erased AFTER INSERT ON erasure BEGIN
  DELETE FROM upload WHERE phone_id IN (SELECT id FROM import WHERE person_id = new.person_id);
  DELETE FROM phone_item
    WHERE asset_id IS NULL AND phone_id IN (SELECT id FROM import WHERE person_id = new.person_id);
  DELETE FROM phone_standing WHERE phone_id IN (SELECT id FROM import WHERE person_id = new.person_id);
  DELETE FROM phone_arrival WHERE phone_id IN (SELECT id FROM import WHERE person_id = new.person_id);
  DELETE FROM import WHERE person_id = new.person_id;
END;
