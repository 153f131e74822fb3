-- What is kept of an organisation's set-up beside its configured objects (JSON of
-- admin/setup), and who accepted which version of which text.

-- +goose Up
CREATE TABLE setup_records (
    org_id  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    body    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE setup_acceptances (
    org_id  TEXT COLLATE "C" NOT NULL,
    text    TEXT COLLATE "C" NOT NULL,
    site_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    user_id TEXT COLLATE "C" NOT NULL DEFAULT '',
    version TEXT COLLATE "C" NOT NULL,
    by_whom TEXT COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    address TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (org_id, user_id, text, site_id)
);

-- A month of calls, for what they cost; 933 calls, for what they prove.
CREATE INDEX call_records_class ON call_records (org_id, class, arrived_at);
