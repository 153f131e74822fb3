-- What is kept of an organisation's set-up beside its configured objects (JSON of
-- admin/setup), and who accepted which version of which text.

-- +goose Up
CREATE TABLE setup_records (
    org_id  TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body    TEXT NOT NULL
) STRICT;

CREATE TABLE setup_acceptances (
    org_id  TEXT NOT NULL,
    text    TEXT NOT NULL,
    site_id TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at      INTEGER NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, user_id, text, site_id)
) STRICT;

-- A month of calls, for what they cost; 933 calls, for what they prove.
CREATE INDEX call_records_class ON call_records (org_id, class, arrived_at);
