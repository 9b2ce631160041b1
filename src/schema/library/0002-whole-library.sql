-- Pictures to look at, pairs, trash, and a timeline that stays quick at a million photos.
-- The triggers keep what can be worked out from `asset` and `phone_item`, so that no verb of the program can forget it.
-- Not OR IGNORE in them: the statement that fires a trigger has its own way with conflicts, and that would hold instead.

-- Milliseconds of the clock on the wall where it was taken, as if that were UTC: the order in which people remember.
ALTER TABLE asset ADD COLUMN captured_wall INTEGER NOT NULL DEFAULT 0;
-- 1: an entry of the timeline. A present photo; a present video, unless it is the moving half of a photo that is there.
ALTER TABLE asset ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE asset ADD COLUMN trashed_at INTEGER;
UPDATE asset SET captured_wall =
  coalesce(unixepoch(captured_local), captured_at / 1000) * 1000 + ((captured_at % 1000) + 1000) % 1000;

DROP INDEX asset_timeline;
CREATE INDEX asset_timeline ON asset (person_id, kind, captured_wall DESC, id DESC) WHERE shown = 1;
CREATE INDEX asset_by_person ON asset (person_id, id) WHERE state = 'present';
CREATE INDEX asset_trash ON asset (person_id, trashed_at DESC, id DESC) WHERE state = 'trashed';

-- The file of such an asset may not be where its state says (present: its path; trashed: .nightjar/trash; deleted: gone).
CREATE TABLE relocation (
  asset_id INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE
) STRICT;

-- Days that the trash has seen, one a daily look: a clock that jumps ahead is one day. What went to the trash on day 7
-- is gone for good on day 37 at the earliest, whatever the clock says.
ALTER TABLE asset ADD COLUMN trashed_day INTEGER;
ALTER TABLE asset ADD COLUMN trashed_from TEXT;     -- the state before: damaged bytes are damaged also when they come back
CREATE TABLE trash_calendar (
  only_one   INTEGER PRIMARY KEY CHECK (only_one = 1),
  day        INTEGER NOT NULL,
  counted_at INTEGER NOT NULL
) STRICT;
INSERT INTO trash_calendar VALUES (1, 0, 0);

-- The checksum list of each folder of photos. Behind from the moment that something comes or goes there.
CREATE TABLE checksum_list (
  folder TEXT PRIMARY KEY,
  name   TEXT,                                   -- of the list itself; NULL: none was written yet
  state  TEXT NOT NULL CHECK (state IN ('behind', 'in-work', 'right'))
) STRICT, WITHOUT ROWID;
CREATE INDEX checksum_list_behind ON checksum_list (folder) WHERE state <> 'right';

-- What there is to look at of an asset. Written by the media room alone; absent for what is neither photo nor video.
CREATE TABLE picture (
  asset_id      INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  state         TEXT NOT NULL CHECK (state IN ('wanted', 'ready', 'refused')),
  attempts      INTEGER NOT NULL DEFAULT 0,
  run_after     INTEGER NOT NULL DEFAULT 0,
  code          TEXT,                            -- of a refusal
  reason        TEXT,                            -- and its sentence, for a person
  width         INTEGER,                         -- of the original, the right way up
  height        INTEGER,
  duration_ms   INTEGER,                         -- of a video
  thumbhash     BLOB,
  motion_offset INTEGER,                         -- a video inside the picture's file
  motion_length INTEGER,
  grid_bytes    INTEGER,                         -- of the two pictures in its file under .nightjar/thumbs
  preview_bytes INTEGER,
  made_at       INTEGER
) STRICT;
CREATE INDEX picture_wanted ON picture (run_after, asset_id) WHERE state = 'wanted';
CREATE INDEX picture_refused ON picture (code) WHERE state = 'refused';

-- The timeline of one phone, and how many entries each month has (`phone_id` '': of the whole person).
CREATE TABLE shown_by_phone (
  phone_id      TEXT NOT NULL,
  kind          TEXT NOT NULL,
  captured_wall INTEGER NOT NULL,
  asset_id      INTEGER NOT NULL,
  PRIMARY KEY (phone_id, kind, captured_wall, asset_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE month_count (
  person_id TEXT NOT NULL,
  phone_id  TEXT NOT NULL,
  month     TEXT NOT NULL,                       -- yyyy-mm where it was taken
  kind      TEXT NOT NULL,
  count     INTEGER NOT NULL,
  PRIMARY KEY (person_id, phone_id, month, kind)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER asset_state AFTER UPDATE OF state, pair ON asset
WHEN old.state <> new.state OR old.pair IS NOT new.pair BEGIN
  -- A file that is there again gets another try; a picture that was made stays.
  INSERT INTO picture (asset_id, state)
    SELECT new.id, 'wanted' WHERE new.state = 'present' AND new.kind IN ('photo', 'video')
    ON CONFLICT (asset_id) DO UPDATE SET state = 'wanted', attempts = 0, run_after = 0 WHERE state <> 'ready';
  -- What is not there has no turn (the last day that a clock has): thousands of them would be passed over each time.
  UPDATE picture SET run_after = 8640000000000000
    WHERE asset_id = new.id AND state = 'wanted' AND new.state <> 'present';
  UPDATE asset SET shown = NOT shown
  WHERE id IN (SELECT new.id UNION SELECT id FROM asset WHERE person_id = new.person_id AND pair IN (old.pair, new.pair))
    AND shown <> (state = 'present' AND (kind = 'photo' OR (kind = 'video' AND NOT EXISTS (
      SELECT 1 FROM asset AS still
      WHERE still.person_id = asset.person_id AND still.pair = asset.pair AND still.kind = 'photo'
        AND still.state = 'present'))));
END;

-- The path up to its last '/': what is left when every other letter of it is taken from the end.
CREATE TRIGGER asset_listed AFTER UPDATE OF state ON asset
  WHEN new.kind <> 'file' AND (old.state = 'present') <> (new.state = 'present') BEGIN
  INSERT INTO checksum_list (folder, state)
    VALUES (rtrim(rtrim(new.path, replace(new.path, '/', '')), '/'), 'behind')
    ON CONFLICT (folder) DO UPDATE SET state = 'behind' WHERE state <> 'behind';
END;

CREATE TRIGGER asset_appears AFTER UPDATE OF shown ON asset WHEN old.shown = 0 AND new.shown = 1 BEGIN
  INSERT INTO month_count (person_id, phone_id, month, kind, count)
    VALUES (new.person_id, '', substr(new.captured_local, 1, 7), new.kind, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
  INSERT INTO shown_by_phone (phone_id, kind, captured_wall, asset_id)
    SELECT phone_id, new.kind, new.captured_wall, new.id FROM phone_item WHERE asset_id = new.id
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER asset_disappears AFTER UPDATE OF shown ON asset WHEN old.shown = 1 AND new.shown = 0 BEGIN
  UPDATE month_count SET count = count - 1
  WHERE person_id = new.person_id AND phone_id = '' AND month = substr(new.captured_local, 1, 7) AND kind = new.kind;
  DELETE FROM shown_by_phone
  WHERE asset_id = new.id AND kind = new.kind AND captured_wall = new.captured_wall
    AND phone_id IN (SELECT phone_id FROM phone_item WHERE asset_id = new.id);
END;

CREATE TRIGGER phone_item_new AFTER INSERT ON phone_item WHEN new.asset_id IS NOT NULL BEGIN
  INSERT INTO shown_by_phone (phone_id, kind, captured_wall, asset_id)
    SELECT new.phone_id, kind, captured_wall, id FROM asset WHERE id = new.asset_id AND shown = 1
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER phone_item_changed AFTER UPDATE OF asset_id ON phone_item WHEN old.asset_id IS NOT new.asset_id BEGIN
  DELETE FROM shown_by_phone
  WHERE (phone_id, kind, captured_wall, asset_id) IN (
    SELECT old.phone_id, kind, captured_wall, id FROM asset WHERE id = old.asset_id)
    AND NOT EXISTS (SELECT 1 FROM phone_item WHERE asset_id = old.asset_id AND phone_id = old.phone_id);
  INSERT INTO shown_by_phone (phone_id, kind, captured_wall, asset_id)
    SELECT new.phone_id, kind, captured_wall, id FROM asset WHERE id = new.asset_id AND shown = 1
    ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER phone_item_gone AFTER DELETE ON phone_item WHEN old.asset_id IS NOT NULL BEGIN
  DELETE FROM shown_by_phone
  WHERE (phone_id, kind, captured_wall, asset_id) IN (
    SELECT old.phone_id, kind, captured_wall, id FROM asset WHERE id = old.asset_id)
    AND NOT EXISTS (SELECT 1 FROM phone_item WHERE asset_id = old.asset_id AND phone_id = old.phone_id);
END;

CREATE TRIGGER shown_by_phone_new AFTER INSERT ON shown_by_phone BEGIN
  INSERT INTO month_count (person_id, phone_id, month, kind, count)
    SELECT person_id, new.phone_id, substr(captured_local, 1, 7), kind, 1 FROM asset WHERE id = new.asset_id
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER shown_by_phone_gone AFTER DELETE ON shown_by_phone BEGIN
  UPDATE month_count SET count = count - 1
  WHERE phone_id = old.phone_id AND (person_id, month, kind) IN (
    SELECT person_id, substr(captured_local, 1, 7), kind FROM asset WHERE id = old.asset_id);
END;

-- Names by three letters at a time, for searching inside them. Filled in batches, up to `name_index_end.asset_id`;
-- names of assets that are gone stay in it and are passed over.
CREATE VIRTUAL TABLE name_index USING fts5 (name, content = '', tokenize = 'trigram', detail = 'none', columnsize = 0);
CREATE TABLE name_index_end (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  asset_id INTEGER NOT NULL
) STRICT;
INSERT INTO name_index_end VALUES (1, 0);

-- What the library held before this: shown, counted, and wanted as pictures.
UPDATE asset SET shown = 1 WHERE state = 'present' AND (kind = 'photo' OR (kind = 'video' AND NOT EXISTS (
  SELECT 1 FROM asset AS still WHERE still.person_id = asset.person_id AND still.pair = asset.pair
    AND still.kind = 'photo' AND still.state = 'present')));
INSERT INTO picture (asset_id, state)
  SELECT id, 'wanted' FROM asset WHERE state = 'present' AND kind IN ('photo', 'video')
    ON CONFLICT DO NOTHING;
INSERT INTO checksum_list (folder, state)
  SELECT DISTINCT rtrim(rtrim(path, replace(path, '/', '')), '/'), 'behind' FROM asset
  WHERE state = 'present' AND kind <> 'file';
