-- How identities prove themselves, and where they are signed in. Data is sealed.

-- +goose Up
CREATE TABLE credentials (
    id          TEXT    NOT NULL PRIMARY KEY,
    identity_id TEXT    NOT NULL REFERENCES identities (id),
    kind        TEXT    NOT NULL,
    name        TEXT    NOT NULL DEFAULT '',
    data        TEXT    NOT NULL,
    made_at     INTEGER NOT NULL,
    used        INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX credentials_identity ON credentials (identity_id, id);

CREATE TABLE sessions (
    id          TEXT    NOT NULL PRIMARY KEY,
    hash        BLOB    NOT NULL UNIQUE,
    identity_id TEXT    NOT NULL REFERENCES identities (id),
    made_at     INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    ended       INTEGER NOT NULL DEFAULT 0,
    address     TEXT    NOT NULL DEFAULT '',
    agent       TEXT    NOT NULL DEFAULT '',
    proofs      TEXT    NOT NULL
) STRICT;
CREATE INDEX sessions_identity ON sessions (identity_id, id);
