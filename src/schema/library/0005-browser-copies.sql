-- Files that a person chose in the page of their phone: what the browser handed over, which may be less than the original
-- (converted, without its places, without its moving half). They never count as originals.
-- Such an item is filed with `folder` = 1: it is none of what the phone's own client tells of, and whatever counts those
-- passes it over, in a program of the release before too. Its path begins with '/', as no path that is told does.

ALTER TABLE phone_item ADD COLUMN origin TEXT NOT NULL DEFAULT 'app' CHECK (origin IN ('app', 'browser'));
ALTER TABLE asset ADD COLUMN from_browser INTEGER NOT NULL DEFAULT 0; -- 1: no app has told of or sent these bytes

-- The same bytes by an app: they are the original, then and from then on, and of the pair that the original is of.
CREATE TRIGGER asset_told_by_app AFTER INSERT ON phone_item WHEN new.asset_id IS NOT NULL AND new.origin = 'app' BEGIN
  UPDATE asset SET from_browser = 0, pair = CASE WHEN pair LIKE 'browser:%' THEN substr(pair, 9) ELSE pair END
  WHERE id = new.asset_id AND from_browser = 1;
END;
CREATE TRIGGER asset_told_by_app_later AFTER UPDATE OF asset_id ON phone_item
WHEN new.asset_id IS NOT NULL AND new.origin = 'app' BEGIN
  UPDATE asset SET from_browser = 0, pair = CASE WHEN pair LIKE 'browser:%' THEN substr(pair, 9) ELSE pair END
  WHERE id = new.asset_id AND from_browser = 1;
END;
