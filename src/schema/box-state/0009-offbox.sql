-- The copy on another machine. No row: none. Additive: a program of the release before ignores it.
CREATE TABLE offbox (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  settings   TEXT NOT NULL,                     -- JSON, no secret in it
  secret     TEXT NOT NULL,                     -- JSON, in clear, since it has to be said to others
  state      TEXT NOT NULL,                     -- JSON: what came of it
  created_at INTEGER NOT NULL
) STRICT;
