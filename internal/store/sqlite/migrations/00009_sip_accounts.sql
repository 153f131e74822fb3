-- The name that an organisation's telephones register with, and what each of
-- them registers with, sealed. Empty: it does not register.

-- +goose Up
ALTER TABLE organisations ADD COLUMN sip_domain TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN sip_user   TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN sip_sealed TEXT NOT NULL DEFAULT '';

CREATE INDEX devices_sip_user ON devices (org_id, sip_user) WHERE sip_user <> '';
