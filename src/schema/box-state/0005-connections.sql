-- Backup apps that speak for a phone through another door: each has a credential of its own (`door` nextcloud, webdav; or
-- once: it only buys one of those). Additive: a program of the release before lets none of them in.

ALTER TABLE phone_credential ADD COLUMN client TEXT; -- what the app calls itself; NULL: it has not said
