-- What was found when originals were read again. Additive: a program of the release before leaves these tables alone.

-- Of assets that are `damaged` or `missing`, as far as reading found it out; gone when their bytes are there again.
CREATE TABLE damage (
  asset_id  INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  kind      TEXT NOT NULL CHECK (kind IN ('missing', 'other-bytes', 'unreadable')),
  found_at  INTEGER NOT NULL,
  looked_at INTEGER NOT NULL                     -- when it was last looked whether they are there again
) STRICT;
CREATE TRIGGER damage_over AFTER UPDATE OF state ON asset WHEN new.state IN ('present', 'deleted') BEGIN
  DELETE FROM damage WHERE asset_id = new.id;
END;

-- How much was read, by five minutes, as arrivals are counted: each file that was read is in one night's report.
CREATE TABLE verification_tally (
  at      INTEGER PRIMARY KEY,                   -- when its five minutes begin
  files   INTEGER NOT NULL,
  bytes   INTEGER NOT NULL,
  damaged INTEGER NOT NULL                       -- of these files
) STRICT;
CREATE TRIGGER verification_tally_new AFTER INSERT ON verification_tally BEGIN
  DELETE FROM verification_tally WHERE at < new.at - 40 * 86400000;
END;

-- That somebody asked for everything to be read now. No row: nobody did, or it is done.
CREATE TABLE verification_of_all (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  since    INTEGER NOT NULL,                     -- what was read before then is read once more
  of_files INTEGER NOT NULL,                     -- about how much there was to read
  of_bytes INTEGER NOT NULL,
  files    INTEGER NOT NULL DEFAULT 0,
  bytes    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What comes next: what was not read since it came, then what was read longest ago.
CREATE INDEX asset_unread ON asset (added_at, id) WHERE state = 'present' AND verified_at IS NULL;
CREATE INDEX asset_read ON asset (verified_at, id) WHERE state = 'present' AND verified_at IS NOT NULL;
DROP INDEX asset_damaged;
CREATE INDEX asset_lost ON asset (id) WHERE state IN ('damaged', 'missing');
