-- How identities prove themselves, and where they are signed in. Data is sealed.

-- +goose Up
CREATE TABLE credentials (
    id          TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    identity_id TEXT    COLLATE "C" NOT NULL REFERENCES identities (id),
    kind        TEXT    COLLATE "C" NOT NULL,
    name        TEXT    COLLATE "C" NOT NULL DEFAULT '',
    data        TEXT    COLLATE "C" NOT NULL,
    made_at     BIGINT  NOT NULL,
    used        BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX credentials_identity ON credentials (identity_id, id);

CREATE TABLE sessions (
    id          TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    hash        BYTEA   NOT NULL UNIQUE,
    identity_id TEXT    COLLATE "C" NOT NULL REFERENCES identities (id),
    made_at     BIGINT  NOT NULL,
    seen        BIGINT  NOT NULL,
    expires     BIGINT  NOT NULL,
    ended       BIGINT  NOT NULL DEFAULT 0,
    address     TEXT    COLLATE "C" NOT NULL DEFAULT '',
    agent       TEXT    COLLATE "C" NOT NULL DEFAULT '',
    proofs      TEXT    COLLATE "C" NOT NULL
);
CREATE INDEX sessions_identity ON sessions (identity_id, id);
