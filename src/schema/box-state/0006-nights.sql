-- Nights and their reports, alerts, what is sent off the box when its owner wants that, and what each person may use.
-- Additive: a program of the release before ignores all of it.

-- One for each night that was over while the box ran. What came is counted from where the report before ended.
CREATE TABLE night_report (
  night        TEXT PRIMARY KEY,                -- yyyy-mm-dd of its morning, by the clock of the house
  window_from  INTEGER NOT NULL,
  window_to    INTEGER NOT NULL,
  counted_from INTEGER NOT NULL,
  counted_to   INTEGER NOT NULL,                -- as counted_from: the library was away, the next one counts it
  made_at      INTEGER NOT NULL,
  report       TEXT NOT NULL                    -- JSON
) STRICT;
CREATE INDEX night_report_by_time ON night_report (window_to);

-- A need of somebody, from when the box first saw it until some while after it saw it last.
CREATE TABLE alert (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  code            TEXT NOT NULL,
  key             TEXT NOT NULL,                -- what it is about: a phone's id, a certificate...; '': the box
  phone_id        TEXT,
  person_id       TEXT,                         -- whose phone
  severity        TEXT NOT NULL CHECK (severity IN ('act', 'watch')),
  level           INTEGER NOT NULL,             -- one that grows asks again for somebody who has acknowledged it
  params          TEXT NOT NULL,                -- JSON
  state           TEXT NOT NULL CHECK (state IN ('pending', 'raised', 'acknowledged', 'cleared')),
  since           INTEGER NOT NULL,             -- when it was first seen
  raised_at       INTEGER,                      -- NULL: it may pass by itself
  acknowledged_at INTEGER,
  acknowledged_by TEXT,                         -- as in the audit log
  quiet_since     INTEGER,                      -- NULL: it is so now
  cleared_at      INTEGER
) STRICT;
CREATE UNIQUE INDEX alert_open ON alert (code, key) WHERE state <> 'cleared';
CREATE INDEX alert_cleared ON alert (cleared_at) WHERE state = 'cleared';

-- How full the library's disk was after each night: what a forecast is made of.
CREATE TABLE disk_room (
  night       TEXT PRIMARY KEY,
  total_bytes INTEGER NOT NULL,
  free_bytes  INTEGER NOT NULL
) STRICT;

-- A way off the box. No row: off.
CREATE TABLE channel (
  kind     TEXT PRIMARY KEY CHECK (kind IN ('mail', 'webhook')),
  settings TEXT NOT NULL,                       -- JSON, no secret in it
  secret   TEXT                                 -- in clear, since it has to be said to others; never told again
) STRICT;

-- What is still to be sent. A row goes when the other side has taken it.
CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  channel    TEXT NOT NULL,
  message    TEXT NOT NULL,                     -- JSON
  created_at INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  last_error TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (channel, next_at);

-- No row: as much as there is, and the trash as everybody's.
CREATE TABLE person_limit (
  person_id   TEXT PRIMARY KEY REFERENCES person (id) ON DELETE CASCADE,
  quota_bytes INTEGER,                          -- NULL: as much as there is
  trash_days  INTEGER                           -- NULL: as everybody's
) STRICT;

ALTER TABLE phone ADD COLUMN away_until INTEGER; -- until then nobody misses it
