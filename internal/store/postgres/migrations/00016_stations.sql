-- What devices are before the law (47 CFR 9.16(b)(3)) and what whoever calls from
-- off the premises was told and agreed to, as JSON, empty: nothing; the language
-- of callers; the floor area of buildings, 0: not known.

-- +goose Up
ALTER TABLE devices   ADD COLUMN station      TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE devices   ADD COLUMN language     TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users     ADD COLUMN language     TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users     ADD COLUMN off_premises TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE buildings ADD COLUMN square_feet  BIGINT  NOT NULL DEFAULT 0;
