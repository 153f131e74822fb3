-- Where else a trunk leads, what it is known by besides addresses, how it is
-- probed and registered with, and how much it takes. Credentials of both
-- directions are one sealed text; lists are JSON. Empty: none.

-- +goose Up
ALTER TABLE trunks ADD COLUMN targets            TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN inbound            TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN certificates       TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN credentials_sealed TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN registration       TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN probe              TEXT    NOT NULL DEFAULT '';
ALTER TABLE trunks ADD COLUMN capacity           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN reserved           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN national           INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trunks ADD COLUMN marks              TEXT    NOT NULL DEFAULT '';
