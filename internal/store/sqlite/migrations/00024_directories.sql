-- Directories of people: what is known of each (JSON of admin/directory, sealed: it
-- has the password), what it told last, and the newest report. name_key is the folded
-- name of a person, and no other's in the source; of groups and of who is deleted it
-- is made from the id.

-- +goose Up
CREATE TABLE directories (
    org_id  TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    sealed  TEXT    NOT NULL,
    report  TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key)
) STRICT;

CREATE TABLE directory_entries (
    org_id    TEXT    NOT NULL,
    source_id TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    name_key  TEXT    NOT NULL,
    external  TEXT    NOT NULL,
    gone      INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    PRIMARY KEY (org_id, source_id, id),
    UNIQUE (org_id, source_id, name_key)
) STRICT;
CREATE INDEX directory_entries_external ON directory_entries (org_id, source_id, external);
