-- Which numbers are ELINs, how far the record of each got in the carrier's ALI
-- database, what an organisation's records say besides, and the files that were
-- written for the carrier, whole, so that each can be written again.

-- +goose Up
ALTER TABLE numbers ADD COLUMN elin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE numbers ADD COLUMN ali  TEXT    NOT NULL DEFAULT '';
ALTER TABLE organisations ADD COLUMN psali TEXT NOT NULL DEFAULT '';

CREATE INDEX numbers_ali ON numbers (org_id, id) WHERE elin = 1 OR ali <> '';

CREATE TABLE ali_files (
    org_id  TEXT    NOT NULL,
    cycle   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    records INTEGER NOT NULL,
    digest  TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    PRIMARY KEY (org_id, cycle)
) STRICT;
