-- Who may do what: identities that sign in, the roles they were given in the tree
-- of accounts, links that work once, and moves of organisations between partners.
-- An identity is of no organisation; a role may be of one.

-- +goose Up
CREATE TABLE partners (
    id      TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    key     TEXT    COLLATE "C" NOT NULL UNIQUE,
    name    TEXT    COLLATE "C" NOT NULL,
    made_at BIGINT  NOT NULL
);

CREATE TABLE org_partners (
    org_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    partner_id TEXT COLLATE "C" NOT NULL REFERENCES partners (id)
);
CREATE INDEX org_partners_partner ON org_partners (partner_id);

CREATE TABLE identities (
    id         TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    email      TEXT    COLLATE "C" NOT NULL,
    email_fold TEXT    COLLATE "C" NOT NULL UNIQUE,
    name       TEXT    COLLATE "C" NOT NULL,
    language   TEXT    COLLATE "C" NOT NULL DEFAULT '',
    made_at    BIGINT  NOT NULL,
    disabled   BIGINT  NOT NULL DEFAULT 0,
    last_seen  BIGINT  NOT NULL DEFAULT 0
);

CREATE TABLE member_grants (
    id          TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    identity_id TEXT    COLLATE "C" NOT NULL REFERENCES identities (id),
    role        TEXT    COLLATE "C" NOT NULL,
    partner_id  TEXT    COLLATE "C" NOT NULL DEFAULT '',
    org_id      TEXT    COLLATE "C" NOT NULL DEFAULT '',
    site_id     TEXT    COLLATE "C" NOT NULL DEFAULT '',
    ends        BIGINT  NOT NULL DEFAULT 0,
    support     BOOLEAN NOT NULL,
    reason      TEXT    COLLATE "C" NOT NULL DEFAULT '',
    made_at     BIGINT  NOT NULL,
    made_by     TEXT    COLLATE "C" NOT NULL,
    used        BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX member_grants_identity ON member_grants (identity_id, id);
CREATE INDEX member_grants_node ON member_grants (org_id, site_id, partner_id);

CREATE TABLE org_transfers (
    id           TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    org_id       TEXT    COLLATE "C" NOT NULL,
    from_partner TEXT    COLLATE "C" NOT NULL,
    to_partner   TEXT    COLLATE "C" NOT NULL,
    asked        BIGINT  NOT NULL,
    agreed       TEXT    COLLATE "C" NOT NULL,
    ended        BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX org_transfers_org ON org_transfers (org_id, id);

CREATE TABLE member_links (
    hash        BYTEA   NOT NULL PRIMARY KEY,
    purpose     TEXT    COLLATE "C" NOT NULL,
    identity_id TEXT    COLLATE "C" NOT NULL REFERENCES identities (id),
    made_at     BIGINT  NOT NULL,
    expires     BIGINT  NOT NULL
);
CREATE INDEX member_links_identity ON member_links (identity_id);
