-- Box state: people, phones, sessions, settings, box jobs, audit. Times are milliseconds since 1970, UTC.
-- Lives in the state folder, never on a library disk. Migrations are forward-only and additive for one release.

CREATE TABLE person (
  id            TEXT PRIMARY KEY,               -- UUID, also known to the library's copy
  name          TEXT NOT NULL,
  name_key      TEXT NOT NULL UNIQUE,           -- NFC, lower case: two people never differ by case alone
  folder        TEXT NOT NULL UNIQUE COLLATE NOCASE, -- fixed at creation
  role          TEXT NOT NULL CHECK (role IN ('owner', 'member')),
  password_hash TEXT,                           -- PHC string, argon2id; NULL: cannot sign in yet
  created_at    INTEGER NOT NULL,
  removed_at    INTEGER
) STRICT;
CREATE UNIQUE INDEX person_one_owner ON person (role) WHERE role = 'owner' AND removed_at IS NULL;

CREATE TABLE session (
  id           TEXT PRIMARY KEY,                -- public name of the session, for lists and revoking
  token_sha256 BLOB NOT NULL UNIQUE,
  person_id    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  user_agent   TEXT NOT NULL,
  address      TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_person ON session (person_id);

CREATE TABLE phone (
  id             TEXT PRIMARY KEY,              -- UUID
  person_id      TEXT NOT NULL REFERENCES person (id),
  name           TEXT NOT NULL,
  base_folder    TEXT NOT NULL,                 -- inside the disk, for new files only
  client         TEXT,
  client_version TEXT,
  created_at     INTEGER NOT NULL,
  last_seen_at   INTEGER,
  revoked_at     INTEGER
) STRICT;
CREATE INDEX phone_by_person ON phone (person_id);

CREATE TABLE phone_credential (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  phone_id      TEXT NOT NULL REFERENCES phone (id) ON DELETE CASCADE,
  door          TEXT NOT NULL,                  -- 'api' now; one per door, so that an app's log-out ends its own
  secret_sha256 BLOB NOT NULL UNIQUE,
  created_at    INTEGER NOT NULL,
  last_used_at  INTEGER,
  unused_until  INTEGER                         -- dies at this time if never used by then
) STRICT;
CREATE INDEX phone_credential_by_phone ON phone_credential (phone_id);

CREATE TABLE pairing (
  id            TEXT PRIMARY KEY,
  person_id     TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  phone_name    TEXT NOT NULL,
  base_folder   TEXT NOT NULL,
  secret_sha256 BLOB NOT NULL UNIQUE,
  code_sha256   BLOB NOT NULL,
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  tries_left    INTEGER NOT NULL,
  redeemed_at   INTEGER,
  phone_id      TEXT REFERENCES phone (id)
) STRICT;

CREATE TABLE setting (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL                           -- JSON
) STRICT;

CREATE TABLE job (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  kind          TEXT NOT NULL,
  key           TEXT NOT NULL,                  -- what it is about; a waiting job with the same key is the same job
  version       INTEGER NOT NULL DEFAULT 1,     -- of the payload's shape
  payload       TEXT NOT NULL DEFAULT '{}',     -- JSON
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

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  event   TEXT NOT NULL,
  actor   TEXT NOT NULL,                        -- person:<id>, phone:<id>, console, nobody
  subject TEXT,
  detail  TEXT NOT NULL DEFAULT '{}'            -- JSON, never a secret
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
