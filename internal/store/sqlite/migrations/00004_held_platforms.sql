-- The call platforms of an organisation that may ask the location server for
-- others, with their secrets: one sealed list. Empty: none.

-- +goose Up
ALTER TABLE organisations ADD COLUMN held_platforms_sealed TEXT NOT NULL DEFAULT '';
