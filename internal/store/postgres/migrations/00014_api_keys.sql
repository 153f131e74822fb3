-- Keys of programs, of which a hash alone is kept, and what was answered to
-- requests that may be sent twice. Neither has a constraint on its organisation:
-- a key is looked up before anybody knows whose it is, and '' is the operator.

-- +goose Up
CREATE TABLE api_keys (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id    TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    scopes    TEXT COLLATE "C" NOT NULL,
    hash      BYTEA   NOT NULL,
    made_at   BIGINT  NOT NULL,
    made_by   TEXT COLLATE "C" NOT NULL,
    expires   BIGINT  NOT NULL DEFAULT 0,
    last_used BIGINT  NOT NULL DEFAULT 0,
    revoked   BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX api_keys_org ON api_keys (org_id, id);

-- An answer may hold a secret that is shown once: it is sealed. Empty: the
-- request is under way, or was cut short.
CREATE TABLE api_requests (
    caller      TEXT COLLATE "C" NOT NULL,
    request_key TEXT COLLATE "C" NOT NULL,
    hash        BYTEA   NOT NULL,
    at          BIGINT  NOT NULL,
    answer      TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (caller, request_key)
);
CREATE INDEX api_requests_at ON api_requests (at);

-- Users are looked up by e-mail address, in any case.
CREATE INDEX users_email ON users (org_id, lower(email)) WHERE email <> '';
