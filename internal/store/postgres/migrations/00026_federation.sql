-- Identity providers of organisations and of the operator (JSON of admin/federation,
-- sealed: it has the client's secret), which address leads to them, whom they
-- brought, what was used and may be used once, and where they are asked for. A
-- session that a provider brought is bound to its organisation; one that was begun
-- otherwise may count everywhere but in some.

-- +goose Up
CREATE TABLE federation_providers (
    id      TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    org_id  TEXT   COLLATE "C" NOT NULL,
    key     TEXT   COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    proved  BIGINT NOT NULL DEFAULT 0,
    sealed  TEXT   COLLATE "C" NOT NULL,
    UNIQUE (org_id, key)
);

CREATE TABLE federation_domains (
    domain      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    provider_id TEXT COLLATE "C" NOT NULL REFERENCES federation_providers (id)
);
CREATE INDEX federation_domains_provider ON federation_domains (provider_id);

CREATE TABLE federation_links (
    provider_id TEXT   COLLATE "C" NOT NULL REFERENCES federation_providers (id),
    subject     TEXT   COLLATE "C" NOT NULL,
    identity_id TEXT   COLLATE "C" NOT NULL REFERENCES identities (id),
    made_at     BIGINT NOT NULL,
    used        BIGINT NOT NULL,
    PRIMARY KEY (provider_id, subject)
);
CREATE UNIQUE INDEX federation_links_identity ON federation_links (provider_id, identity_id);

CREATE TABLE federation_uses (
    hash    BYTEA  NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE TABLE federation_policies (
    org_id  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    body    TEXT   COLLATE "C" NOT NULL
);

ALTER TABLE sessions ADD COLUMN provider_id TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN bound_org TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN without_orgs TEXT COLLATE "C" NOT NULL DEFAULT '';
