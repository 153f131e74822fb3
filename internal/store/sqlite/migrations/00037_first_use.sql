-- When users who did not say where they are were asked, and how often they were
-- written to since.

-- +goose Up
CREATE TABLE first_use_reminders (
    org_id  TEXT NOT NULL,
    user_id TEXT NOT NULL,
    since   INTEGER NOT NULL,
    times   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    node    TEXT NOT NULL,
    handed  INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT;
