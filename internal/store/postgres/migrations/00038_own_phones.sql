-- When a user was first asked where he is, and organisations whose users set up no
-- telephones by themselves. Nobody is known to have been asked.

-- +goose Up
ALTER TABLE users ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN own_phones_off BOOLEAN NOT NULL DEFAULT FALSE;
