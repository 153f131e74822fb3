-- What a site's numbers are called back by: its main number, what its emergency
-- callback number is, areas with one of their own (JSON; empty: none), and the
-- address of numbers without one. What users, devices and numbers chose; what
-- state a number is in and what answers it. Numbers are named by their digits
-- and locations by their ids without a constraint: a site may be written before
-- its locations, and an answering point may be none of our numbers.

-- +goose Up
ALTER TABLE sites ADD COLUMN main_number TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN ecbn_choice TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN areas       TEXT NOT NULL DEFAULT '';
ALTER TABLE sites ADD COLUMN esa         TEXT NOT NULL DEFAULT '';

ALTER TABLE users   ADD COLUMN ecbn_choice TEXT NOT NULL DEFAULT '';
ALTER TABLE users   ADD COLUMN ecbn_member TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN ecbn_choice TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN ecbn_member TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN ecbn_choice TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN ecbn_member TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN status      TEXT NOT NULL DEFAULT '';
ALTER TABLE numbers ADD COLUMN owner       TEXT NOT NULL DEFAULT '';

CREATE INDEX users_ecbn_member   ON users   (org_id, ecbn_member) WHERE ecbn_member <> '';
CREATE INDEX devices_ecbn_member ON devices (org_id, ecbn_member) WHERE ecbn_member <> '';
CREATE INDEX numbers_ecbn_member ON numbers (org_id, ecbn_member) WHERE ecbn_member <> '';
