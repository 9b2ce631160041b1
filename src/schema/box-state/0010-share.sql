-- By which people open their own photos from another computer (SMB). Additive.
CREATE TABLE share_password (
  person_id TEXT PRIMARY KEY REFERENCES person (id),
  login     TEXT NOT NULL UNIQUE,               -- a-z, 0-9 and dashes; also the name of the share
  nt_hash   BLOB NOT NULL CHECK (length(nt_hash) = 16),
  made_at   INTEGER NOT NULL
) STRICT;

-- Whoever left the house, or had their data deleted, opens nothing any more.
CREATE TRIGGER share_password_of_removed AFTER UPDATE OF removed_at, erased_at ON person
WHEN NEW.removed_at IS NOT NULL OR NEW.erased_at IS NOT NULL
BEGIN
  DELETE FROM share_password WHERE person_id = NEW.id;
END;
