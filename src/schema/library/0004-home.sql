-- What the home page says of each phone, kept as it changes: a million rows cannot be counted each time that it is asked.
-- Additive: a program of the release before keeps the counts by these triggers, and notes no arrivals.

CREATE TABLE phone_standing (
  phone_id        TEXT PRIMARY KEY,
  seen            INTEGER NOT NULL DEFAULT 0,    -- items that the phone told of or sent: safe + refused + waiting
  safe            INTEGER NOT NULL DEFAULT 0,
  refused         INTEGER NOT NULL DEFAULT 0,    -- with `deleted`: what its owner deleted here
  deleted         INTEGER NOT NULL DEFAULT 0,
  last_arrived_at INTEGER,                       -- when the last file that it sent was stored; NULL: none ever
  told_at         INTEGER                        -- when it last told of all that it has; NULL: never
) STRICT, WITHOUT ROWID;

-- How many files each phone brought, by five minutes: every zone's evening begins with one. For some weeks.
CREATE TABLE phone_arrival (
  at       INTEGER NOT NULL,                     -- when its five minutes begin
  phone_id TEXT NOT NULL,
  files    INTEGER NOT NULL,
  bytes    INTEGER NOT NULL,
  PRIMARY KEY (at, phone_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER phone_arrival_new AFTER INSERT ON phone_arrival BEGIN
  DELETE FROM phone_arrival WHERE at < new.at - 40 * 86400000;
END;

-- The entries of the timeline by when they came in.
CREATE INDEX asset_arrived ON asset (person_id, added_at DESC, id DESC) WHERE shown = 1;

CREATE TRIGGER phone_item_counted AFTER INSERT ON phone_item WHEN new.folder = 0 BEGIN
  INSERT INTO phone_standing (phone_id, seen, safe, refused, deleted)
    SELECT new.phone_id, 1, coalesce(state = 'present', 0),
      new.refusal IS NOT NULL OR coalesce(state IN ('trashed', 'deleted'), 0),
      coalesce(state IN ('trashed', 'deleted'), 0)
    FROM (SELECT (SELECT state FROM asset WHERE id = new.asset_id) AS state) WHERE true
    ON CONFLICT (phone_id) DO UPDATE SET seen = seen + 1, safe = safe + excluded.safe,
      refused = refused + excluded.refused, deleted = deleted + excluded.deleted;
END;
CREATE TRIGGER phone_item_uncounted AFTER DELETE ON phone_item WHEN old.folder = 0 BEGIN
  UPDATE phone_standing SET seen = seen - 1, safe = safe - coalesce(was.state = 'present', 0),
    refused = refused - (old.refusal IS NOT NULL OR coalesce(was.state IN ('trashed', 'deleted'), 0)),
    deleted = deleted - coalesce(was.state IN ('trashed', 'deleted'), 0)
  FROM (SELECT (SELECT state FROM asset WHERE id = old.asset_id) AS state) AS was
  WHERE phone_id = old.phone_id;
END;
CREATE TRIGGER phone_item_recounted AFTER UPDATE OF asset_id, refusal, folder ON phone_item
WHEN old.asset_id IS NOT new.asset_id OR old.refusal IS NOT new.refusal OR old.folder <> new.folder BEGIN
  UPDATE phone_standing SET seen = seen - 1, safe = safe - coalesce(was.state = 'present', 0),
    refused = refused - (old.refusal IS NOT NULL OR coalesce(was.state IN ('trashed', 'deleted'), 0)),
    deleted = deleted - coalesce(was.state IN ('trashed', 'deleted'), 0)
  FROM (SELECT (SELECT state FROM asset WHERE id = old.asset_id) AS state) AS was
  WHERE phone_id = old.phone_id AND old.folder = 0;
  INSERT INTO phone_standing (phone_id, seen, safe, refused, deleted)
    SELECT new.phone_id, 1, coalesce(state = 'present', 0),
      new.refusal IS NOT NULL OR coalesce(state IN ('trashed', 'deleted'), 0),
      coalesce(state IN ('trashed', 'deleted'), 0)
    FROM (SELECT (SELECT state FROM asset WHERE id = new.asset_id) AS state) WHERE new.folder = 0
    ON CONFLICT (phone_id) DO UPDATE SET seen = seen + 1, safe = safe + excluded.safe,
      refused = refused + excluded.refused, deleted = deleted + excluded.deleted;
END;

CREATE TRIGGER asset_recounted AFTER UPDATE OF state ON asset
WHEN (old.state = 'present') <> (new.state = 'present')
  OR (old.state IN ('trashed', 'deleted')) <> (new.state IN ('trashed', 'deleted')) BEGIN
  UPDATE phone_standing SET
    safe = safe + items * ((new.state = 'present') - (old.state = 'present')),
    refused = refused + unrefused * ((new.state IN ('trashed', 'deleted')) - (old.state IN ('trashed', 'deleted'))),
    deleted = deleted + items * ((new.state IN ('trashed', 'deleted')) - (old.state IN ('trashed', 'deleted')))
  FROM (
    SELECT phone_item.phone_id AS phone, count(*) AS items, count(*) FILTER (WHERE refusal IS NULL) AS unrefused
    FROM phone_item WHERE asset_id = new.id AND folder = 0 GROUP BY phone_item.phone_id) AS its
  WHERE phone_standing.phone_id = its.phone;
END;
-- Before: what follows from the key (its items hold nothing from then on) finds a row that is gone, and counts nothing.
CREATE TRIGGER asset_uncounted BEFORE DELETE ON asset WHEN old.state IN ('present', 'trashed', 'deleted') BEGIN
  UPDATE phone_standing SET
    safe = safe - items * (old.state = 'present'),
    refused = refused - unrefused * (old.state <> 'present'),
    deleted = deleted - items * (old.state <> 'present')
  FROM (
    SELECT phone_item.phone_id AS phone, count(*) AS items, count(*) FILTER (WHERE refusal IS NULL) AS unrefused
    FROM phone_item WHERE asset_id = old.id AND folder = 0 GROUP BY phone_item.phone_id) AS its
  WHERE phone_standing.phone_id = its.phone;
END;

-- What the library held before this.
INSERT INTO phone_standing (phone_id, seen, safe, refused, deleted, last_arrived_at)
  SELECT phone_id, count(*), count(*) FILTER (WHERE asset.state = 'present'),
    count(*) FILTER (WHERE phone_item.refusal IS NOT NULL OR asset.state IN ('trashed', 'deleted')),
    count(*) FILTER (WHERE asset.state IN ('trashed', 'deleted')),
    max(asset.added_at) FILTER (WHERE asset.state IN ('present', 'trashed', 'deleted'))
  FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id
  WHERE phone_item.folder = 0 GROUP BY phone_id;
INSERT INTO phone_arrival (at, phone_id, files, bytes)
  SELECT added_at / 300000 * 300000, phone, count(*), sum(size) FROM (
    SELECT added_at, size,
      (SELECT phone_id FROM phone_item WHERE asset_id = asset.id ORDER BY phone_item.id LIMIT 1) AS phone
    FROM asset
    WHERE state = 'present' AND added_at > (SELECT max(added_at) FROM asset) - 2 * 86400000)
  WHERE phone IS NOT NULL GROUP BY 1, 2;
