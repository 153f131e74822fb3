-- Who an entry of a directory is here, so that the fields that a directory feeds of one
-- user are found at once (C-59).

-- +goose Up
ALTER TABLE directory_entries ADD COLUMN user_id TEXT COLLATE "C" NOT NULL DEFAULT '';
SELECT set_config('callbox.org', '*', true);
UPDATE directory_entries SET user_id = COALESCE(body::json->>'user', '');
CREATE INDEX directory_entries_user ON directory_entries (org_id, source_id, user_id);
