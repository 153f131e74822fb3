-- Who was handed the link by which somebody signed in first, and which links prove
-- that their follower has the address. Those that there are count as they did.

-- +goose Up
ALTER TABLE identities ADD COLUMN held TEXT NOT NULL DEFAULT '';
ALTER TABLE member_links ADD COLUMN proves INTEGER NOT NULL DEFAULT 0;
