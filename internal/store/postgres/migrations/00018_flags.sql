-- What SQLite's migration of this number does to its indexes is so here from the
-- start.

-- +goose Up
SELECT 1;
