-- Queries that run on both engines say TRUE and FALSE; SQLite takes an index for
-- them only when it was made with the same words.

-- +goose Up
DROP INDEX numbers_ali;
CREATE INDEX numbers_ali ON numbers (org_id, id) WHERE elin = TRUE OR ali <> '';
DROP INDEX seen_devices_unknown;
CREATE INDEX seen_devices_unknown ON seen_devices (org_id, last_at) WHERE known = FALSE;
