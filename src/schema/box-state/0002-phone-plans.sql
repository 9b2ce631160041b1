-- When a phone means to come next. Additive: a program of the release before ignores both.

ALTER TABLE phone ADD COLUMN next_at INTEGER;    -- NULL: it told of none
ALTER TABLE phone ADD COLUMN planned_at INTEGER; -- when it told so; NULL: never
