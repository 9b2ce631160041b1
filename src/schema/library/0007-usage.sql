-- What each person's files take, what came in how, and what was read again later. Additive: a program of the release
-- before keeps the sums by these triggers, and leaves the new columns as they are.

-- Files that take room: also what is in the trash, damaged, or on its way to its place.
CREATE TABLE person_usage (
  person_id TEXT PRIMARY KEY,
  files     INTEGER NOT NULL,
  bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER asset_used AFTER INSERT ON asset
WHEN new.state IN ('publishing', 'present', 'damaged', 'trashed') BEGIN
  INSERT INTO person_usage (person_id, files, bytes) VALUES (new.person_id, 1, new.size)
    ON CONFLICT (person_id) DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER asset_use_changed AFTER UPDATE OF state, size ON asset
WHEN (old.state IN ('publishing', 'present', 'damaged', 'trashed'))
     <> (new.state IN ('publishing', 'present', 'damaged', 'trashed')) OR old.size <> new.size BEGIN
  INSERT INTO person_usage (person_id, files, bytes)
    VALUES (new.person_id,
      (new.state IN ('publishing', 'present', 'damaged', 'trashed'))
        - (old.state IN ('publishing', 'present', 'damaged', 'trashed')),
      new.size * (new.state IN ('publishing', 'present', 'damaged', 'trashed'))
        - old.size * (old.state IN ('publishing', 'present', 'damaged', 'trashed')))
    ON CONFLICT (person_id) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER asset_unused AFTER DELETE ON asset
WHEN old.state IN ('publishing', 'present', 'damaged', 'trashed') BEGIN
  UPDATE person_usage SET files = files - 1, bytes = bytes - old.size WHERE person_id = old.person_id;
END;
INSERT INTO person_usage (person_id, files, bytes)
  SELECT person_id, count(*), sum(size) FROM asset
  WHERE state IN ('publishing', 'present', 'damaged', 'trashed') GROUP BY person_id;

-- `files` and `bytes` are what apps sent. What browsers handed over, and what of both only took its old place again.
ALTER TABLE phone_arrival ADD COLUMN browser_files INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phone_arrival ADD COLUMN browser_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phone_arrival ADD COLUMN again_files INTEGER NOT NULL DEFAULT 0;
ALTER TABLE phone_arrival ADD COLUMN again_bytes INTEGER NOT NULL DEFAULT 0;

ALTER TABLE asset ADD COLUMN verified_at INTEGER; -- when it was last read again and was right; NULL: not since it came
ALTER TABLE asset ADD COLUMN trash_days INTEGER;  -- what its owner was told when it went to the trash; NULL: 30
CREATE INDEX asset_damaged ON asset (person_id) WHERE state = 'damaged';
