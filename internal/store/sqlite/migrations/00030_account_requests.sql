-- What people ask for who have no account: an organisation of their own, under a
-- partner or the provider.

-- +goose Up
CREATE TABLE account_requests (
    id           TEXT NOT NULL PRIMARY KEY,
    partner_id   TEXT NOT NULL DEFAULT '',
    organisation TEXT NOT NULL,
    email        TEXT NOT NULL,
    person       TEXT NOT NULL DEFAULT '',
    message      TEXT NOT NULL DEFAULT '',
    state        TEXT NOT NULL,
    reason       TEXT NOT NULL DEFAULT '',
    asked        INTEGER NOT NULL,
    changed      INTEGER NOT NULL,
    changed_by   TEXT NOT NULL,
    made_org     TEXT NOT NULL DEFAULT ''
) STRICT;
