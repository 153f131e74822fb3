-- What a device model is called and what its firmware can do; the devices that
-- were ever seen; the network elements that devices showed and the map does not
-- know. The last two follow from the facts of the journal, but for what people
-- decided about an element (state and what follows it), and point at nothing:
-- they outlive what they name.

-- +goose Up
ALTER TABLE models ADD COLUMN maker    TEXT NOT NULL DEFAULT '';
ALTER TABLE models ADD COLUMN names    TEXT NOT NULL DEFAULT 'null';
ALTER TABLE models ADD COLUMN firmware TEXT NOT NULL DEFAULT 'null';

CREATE TABLE seen_devices (
    org_id  TEXT    NOT NULL,
    device  TEXT    NOT NULL,
    known   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (org_id, device)
) STRICT;
CREATE INDEX seen_devices_unknown ON seen_devices (org_id, last_at) WHERE known = 0;

CREATE TABLE unknown_elements (
    org_id   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    stranded INTEGER NOT NULL,
    devices  INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    state_by    TEXT    NOT NULL,
    state_at    INTEGER NOT NULL,
    state_why   TEXT    NOT NULL,
    location_id TEXT    NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT;
CREATE INDEX unknown_elements_rank ON unknown_elements (org_id, state, stranded, devices, last_at);

CREATE TABLE inventory_cursors (
    node TEXT    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT;
