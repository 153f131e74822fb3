-- Long work in the background: where each job stands, whose disk (node) has its
-- input, and how often it was begun. What it was told, what came of it and what was
-- wrong are sealed: they may hold addresses and numbers.

-- +goose Up
CREATE TABLE jobs (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id     TEXT COLLATE "C" NOT NULL,
    node       TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    title      TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    done       BIGINT NOT NULL DEFAULT 0,
    total      BIGINT NOT NULL DEFAULT 0,
    who        TEXT COLLATE "C" NOT NULL,
    made_at    BIGINT NOT NULL,
    started_at BIGINT NOT NULL DEFAULT 0,
    ended_at   BIGINT NOT NULL DEFAULT 0,
    waits      TEXT COLLATE "C" NOT NULL DEFAULT '',
    error      TEXT COLLATE "C" NOT NULL DEFAULT '',
    size       BIGINT NOT NULL DEFAULT -1,
    tries      BIGINT NOT NULL DEFAULT 0,
    sealed     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX jobs_org ON jobs (org_id, id);
CREATE INDEX jobs_open ON jobs (node, id) WHERE ended_at = 0;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at > 0;
