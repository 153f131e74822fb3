-- Change sets: planned (applied_at 0, gone when they expire) and applied, kept so
-- that they can be undone. What they say and what they change is sealed: it holds
-- addresses and secrets. Pieces are parts of the changes, in order.

-- +goose Up
CREATE TABLE change_sets (
    id             TEXT NOT NULL PRIMARY KEY,
    org_id         TEXT NOT NULL,
    hash           TEXT NOT NULL,
    who            TEXT NOT NULL,
    made_at        INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    applied_at     INTEGER NOT NULL DEFAULT 0,
    applied_by     TEXT NOT NULL DEFAULT '',
    undoes         TEXT NOT NULL DEFAULT '',
    undone         TEXT NOT NULL DEFAULT '',
    summary_sealed TEXT NOT NULL
) STRICT;
CREATE INDEX change_sets_org ON change_sets (org_id, applied_at, id);

CREATE TABLE change_pieces (
    set_id TEXT NOT NULL,
    org_id TEXT NOT NULL,
    n      INTEGER NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (set_id, n)
) STRICT;
