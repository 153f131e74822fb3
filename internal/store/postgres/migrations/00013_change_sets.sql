-- Change sets: planned (applied_at 0, gone when they expire) and applied, kept so
-- that they can be undone. What they say and what they change is sealed: it holds
-- addresses and secrets. Pieces are parts of the changes, in order.

-- +goose Up
CREATE TABLE change_sets (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    org_id         TEXT COLLATE "C" NOT NULL,
    hash           TEXT COLLATE "C" NOT NULL,
    who            TEXT COLLATE "C" NOT NULL,
    made_at        BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL,
    applied_at     BIGINT  NOT NULL DEFAULT 0,
    applied_by     TEXT COLLATE "C" NOT NULL DEFAULT '',
    undoes         TEXT COLLATE "C" NOT NULL DEFAULT '',
    undone         TEXT COLLATE "C" NOT NULL DEFAULT '',
    summary_sealed TEXT COLLATE "C" NOT NULL
);
CREATE INDEX change_sets_org ON change_sets (org_id, applied_at, id);

CREATE TABLE change_pieces (
    set_id TEXT COLLATE "C" NOT NULL,
    org_id TEXT COLLATE "C" NOT NULL,
    n      BIGINT  NOT NULL,
    sealed TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (set_id, n)
);
