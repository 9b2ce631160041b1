-- What was lost and is there again, for whoever is told of both. Additive: a program of the release before leaves this
-- table alone, and what is mended meanwhile is not told of.

CREATE TABLE mended (
  id        INTEGER PRIMARY KEY,
  asset_id  INTEGER NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  damage    TEXT,                                -- as in `damage`; NULL: nobody read it
  found_at  INTEGER,
  mended_at INTEGER NOT NULL,
  how       TEXT NOT NULL CHECK (how IN ('from-mirror', 'came-again', 'put-back'))
) STRICT;
CREATE INDEX mended_asset ON mended (asset_id);
CREATE TRIGGER mended_new AFTER INSERT ON mended BEGIN
  DELETE FROM mended WHERE id <= new.id - 500 OR mended_at < new.mended_at - 90 * 86400000;
END;

-- Somebody put it back by hand, and it was read.
CREATE TRIGGER mended_by_hand BEFORE UPDATE OF state, verified_at ON asset
WHEN old.state IN ('damaged', 'missing') AND new.state = 'present' AND new.verified_at IS NOT old.verified_at
  AND new.verified_at IS NOT NULL BEGIN
  INSERT INTO mended (asset_id, damage, found_at, mended_at, how)
    SELECT new.id, (SELECT kind FROM damage WHERE asset_id = new.id),
      (SELECT found_at FROM damage WHERE asset_id = new.id), new.verified_at, 'put-back';
END;
