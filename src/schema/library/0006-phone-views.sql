-- What a phone's apps see of it over WebDAV: its own names, with folders (rows of `phone_item` with `folder` = 1 that hold
-- nothing; the top is the path ''). A name that an app removed or moved away stays under '/hidden/<id>/', as long as no
-- other name of that phone holds the same file: so what the phone once sent is still counted and shown as sent by it.
-- Additive: a program of the release before keeps the rows, and shows them by their path.

CREATE TABLE phone_view (
  phone_id TEXT PRIMARY KEY,
  version  INTEGER NOT NULL                      -- grows with every change of the view
) STRICT, WITHOUT ROWID;

-- Checksums that clients sent and that were found right, by algorithms other than SHA-256.
CREATE TABLE asset_digest (
  asset_id  INTEGER NOT NULL REFERENCES asset (id) ON DELETE CASCADE,
  algorithm TEXT NOT NULL,                       -- as Node names it
  digest    BLOB NOT NULL,
  PRIMARY KEY (asset_id, algorithm)
) STRICT, WITHOUT ROWID;

-- A file that comes in numbered parts: each is appended to one upload, in order.
CREATE TABLE part_folder (
  phone_id   TEXT NOT NULL,
  name       TEXT NOT NULL,                      -- as the app chose it
  upload_id  TEXT NOT NULL UNIQUE REFERENCES upload (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (phone_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE part (
  upload_id  TEXT NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL,
  name       TEXT NOT NULL,
  first_byte INTEGER NOT NULL,                   -- where it begins in the file
  bytes      INTEGER NOT NULL,
  at         INTEGER NOT NULL,                   -- when it was durable
  PRIMARY KEY (upload_id, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER view_grew AFTER INSERT ON phone_item BEGIN
  UPDATE phone_view SET version = version + 1 WHERE phone_id = new.phone_id;
END;
CREATE TRIGGER view_changed AFTER UPDATE OF path, asset_id, folder ON phone_item BEGIN
  UPDATE phone_view SET version = version + 1 WHERE phone_id = new.phone_id;
END;
CREATE TRIGGER view_shrank AFTER DELETE ON phone_item BEGIN
  UPDATE phone_view SET version = version + 1 WHERE phone_id = old.phone_id;
END;
CREATE TRIGGER view_follows AFTER UPDATE OF state ON asset
WHEN (old.state IN ('present', 'trashed', 'deleted')) <> (new.state IN ('present', 'trashed', 'deleted')) BEGIN
  UPDATE phone_view SET version = version + 1
  WHERE phone_id IN (SELECT phone_id FROM phone_item WHERE asset_id = new.id);
END;

-- However many names one content has, the hidden ones are found at once.
CREATE INDEX phone_item_hidden ON phone_item (asset_id) WHERE substr(path, 1, 8) = '/hidden/';
CREATE TRIGGER phone_item_named AFTER INSERT ON phone_item
WHEN new.asset_id IS NOT NULL AND new.origin = 'app' AND substr(new.path, 1, 8) <> '/hidden/' BEGIN
  DELETE FROM phone_item WHERE asset_id = new.asset_id AND phone_id = new.phone_id AND substr(path, 1, 8) = '/hidden/';
END;
CREATE TRIGGER phone_item_named_later AFTER UPDATE OF asset_id ON phone_item
WHEN new.asset_id IS NOT NULL AND new.origin = 'app' AND substr(new.path, 1, 8) <> '/hidden/' BEGIN
  DELETE FROM phone_item WHERE asset_id = new.asset_id AND phone_id = new.phone_id AND substr(path, 1, 8) = '/hidden/';
END;
