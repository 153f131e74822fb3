-- Lists of calling platforms that are compared with ours: what is known of each
-- (JSON of admin/reconcile), the list as it came last, and what runs found.
-- Differences are kept of the newest run of a source alone.

-- +goose Up
CREATE TABLE reconcile_sources (
    org_id  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key)
) STRICT;

CREATE TABLE reconcile_lists (
    org_id    TEXT    NOT NULL,
    source_id TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    digest    TEXT    NOT NULL,
    body      BLOB    NOT NULL,
    PRIMARY KEY (org_id, source_id)
) STRICT;

CREATE TABLE reconcile_runs (
    org_id      TEXT NOT NULL,
    source_id   TEXT NOT NULL,
    id          TEXT NOT NULL,
    body        TEXT NOT NULL,
    differences TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, source_id, id)
) STRICT;
