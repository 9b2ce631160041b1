-- Disks that were made this box's own on purpose: when one appears, it is used by itself. Additive.
CREATE TABLE known_disk (
  marker_id   TEXT PRIMARY KEY,                 -- as its marker has it
  volume_uuid TEXT NOT NULL,                    -- of the filesystem that it is on
  disk_id     TEXT NOT NULL,                    -- of the device, lastingly
  name        TEXT NOT NULL,                    -- for people
  adopted_at  INTEGER NOT NULL
) STRICT;
