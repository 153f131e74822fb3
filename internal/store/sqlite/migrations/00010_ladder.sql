-- Which way a call goes: sites' own PSTN trunks, who accepted TN mode, where an
-- organisation stands with the E911 path, PSAPs that take another's calls by
-- agreement, and whose callers a relay centre takes. Lists are JSON; empty: none.

-- +goose Up
ALTER TABLE sites         ADD COLUMN mode_ack_by TEXT    NOT NULL DEFAULT '';
ALTER TABLE sites         ADD COLUMN mode_ack_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE organisations ADD COLUMN state       TEXT    NOT NULL DEFAULT '';
ALTER TABLE psaps         ADD COLUMN countries   TEXT    NOT NULL DEFAULT '';
ALTER TABLE psaps         ADD COLUMN languages   TEXT    NOT NULL DEFAULT '';

CREATE TABLE site_trunks (
    org_id   TEXT    NOT NULL,
    site_id  TEXT    NOT NULL,
    position INTEGER NOT NULL,
    trunk_id TEXT    NOT NULL REFERENCES trunks (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (site_id, position),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX site_trunks_trunk ON site_trunks (trunk_id);

CREATE TABLE psap_alternates (
    psap_id   TEXT    NOT NULL REFERENCES psaps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    position  INTEGER NOT NULL,
    other_id  TEXT    NOT NULL REFERENCES psaps (id) DEFERRABLE INITIALLY DEFERRED,
    agreement TEXT    NOT NULL,
    expires   INTEGER NOT NULL,
    PRIMARY KEY (psap_id, position)
) STRICT;
CREATE INDEX psap_alternates_other ON psap_alternates (other_id);
