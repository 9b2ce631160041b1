-- What disks tell of themselves. Additive: a program of the release before ignores all of it.

-- One for each disk that was ever asked.
CREATE TABLE disk_health (
  disk_id       TEXT PRIMARY KEY,
  smart_type    TEXT,                           -- the way of asking that it answered; NULL: none yet
  silent_tries  INTEGER NOT NULL,               -- readings in a row that told nothing
  asleep        INTEGER NOT NULL,               -- when it was looked at last
  looked_at     INTEGER NOT NULL,
  reading       TEXT,                           -- JSON; the last that told something, or at least what it is
  read_at       INTEGER,
  short_test_at INTEGER,                        -- when the box began one last
  long_test_at  INTEGER
) STRICT;

-- A row a day. Counts are of the disk's whole life; NULL: it does not tell.
CREATE TABLE disk_reading (
  disk_id               TEXT NOT NULL,
  day                   INTEGER NOT NULL,       -- days since 1970, UTC
  temperature_c         INTEGER,                -- the highest of the day
  power_on_hours        INTEGER,
  reallocated           INTEGER,
  pending               INTEGER,
  offline_uncorrectable INTEGER,
  reported_uncorrect    INTEGER,
  crc_errors            INTEGER,
  media_errors          INTEGER,
  wear_percent          INTEGER,
  spare_percent         INTEGER,
  PRIMARY KEY (disk_id, day)
) STRICT, WITHOUT ROWID;

-- What the box saw of a disk, by day.
CREATE TABLE disk_event (
  disk_id TEXT NOT NULL,
  day     INTEGER NOT NULL,
  kind    TEXT NOT NULL CHECK (kind IN ('io-error', 'read-only', 'damaged-file')),
  times   INTEGER NOT NULL,
  PRIMARY KEY (disk_id, day, kind)
) STRICT, WITHOUT ROWID;
