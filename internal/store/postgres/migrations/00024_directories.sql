-- Directories of people: what is known of each (JSON of admin/directory, sealed: it
-- has the password), what it told last, and the newest report. name_key is the folded
-- name of a person, and no other's in the source; of groups and of who is deleted it
-- is made from the id.

-- +goose Up
CREATE TABLE directories (
    org_id  TEXT COLLATE "C" NOT NULL,
    id      TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    sealed  TEXT COLLATE "C" NOT NULL,
    report  TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key)
);

CREATE TABLE directory_entries (
    org_id    TEXT COLLATE "C" NOT NULL,
    source_id TEXT COLLATE "C" NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    name_key  TEXT COLLATE "C" NOT NULL,
    external  TEXT COLLATE "C" NOT NULL,
    gone      BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    body      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (org_id, source_id, id),
    UNIQUE (org_id, source_id, name_key)
);
CREATE INDEX directory_entries_external ON directory_entries (org_id, source_id, external);
