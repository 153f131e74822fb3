-- What a directory says of a PSAP, and which service boundaries are its own;
-- the carriers that take an organisation's calls for any place; and its own
-- choices of a PSAP for a site, a building or a location.

-- +goose Up
ALTER TABLE psaps ADD COLUMN features TEXT NOT NULL DEFAULT 'null';
ALTER TABLE psaps ADD COLUMN agency   TEXT NOT NULL DEFAULT '';
ALTER TABLE psaps ADD COLUMN listing  TEXT NOT NULL DEFAULT '{}';

CREATE TABLE org_carriers (
    org_id   TEXT    NOT NULL REFERENCES organisations (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    trunk_id TEXT    NOT NULL REFERENCES trunks (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (org_id, position)
) STRICT;
CREATE INDEX org_carriers_trunk ON org_carriers (trunk_id);

CREATE TABLE psap_overrides (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key         TEXT    NOT NULL,
    site_id     TEXT,
    building_id TEXT,
    location_id TEXT,
    psap_id     TEXT    NOT NULL REFERENCES psaps (id) DEFERRABLE INITIALLY DEFERRED,
    agreement   TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    UNIQUE (org_id, site_id),
    UNIQUE (org_id, building_id),
    UNIQUE (org_id, location_id),
    FOREIGN KEY (org_id) REFERENCES organisations (id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, building_id) REFERENCES buildings (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX psap_overrides_psap ON psap_overrides (psap_id);
