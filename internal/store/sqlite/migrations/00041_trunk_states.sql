-- When trunks went down and answered again, as nodes told it: what outages are counted
-- from. It is about trunks of all, and so of no organisation.

-- +goose Up
CREATE TABLE trunk_states (
    trunk_id TEXT NOT NULL,
    at       INTEGER NOT NULL,
    node     TEXT NOT NULL,
    down     INTEGER NOT NULL,
    PRIMARY KEY (trunk_id, at, node)
) STRICT;
CREATE INDEX trunk_states_by_time ON trunk_states (at);
