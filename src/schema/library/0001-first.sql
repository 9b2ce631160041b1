-- The library's catalogue, on the disk that it describes. Times are milliseconds since 1970, UTC, unless said otherwise.
-- Paths are relative to the disk, '/'-separated. Migrations are forward-only and additive for one release.

CREATE TABLE person (                            -- a copy: a new box can adopt the disk with its people
  id     TEXT PRIMARY KEY,
  name   TEXT NOT NULL,
  folder TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;

CREATE TABLE asset (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  person_id         TEXT NOT NULL REFERENCES person (id),
  path              TEXT NOT NULL,
  path_key          TEXT NOT NULL UNIQUE,        -- NFC, lower case: legal and unique on disks that ignore case
  kind              TEXT NOT NULL CHECK (kind IN ('photo', 'video', 'sidecar', 'file')),
  media_type        TEXT NOT NULL,
  size              INTEGER NOT NULL,
  sha256            BLOB NOT NULL,
  mtime             INTEGER,                     -- as the phone told it
  captured_at       INTEGER NOT NULL,
  captured_local    TEXT NOT NULL,               -- yyyy-mm-ddThh:mm:ss where it was taken
  captured_from     TEXT NOT NULL CHECK (captured_from IN ('metadata', 'file-time', 'upload-time')),
  pair              TEXT,
  state             TEXT NOT NULL CHECK (state IN ('publishing', 'present', 'missing', 'damaged', 'trashed', 'deleted')),
  added_at          INTEGER NOT NULL,
  UNIQUE (person_id, sha256)                     -- the same content of one person is stored once
) STRICT;
CREATE INDEX asset_timeline ON asset (person_id, captured_at DESC, id DESC) WHERE state = 'present';
CREATE INDEX asset_by_size ON asset (person_id, size);
CREATE INDEX asset_by_pair ON asset (person_id, pair) WHERE pair IS NOT NULL;

-- A row for each asset whose file may not be in place yet: written with the asset before its name is published,
-- removed when the name is on the disk. What is left here at start was interrupted, and is driven to its end.
CREATE TABLE publishing (
  asset_id INTEGER PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
  source   TEXT NOT NULL,                        -- the received file, under .nightjar/incoming
  previous TEXT                                  -- the state of an asset that is published again; NULL: it is new
) STRICT;

CREATE TABLE phone_item (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,    -- never reused; stays when the content under a name changes
  phone_id TEXT NOT NULL,
  parent   TEXT NOT NULL,                        -- '' at the top; equals dirname(path)
  path     TEXT NOT NULL,                        -- the name this phone gave, exactly
  folder   INTEGER NOT NULL DEFAULT 0 CHECK (folder IN (0, 1)),
  key      TEXT,                                 -- the phone's own opaque id of the item
  size     INTEGER,
  mtime    INTEGER,
  asset_id INTEGER REFERENCES asset (id) ON DELETE SET NULL,
  refusal  TEXT,                                 -- error code, when the box said no for good
  seen_at  INTEGER NOT NULL,                     -- when the phone last told of it
  UNIQUE (phone_id, path)
) STRICT;
CREATE INDEX phone_item_by_key ON phone_item (phone_id, key);
CREATE INDEX phone_item_by_parent ON phone_item (phone_id, parent);
CREATE INDEX phone_item_by_asset ON phone_item (asset_id);

CREATE TABLE upload (
  id         TEXT PRIMARY KEY,                   -- 128 random bits, hexadecimal; also the name under incoming/
  phone_id   TEXT NOT NULL,
  person_id  TEXT NOT NULL,
  door       TEXT NOT NULL,
  length     INTEGER,                            -- declared, if known
  synced     INTEGER NOT NULL DEFAULT 0,         -- bytes that are durable; after a crash only these count
  facts      TEXT NOT NULL,                      -- JSON: path, mtime, key, sha256, pair, as the door learned them
  state      TEXT NOT NULL CHECK (state IN ('receiving', 'finished', 'refused')),
  asset_id   INTEGER REFERENCES asset (id) ON DELETE SET NULL,
  refusal    TEXT,                               -- error code
  reason     TEXT,                               -- and its sentence
  created_at INTEGER NOT NULL,
  touched_at INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_by_phone ON upload (phone_id, state);
CREATE INDEX upload_by_touch ON upload (touched_at);
CREATE INDEX upload_by_asset ON upload (asset_id);

CREATE TABLE job (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT NOT NULL,
  key           TEXT NOT NULL,
  version       INTEGER NOT NULL DEFAULT 1,
  payload       TEXT NOT NULL DEFAULT '{}',
  run_after     INTEGER NOT NULL,
  lease_until   INTEGER,
  attempts      INTEGER NOT NULL DEFAULT 0,
  attempts_max  INTEGER NOT NULL DEFAULT 5,
  last_error    TEXT,
  created_at    INTEGER NOT NULL,
  failed_at     INTEGER,
  UNIQUE (kind, key)
) STRICT;
CREATE INDEX job_due ON job (run_after) WHERE failed_at IS NULL;
