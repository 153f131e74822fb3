-- The audit trail with what was before and after (JSON; secrets are never in it),
-- from where it came, and the change set that it belongs to. The rows of an
-- organisation are a chain: n counts them, hash is over the row and the hash of
-- the one before (docs/adr/0016). Rows from before this migration have n 0 and
-- no hash; they come before all others. audit_heads holds the end of each chain.

-- +goose Up
ALTER TABLE audit ADD COLUMN detail     TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN address    TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN session    TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN change_set TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN n          BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN hash       TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX audit_set ON audit (org_id, change_set) WHERE change_set <> '';
CREATE INDEX audit_object ON audit (org_id, object_id);

CREATE TABLE audit_heads (
    org_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    n      BIGINT NOT NULL,
    hash   TEXT COLLATE "C" NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION audit_is_never_changed() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed';
END;
$$ LANGUAGE plpgsql;
-- +goose StatementEnd
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_never_changed();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_never_changed();
