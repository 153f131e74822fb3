-- How long after a call its numbers lead back, in minutes; 0: as the server is set.

-- +goose Up
ALTER TABLE sites ADD COLUMN callback_window BIGINT NOT NULL DEFAULT 0;
