-- What people ask for who have no account: an organisation of their own, under a
-- partner or the provider.

-- +goose Up
CREATE TABLE account_requests (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    partner_id   TEXT COLLATE "C" NOT NULL DEFAULT '',
    organisation TEXT COLLATE "C" NOT NULL,
    email        TEXT COLLATE "C" NOT NULL,
    person       TEXT COLLATE "C" NOT NULL DEFAULT '',
    message      TEXT COLLATE "C" NOT NULL DEFAULT '',
    state        TEXT COLLATE "C" NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL DEFAULT '',
    asked        BIGINT NOT NULL,
    changed      BIGINT NOT NULL,
    changed_by   TEXT COLLATE "C" NOT NULL,
    made_org     TEXT COLLATE "C" NOT NULL DEFAULT ''
);
