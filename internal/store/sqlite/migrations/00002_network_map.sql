-- Network elements of every kind: ranges of hardware addresses and from a low to
-- a high address, names, and elements that have no location because they prove
-- nothing about one. SQLite cannot take NOT NULL off a column, so the table is
-- made again; nothing points at it.

-- +goose Up
CREATE TABLE network_elements_2 (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    location_id TEXT,
    kind        TEXT NOT NULL,
    mac         TEXT NOT NULL,
    mac_to      TEXT NOT NULL,
    mobility    TEXT NOT NULL,
    chassis     TEXT NOT NULL,
    port        TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    addr_from   TEXT NOT NULL,
    addr_to     TEXT NOT NULL,
    name        TEXT NOT NULL,
    element_key TEXT NOT NULL,
    UNIQUE (org_id, element_key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id) REFERENCES organisations (id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
INSERT INTO network_elements_2
SELECT id, org_id, version, created_at, updated_at, location_id, kind, mac, '', mobility, chassis, port, prefix, '', '', '', element_key
FROM network_elements;
DROP TABLE network_elements;
ALTER TABLE network_elements_2 RENAME TO network_elements;
CREATE INDEX network_elements_location ON network_elements (org_id, location_id);
CREATE INDEX network_elements_low_high ON network_elements (org_id, id) WHERE addr_from <> '';
