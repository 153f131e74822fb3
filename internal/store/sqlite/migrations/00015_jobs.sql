-- Long work in the background: where each job stands, whose disk (node) has its
-- input, and how often it was begun. What it was told, what came of it and what was
-- wrong are sealed: they may hold addresses and numbers.

-- +goose Up
CREATE TABLE jobs (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    node       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    done       INTEGER NOT NULL DEFAULT 0,
    total      INTEGER NOT NULL DEFAULT 0,
    who        TEXT    NOT NULL,
    made_at    INTEGER NOT NULL,
    started_at INTEGER NOT NULL DEFAULT 0,
    ended_at   INTEGER NOT NULL DEFAULT 0,
    waits      TEXT    NOT NULL DEFAULT '',
    error      TEXT    NOT NULL DEFAULT '',
    size       INTEGER NOT NULL DEFAULT -1,
    tries      INTEGER NOT NULL DEFAULT 0,
    sealed     TEXT    NOT NULL
);
CREATE INDEX jobs_org ON jobs (org_id, id);
CREATE INDEX jobs_open ON jobs (node, id) WHERE ended_at = 0;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at > 0;
