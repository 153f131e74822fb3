-- The configured objects. Every table carries org_id ('' is the world part) and
-- is asked by it (E14); a reference inside an organisation is a foreign key over
-- org_id and id together, so that none can cross the wall. Foreign keys are
-- checked at commit. UNIQUE (org_id, id) also serves pages and lists of ids:
-- without it SQLite reads the whole organisation for each. Times are
-- milliseconds since 1970 UTC (D-10). Columns that end in _sealed hold what
-- seal.Ring made (D-09).

-- +goose Up
CREATE TABLE store_meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- The newest change of every object; seq rises in the order of commits.
CREATE TABLE changes (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind      TEXT    NOT NULL,
    org_id    TEXT    NOT NULL,
    object_id TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    UNIQUE (kind, org_id, object_id)
) STRICT;

CREATE TABLE audit (
    seq        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    who        TEXT    NOT NULL,
    verb       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    org_id     TEXT    NOT NULL,
    object_id  TEXT    NOT NULL,
    object_key TEXT    NOT NULL,
    fields     TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_org ON audit (org_id, seq);

CREATE TABLE token_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    minted_at     INTEGER NOT NULL,
    secret_sealed TEXT    NOT NULL,
    CHECK (org_id = '')
) STRICT;

CREATE TABLE models (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key  TEXT    NOT NULL,
    held INTEGER NOT NULL,
    UNIQUE (org_id, key),
    CHECK (org_id = '')
) STRICT;

CREATE TABLE organisations (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key                TEXT    NOT NULL UNIQUE,
    name               TEXT    NOT NULL,
    demonstration      INTEGER NOT NULL,
    company_id         TEXT    NOT NULL,
    held_secrets_sealed TEXT  NOT NULL,
    held_trusted       TEXT    NOT NULL,
    public_ranges      TEXT    NOT NULL,
    bssid_masking      TEXT    NOT NULL,
    did_fallback       INTEGER NOT NULL,
    CHECK (org_id = id)
) STRICT;

CREATE TABLE trunks (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key             TEXT NOT NULL,
    side            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    profile         TEXT NOT NULL,
    destination     TEXT NOT NULL,
    identity_header TEXT NOT NULL,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id)
) STRICT;

-- lo and hi are the first and last address in 16 octets, IPv4 mapped: they find
-- the trunks that an address range meets.
CREATE TABLE trunk_ranges (
    trunk_id TEXT    NOT NULL REFERENCES trunks (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    disaster INTEGER NOT NULL,
    position INTEGER NOT NULL,
    prefix   TEXT    NOT NULL,
    lo       BLOB    NOT NULL,
    hi       BLOB    NOT NULL,
    PRIMARY KEY (trunk_id, disaster, position)
) STRICT;
CREATE INDEX trunk_ranges_lo ON trunk_ranges (lo, hi);

CREATE TABLE psaps (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key       TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    relay     INTEGER NOT NULL,
    us_county TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    county    TEXT    NOT NULL,
    area      TEXT    NOT NULL,
    line      TEXT    NOT NULL,
    UNIQUE (org_id, key),
    CHECK (org_id = '')
) STRICT;

CREATE TABLE psap_routes (
    psap_id  TEXT    NOT NULL REFERENCES psaps (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    trunk_id TEXT    NOT NULL REFERENCES trunks (id) DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (psap_id, position)
) STRICT;
CREATE INDEX psap_routes_trunk ON psap_routes (trunk_id);

CREATE TABLE sites (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    key   TEXT NOT NULL,
    name  TEXT NOT NULL,
    zone  TEXT NOT NULL,
    mode  TEXT NOT NULL,
    stage TEXT NOT NULL,
    ecbn  TEXT NOT NULL,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id) REFERENCES organisations (id) DEFERRABLE INITIALLY DEFERRED
) STRICT;

CREATE TABLE buildings (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    site_id TEXT NOT NULL,
    key     TEXT NOT NULL,
    name    TEXT NOT NULL,
    lat     REAL,
    lon     REAL,
    civic_country TEXT NOT NULL DEFAULT '', civic_a1 TEXT NOT NULL DEFAULT '', civic_a2 TEXT NOT NULL DEFAULT '',
    civic_a3 TEXT NOT NULL DEFAULT '', civic_a4 TEXT NOT NULL DEFAULT '', civic_a5 TEXT NOT NULL DEFAULT '',
    civic_prm TEXT NOT NULL DEFAULT '', civic_prd TEXT NOT NULL DEFAULT '', civic_stp TEXT NOT NULL DEFAULT '',
    civic_stps TEXT NOT NULL DEFAULT '', civic_rd TEXT NOT NULL DEFAULT '', civic_sts TEXT NOT NULL DEFAULT '',
    civic_pod TEXT NOT NULL DEFAULT '', civic_pom TEXT NOT NULL DEFAULT '', civic_hnp TEXT NOT NULL DEFAULT '',
    civic_hno TEXT NOT NULL DEFAULT '', civic_hns TEXT NOT NULL DEFAULT '', civic_lmk TEXT NOT NULL DEFAULT '',
    civic_loc TEXT NOT NULL DEFAULT '', civic_flr TEXT NOT NULL DEFAULT '', civic_nam TEXT NOT NULL DEFAULT '',
    civic_pc TEXT NOT NULL DEFAULT '', civic_bld TEXT NOT NULL DEFAULT '', civic_unit TEXT NOT NULL DEFAULT '',
    civic_room TEXT NOT NULL DEFAULT '', civic_seat TEXT NOT NULL DEFAULT '', civic_plc TEXT NOT NULL DEFAULT '',
    civic_pcn TEXT NOT NULL DEFAULT '', civic_pobox TEXT NOT NULL DEFAULT '', civic_addcode TEXT NOT NULL DEFAULT '',
    civic_mp TEXT NOT NULL DEFAULT '', civic_pn TEXT NOT NULL DEFAULT '', civic_site TEXT NOT NULL DEFAULT '',
    civic_subsite TEXT NOT NULL DEFAULT '', civic_wing TEXT NOT NULL DEFAULT '', civic_pce TEXT NOT NULL DEFAULT '',
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    CHECK ((lat IS NULL) = (lon IS NULL)),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX buildings_site ON buildings (org_id, site_id);

CREATE TABLE locations (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    building_id TEXT NOT NULL,
    key         TEXT NOT NULL,
    civic_country TEXT NOT NULL DEFAULT '', civic_a1 TEXT NOT NULL DEFAULT '', civic_a2 TEXT NOT NULL DEFAULT '',
    civic_a3 TEXT NOT NULL DEFAULT '', civic_a4 TEXT NOT NULL DEFAULT '', civic_a5 TEXT NOT NULL DEFAULT '',
    civic_prm TEXT NOT NULL DEFAULT '', civic_prd TEXT NOT NULL DEFAULT '', civic_stp TEXT NOT NULL DEFAULT '',
    civic_stps TEXT NOT NULL DEFAULT '', civic_rd TEXT NOT NULL DEFAULT '', civic_sts TEXT NOT NULL DEFAULT '',
    civic_pod TEXT NOT NULL DEFAULT '', civic_pom TEXT NOT NULL DEFAULT '', civic_hnp TEXT NOT NULL DEFAULT '',
    civic_hno TEXT NOT NULL DEFAULT '', civic_hns TEXT NOT NULL DEFAULT '', civic_lmk TEXT NOT NULL DEFAULT '',
    civic_loc TEXT NOT NULL DEFAULT '', civic_flr TEXT NOT NULL DEFAULT '', civic_nam TEXT NOT NULL DEFAULT '',
    civic_pc TEXT NOT NULL DEFAULT '', civic_bld TEXT NOT NULL DEFAULT '', civic_unit TEXT NOT NULL DEFAULT '',
    civic_room TEXT NOT NULL DEFAULT '', civic_seat TEXT NOT NULL DEFAULT '', civic_plc TEXT NOT NULL DEFAULT '',
    civic_pcn TEXT NOT NULL DEFAULT '', civic_pobox TEXT NOT NULL DEFAULT '', civic_addcode TEXT NOT NULL DEFAULT '',
    civic_mp TEXT NOT NULL DEFAULT '', civic_pn TEXT NOT NULL DEFAULT '', civic_site TEXT NOT NULL DEFAULT '',
    civic_subsite TEXT NOT NULL DEFAULT '', civic_wing TEXT NOT NULL DEFAULT '', civic_pce TEXT NOT NULL DEFAULT '',
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, building_id) REFERENCES buildings (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX locations_building ON locations (org_id, building_id);

-- element_key is kind and address in one text: no organisation has one twice.
CREATE TABLE network_elements (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    location_id TEXT NOT NULL,
    kind        TEXT NOT NULL,
    mac         TEXT NOT NULL,
    mobility    TEXT NOT NULL,
    chassis     TEXT NOT NULL,
    port        TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    element_key TEXT NOT NULL,
    UNIQUE (org_id, element_key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX network_elements_location ON network_elements (org_id, location_id);

CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    site_id        TEXT NOT NULL,
    key            TEXT NOT NULL,
    name           TEXT NOT NULL,
    email          TEXT NOT NULL,
    device_user_id TEXT NOT NULL,
    callback       TEXT NOT NULL,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX users_site ON users (org_id, site_id);
CREATE INDEX users_device_user_id ON users (org_id, device_user_id);

CREATE TABLE devices (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    site_id  TEXT NOT NULL,
    key      TEXT NOT NULL,
    mac      TEXT NOT NULL,
    user_id  TEXT,
    model_id TEXT REFERENCES models (id) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX devices_site ON devices (org_id, site_id);
CREATE INDEX devices_user ON devices (org_id, user_id);
CREATE INDEX devices_mac ON devices (org_id, mac);
CREATE INDEX devices_model ON devices (model_id);

CREATE TABLE numbers (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    site_id     TEXT NOT NULL,
    number      TEXT NOT NULL,
    user_id     TEXT,
    location_id TEXT,
    UNIQUE (org_id, number),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (org_id, location_id) REFERENCES locations (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX numbers_site ON numbers (org_id, site_id);
CREATE INDEX numbers_user ON numbers (org_id, user_id);
CREATE INDEX numbers_location ON numbers (org_id, location_id);

CREATE TABLE alerts (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    site_id         TEXT NOT NULL,
    key             TEXT NOT NULL,
    events          TEXT NOT NULL,
    mail            TEXT NOT NULL,
    webhooks_sealed TEXT NOT NULL,
    UNIQUE (org_id, key),
    UNIQUE (org_id, id),
    FOREIGN KEY (org_id, site_id) REFERENCES sites (org_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX alerts_site ON alerts (org_id, site_id);

-- Records of calls outlive every configured object, so they point at none.
CREATE TABLE call_records (
    id         TEXT    NOT NULL PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    site_id    TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    arrived_at INTEGER NOT NULL,
    ended_at   INTEGER,
    node       TEXT    NOT NULL,
    last_seq   INTEGER NOT NULL,
    body       TEXT    NOT NULL
) STRICT;
CREATE INDEX call_records_org ON call_records (org_id, id);

CREATE TABLE call_cursors (
    node TEXT    NOT NULL PRIMARY KEY,
    seq  INTEGER NOT NULL
) STRICT;
