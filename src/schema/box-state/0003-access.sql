-- Two-factor sign-in, sessions with stages, approvals by phone, recovery, policies, and throttles that outlive a restart.

ALTER TABLE person ADD COLUMN password_changed_at INTEGER;
ALTER TABLE person ADD COLUMN second_factor_since INTEGER;   -- NULL: the password alone opens the door

-- What a session still lacks, in the order in which it is asked for.
ALTER TABLE session ADD COLUMN stage TEXT NOT NULL DEFAULT 'open'
  CHECK (stage IN ('second-factor', 'new-password', 'enrol', 'open'));
ALTER TABLE session ADD COLUMN way TEXT;                     -- approval, code, recovery, password: what opened it
ALTER TABLE session ADD COLUMN absolute_until INTEGER;       -- whatever its use
ALTER TABLE session ADD COLUMN confirmed_at INTEGER;         -- when the person last proved to be there
ALTER TABLE session ADD COLUMN known_browser_id TEXT;

-- A browser on which a person has signed in whole: its own failures are counted apart, so that nobody else's stop it.
CREATE TABLE known_browser (
  id           TEXT PRIMARY KEY,
  token_sha256 BLOB NOT NULL,
  person_id    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  UNIQUE (token_sha256, person_id)              -- two people may share a browser, and so its token
) STRICT;
CREATE INDEX known_browser_by_person ON known_browser (person_id);

CREATE TABLE invitation (
  id            TEXT PRIMARY KEY,
  person_id     TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  kind          TEXT NOT NULL CHECK (kind IN ('join', 'reset')),
  secret_sha256 BLOB NOT NULL UNIQUE,
  created_at    INTEGER NOT NULL,
  valid_from    INTEGER NOT NULL,               -- later than created_at where a delay gives time to object
  expires_at    INTEGER NOT NULL,
  used_at       INTEGER
) STRICT;

CREATE TABLE authenticator (
  id           TEXT PRIMARY KEY,
  person_id    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  secret       BLOB NOT NULL,                   -- 20 bytes; needed in clear to compute codes
  created_at   INTEGER NOT NULL,
  confirmed_at INTEGER,                         -- NULL: shown, six digits not yet verified; not asked for
  last_step    INTEGER NOT NULL DEFAULT 0,      -- no code of this 30 s step or an earlier one is taken again
  last_used_at INTEGER
) STRICT;
CREATE INDEX authenticator_by_person ON authenticator (person_id);

-- Steps still to come whose code was typed: it will not count, or a guess that hits one would only have to wait for it.
CREATE TABLE seen_step (
  authenticator_id TEXT NOT NULL REFERENCES authenticator (id) ON DELETE CASCADE,
  step             INTEGER NOT NULL,
  PRIMARY KEY (authenticator_id, step)
) STRICT;

CREATE TABLE approver (
  id           TEXT PRIMARY KEY,
  person_id    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  phone_id     TEXT NOT NULL REFERENCES phone (id) ON DELETE CASCADE,
  public_key   BLOB NOT NULL,                   -- SPKI, P-256
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at   INTEGER
) STRICT;
CREATE INDEX approver_by_person ON approver (person_id);
CREATE UNIQUE INDEX approver_one_per_phone ON approver (phone_id) WHERE revoked_at IS NULL;

CREATE TABLE approval (
  id          TEXT PRIMARY KEY,
  person_id   TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  session_id  TEXT REFERENCES session (id) ON DELETE SET NULL, -- the row outlives it: it counts towards the hour's limit
  known       INTEGER NOT NULL,                 -- 1: asked by a browser that this person had signed in on before
  digits      TEXT NOT NULL,                    -- empty once nobody may type them any more
  browser     TEXT NOT NULL,
  address     TEXT NOT NULL,
  home        INTEGER NOT NULL,                 -- 1: the address was in one of the box's own networks
  created_at  INTEGER NOT NULL,                 -- the phone signs this very number
  counted_at  INTEGER NOT NULL,                 -- as created_at, but never ahead of the clock
  expires_at  INTEGER NOT NULL,
  tries_left  INTEGER NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('open', 'approved', 'done', 'denied', 'dead')),
  approver_id TEXT
) STRICT;
CREATE INDEX approval_by_person ON approval (person_id, counted_at);
CREATE INDEX approval_by_session ON approval (session_id);

ALTER TABLE pairing ADD COLUMN replaces_phone_id TEXT REFERENCES phone (id); -- a move: same phone, new credentials
ALTER TABLE pairing ADD COLUMN may_approve INTEGER NOT NULL DEFAULT 0;       -- its phone's key may become a second factor
ALTER TABLE pairing ADD COLUMN session_id TEXT;                              -- that opened it; it outlives the new factor

CREATE TABLE recovery_code (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  sha256     BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  used_at    INTEGER
) STRICT;
CREATE INDEX recovery_code_by_person ON recovery_code (person_id);

-- The key that seals the copies of the box state, wrapped in several ways; the key itself is nowhere in this file.
CREATE TABLE recovery_key (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  fingerprint TEXT NOT NULL,                    -- of the key within
  wraps       TEXT NOT NULL,                    -- JSON: by recovery key, by the owner's password, by the file box-key
  made_at     INTEGER NOT NULL
) STRICT;

-- Failures are worth nothing if a pulled plug forgets them.
CREATE TABLE throttle (
  key            TEXT PRIMARY KEY,
  failures       INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL,
  tokens         REAL NOT NULL,
  resting        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TRIGGER throttle_of_known_browser AFTER DELETE ON known_browser BEGIN
  DELETE FROM throttle WHERE key IN ('password by ' || OLD.id, 'code by ' || OLD.id, 'recovery by ' || OLD.id);
END;

-- What a person is to see on all their devices until they have seen it.
CREATE TABLE notice (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  person_id  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  at         INTEGER NOT NULL,
  kind       TEXT NOT NULL,
  detail     TEXT NOT NULL DEFAULT '{}',
  seen_at    INTEGER
) STRICT;
CREATE INDEX notice_by_person ON notice (person_id, id);

-- Somebody at the box asked for a person's second factors to be taken away. The newest request of each person.
CREATE TABLE factor_reset (
  person_id  TEXT PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
  asked_at   INTEGER NOT NULL,
  valid_from INTEGER NOT NULL,                  -- later than asked_at when the password was reset just before
  done_at    INTEGER                            -- NULL: still to be done, at valid_from
) STRICT;

ALTER TABLE person ADD COLUMN erased_at INTEGER;              -- when the last of a removed person's data was gone
ALTER TABLE phone ADD COLUMN gone_at INTEGER;                 -- its person's data was deleted: whoever asks with it is told so

-- What anybody can cause as often as they like is counted in one row an hour, and has an end of its own.
ALTER TABLE audit ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN flood INTEGER NOT NULL DEFAULT 0;
CREATE INDEX audit_same ON audit (event, actor, subject, at);
CREATE INDEX audit_flood ON audit (id) WHERE flood = 1;
