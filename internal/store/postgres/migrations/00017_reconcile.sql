-- Lists of calling platforms that are compared with ours: what is known of each
-- (JSON of admin/reconcile), the list as it came last, and what runs found.
-- Differences are kept of the newest run of a source alone.

-- +goose Up
CREATE TABLE reconcile_sources (
    org_id  TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    version BIGINT  NOT NULL,
    body    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key)
);

CREATE TABLE reconcile_lists (
    org_id    TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    at        BIGINT  NOT NULL,
    digest    TEXT COLLATE "C" NOT NULL,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (org_id, source_id)
);

CREATE TABLE reconcile_runs (
    org_id      TEXT COLLATE "C" NOT NULL,
    source_id   TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    differences TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, source_id, id)
);
