-- Who opened a pairing is told what becomes of it. Additive: a program of the release before ignores all of it.

ALTER TABLE pairing ADD COLUMN opened_by TEXT;      -- the person's id; NULL: the console
ALTER TABLE pairing ADD COLUMN refused_at INTEGER;  -- whoever looked at it said that it is not their phone
CREATE INDEX pairing_by_phone ON pairing (phone_id);
