-- A key has several secrets while they are changed (JSON; empty: one, whose hash is
-- beside it), and access tokens that ended before their time (JSON; empty: none).
-- Version tells two who change a key at the same time apart.

-- +goose Up
ALTER TABLE api_keys ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN secrets TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN ended_tokens TEXT COLLATE "C" NOT NULL DEFAULT '';
