-- When users who did not say where they are were asked, and how often they were
-- written to since.

-- +goose Up
CREATE TABLE first_use_reminders (
    org_id  TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    since   BIGINT NOT NULL,
    times   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    node    TEXT COLLATE "C" NOT NULL,
    handed  BOOLEAN NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
