-- When trunks went down and answered again, as nodes told it: what outages are counted
-- from. It is about trunks of all, and so of no organisation.

-- +goose Up
CREATE TABLE trunk_states (
    trunk_id TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    node     TEXT COLLATE "C" NOT NULL,
    down     BIGINT NOT NULL,
    PRIMARY KEY (trunk_id, at, node)
);
CREATE INDEX trunk_states_by_time ON trunk_states (at);
