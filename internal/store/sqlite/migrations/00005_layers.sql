-- Reference layers: what each is, and what it holds in pieces under its digest.
-- A piece that no layer names is left over and is swept. What was found out
-- about a building's address stands beside it, as JSON; empty: nobody looked.

-- +goose Up
CREATE TABLE layers (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key           TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    grade         TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    standard      TEXT    NOT NULL,
    as_of         INTEGER NOT NULL,
    layer_version INTEGER NOT NULL,
    digest        TEXT    NOT NULL,
    size          INTEGER NOT NULL,
    addresses     INTEGER NOT NULL,
    streets       INTEGER NOT NULL,
    boundaries    INTEGER NOT NULL,
    imported_at   INTEGER NOT NULL,
    imported_by   TEXT    NOT NULL,
    UNIQUE (org_id, key),
    CHECK (org_id = '')
) STRICT;

CREATE TABLE layer_blobs (
    digest TEXT    NOT NULL,
    seq    INTEGER NOT NULL,
    chunk  BLOB    NOT NULL,
    PRIMARY KEY (digest, seq)
) STRICT;

ALTER TABLE buildings ADD COLUMN validation TEXT NOT NULL DEFAULT '';
