-- Who may do what: identities that sign in, the roles they were given in the tree
-- of accounts, links that work once, and moves of organisations between partners.
-- An identity is of no organisation; a role may be of one.

-- +goose Up
CREATE TABLE partners (
    id      TEXT    NOT NULL PRIMARY KEY,
    key     TEXT    NOT NULL UNIQUE,
    name    TEXT    NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE org_partners (
    org_id     TEXT NOT NULL PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partners (id)
) STRICT;
CREATE INDEX org_partners_partner ON org_partners (partner_id);

CREATE TABLE identities (
    id         TEXT    NOT NULL PRIMARY KEY,
    email      TEXT    NOT NULL,
    email_fold TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    language   TEXT    NOT NULL DEFAULT '',
    made_at    INTEGER NOT NULL,
    disabled   INTEGER NOT NULL DEFAULT 0,
    last_seen  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE member_grants (
    id          TEXT    NOT NULL PRIMARY KEY,
    identity_id TEXT    NOT NULL REFERENCES identities (id),
    role        TEXT    NOT NULL,
    partner_id  TEXT    NOT NULL DEFAULT '',
    org_id      TEXT    NOT NULL DEFAULT '',
    site_id     TEXT    NOT NULL DEFAULT '',
    ends        INTEGER NOT NULL DEFAULT 0,
    support     INTEGER NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    made_at     INTEGER NOT NULL,
    made_by     TEXT    NOT NULL,
    used        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX member_grants_identity ON member_grants (identity_id, id);
CREATE INDEX member_grants_node ON member_grants (org_id, site_id, partner_id);

CREATE TABLE org_transfers (
    id           TEXT    NOT NULL PRIMARY KEY,
    org_id       TEXT    NOT NULL,
    from_partner TEXT    NOT NULL,
    to_partner   TEXT    NOT NULL,
    asked        INTEGER NOT NULL,
    agreed       TEXT    NOT NULL,
    ended        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX org_transfers_org ON org_transfers (org_id, id);

CREATE TABLE member_links (
    hash        BLOB    NOT NULL PRIMARY KEY,
    purpose     TEXT    NOT NULL,
    identity_id TEXT    NOT NULL REFERENCES identities (id),
    made_at     INTEGER NOT NULL,
    expires     INTEGER NOT NULL
) STRICT;
CREATE INDEX member_links_identity ON member_links (identity_id);
