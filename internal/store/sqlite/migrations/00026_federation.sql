-- Identity providers of organisations and of the operator (JSON of admin/federation,
-- sealed: it has the client's secret), which address leads to them, whom they
-- brought, what was used and may be used once, and where they are asked for. A
-- session that a provider brought is bound to its organisation; one that was begun
-- otherwise may count everywhere but in some.

-- +goose Up
CREATE TABLE federation_providers (
    id      TEXT    NOT NULL PRIMARY KEY,
    org_id  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    proved  INTEGER NOT NULL DEFAULT 0,
    sealed  TEXT    NOT NULL,
    UNIQUE (org_id, key)
) STRICT;

CREATE TABLE federation_domains (
    domain      TEXT NOT NULL PRIMARY KEY,
    provider_id TEXT NOT NULL REFERENCES federation_providers (id)
) STRICT;
CREATE INDEX federation_domains_provider ON federation_domains (provider_id);

CREATE TABLE federation_links (
    provider_id TEXT    NOT NULL REFERENCES federation_providers (id),
    subject     TEXT    NOT NULL,
    identity_id TEXT    NOT NULL REFERENCES identities (id),
    made_at     INTEGER NOT NULL,
    used        INTEGER NOT NULL,
    PRIMARY KEY (provider_id, subject)
) STRICT;
CREATE UNIQUE INDEX federation_links_identity ON federation_links (provider_id, identity_id);

CREATE TABLE federation_uses (
    hash    BLOB    NOT NULL PRIMARY KEY,
    expires INTEGER NOT NULL
) STRICT;

CREATE TABLE federation_policies (
    org_id  TEXT    NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;

ALTER TABLE sessions ADD COLUMN provider_id TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN bound_org TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN without_orgs TEXT NOT NULL DEFAULT '';
