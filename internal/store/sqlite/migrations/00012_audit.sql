-- The audit trail with what was before and after (JSON; secrets are never in it),
-- from where it came, and the change set that it belongs to. The rows of an
-- organisation are a chain: n counts them, hash is over the row and the hash of
-- the one before (docs/adr/0016). Rows from before this migration have n 0 and
-- no hash; they come before all others. audit_heads holds the end of each chain.

-- +goose Up
ALTER TABLE audit ADD COLUMN detail     TEXT    NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN address    TEXT    NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN session    TEXT    NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN change_set TEXT    NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN n          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN hash       TEXT    NOT NULL DEFAULT '';
CREATE INDEX audit_set ON audit (org_id, change_set) WHERE change_set <> '';
CREATE INDEX audit_object ON audit (org_id, object_id);

CREATE TABLE audit_heads (
    org_id TEXT    NOT NULL PRIMARY KEY,
    n      INTEGER NOT NULL,
    hash   TEXT    NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never changed');
END;
-- +goose StatementEnd
