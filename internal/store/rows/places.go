package rows

import (
	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// civic is e911.Civic with a column for every field. The two convert into each
// other as long as they have the same fields: a new one needs a migration.
type civic struct {
	Country string `bun:"country"`
	A1      string `bun:"a1"`
	A2      string `bun:"a2"`
	A3      string `bun:"a3"`
	A4      string `bun:"a4"`
	A5      string `bun:"a5"`
	PRM     string `bun:"prm"`
	PRD     string `bun:"prd"`
	STP     string `bun:"stp"`
	STPS    string `bun:"stps"`
	RD      string `bun:"rd"`
	STS     string `bun:"sts"`
	POD     string `bun:"pod"`
	POM     string `bun:"pom"`
	HNP     string `bun:"hnp"`
	HNO     string `bun:"hno"`
	HNS     string `bun:"hns"`
	LMK     string `bun:"lmk"`
	LOC     string `bun:"loc"`
	FLR     string `bun:"flr"`
	NAM     string `bun:"nam"`
	PC      string `bun:"pc"`
	BLD     string `bun:"bld"`
	UNIT    string `bun:"unit"`
	ROOM    string `bun:"room"`
	SEAT    string `bun:"seat"`
	PLC     string `bun:"plc"`
	PCN     string `bun:"pcn"`
	POBOX   string `bun:"pobox"`
	ADDCODE string `bun:"addcode"`
	MP      string `bun:"mp"`
	PN      string `bun:"pn"`
	SITE    string `bun:"site"`
	SUBSITE string `bun:"subsite"`
	WING    string `bun:"wing"`
	PCE     string `bun:"pce"`
}

type orgRow struct {
	bun.BaseModel `bun:"table:organisations"`
	Base
	Key           string `bun:"key"`
	Name          string `bun:"name"`
	Demonstration bool   `bun:"demonstration"`
	CompanyID     string `bun:"company_id"`
	SecretsSealed string `bun:"held_secrets_sealed"`
	Trusted       string `bun:"held_trusted"`
	Platforms     string `bun:"held_platforms_sealed"` // empty: none
	PublicRanges  string `bun:"public_ranges"`
	BSSIDMasking  string `bun:"bssid_masking"`
	DIDFallback   bool   `bun:"did_fallback"`
	carriers      []e911.TrunkID
	PSALI         string `bun:"psali"` // empty: none
	SIPDomain     string `bun:"sip_domain"`

	State e911.OrgState `bun:"state"`

	OwnPhonesOff bool `bun:"own_phones_off"`
}

func organisations() rowTable[orgRow, e911.Org] {
	return rowTable[orgRow, e911.Org]{
		name:    e911.KindOrg,
		columns: map[admin.Field]string{admin.ByKey: "key = ?"},
		base:    func(r *orgRow) *Base { return &r.Base },
		encode: func(t *tx, v e911.Org) (r orgRow, err error) {
			r = orgRow{Key: v.Key, Name: v.Name, Demonstration: v.Demonstration, CompanyID: v.HELD.CompanyID, DIDFallback: v.DIDFallback, SIPDomain: v.SIPDomain}
			r.State, r.OwnPhonesOff = v.State, v.OwnPhonesOff
			if r.SecretsSealed, err = t.seal("organisation/"+string(v.ID), v.HELD.Secrets); err != nil {
				return r, err
			}
			if r.Trusted, err = text(v.HELD.Trusted); err != nil {
				return r, err
			}
			if r.PSALI, err = optional(v.PSALI); err != nil {
				return r, err
			}
			if len(v.HELD.Platforms) > 0 {
				if r.Platforms, err = t.seal("organisation_platforms/"+string(v.ID), v.HELD.Platforms); err != nil {
					return r, err
				}
			}
			if r.PublicRanges, err = text(v.PublicRanges); err != nil {
				return r, err
			}
			r.BSSIDMasking, err = text(v.BSSIDMasking)
			return r, err
		},
		decode: func(t *tx, r *orgRow) (e911.Org, error) {
			v := e911.Org{
				ID: e911.OrgID(r.ID), Key: r.Key, Name: r.Name, Demonstration: r.Demonstration,
				HELD: e911.HELDAccess{CompanyID: r.CompanyID}, DIDFallback: r.DIDFallback, Carriers: r.carriers, SIPDomain: r.SIPDomain,
				State: r.State, OwnPhonesOff: r.OwnPhonesOff,
			}
			if err := t.unseal("organisation/"+r.ID, r.SecretsSealed, &v.HELD.Secrets); err != nil {
				return v, err
			}
			if err := untext(r.Trusted, &v.HELD.Trusted); err != nil {
				return v, err
			}
			var err error
			if v.PSALI, err = unoptional[e911.PSALI](r.PSALI); err != nil {
				return v, err
			}
			if r.Platforms != "" {
				if err := t.unseal("organisation_platforms/"+r.ID, r.Platforms, &v.HELD.Platforms); err != nil {
					return v, err
				}
			}
			if err := untext(r.PublicRanges, &v.PublicRanges); err != nil {
				return v, err
			}
			return v, untext(r.BSSIDMasking, &v.BSSIDMasking)
		},
		attach: attachCarriers,
		spread: spreadCarriers,
	}
}

type siteRow struct {
	bun.BaseModel `bun:"table:sites"`
	Base
	local []e911.TrunkID
	AckBy string        `bun:"mode_ack_by"`
	AckAt int64         `bun:"mode_ack_at"`
	Key   string        `bun:"key"`
	Name  string        `bun:"name"`
	Zone  string        `bun:"zone"`
	Mode  e911.SiteMode `bun:"mode"`
	Stage e911.Stage    `bun:"stage"`
	ECBN  e911.Number   `bun:"ecbn"`

	MainNumber e911.Number     `bun:"main_number"`
	ECBNChoice e911.ECBNChoice `bun:"ecbn_choice"`
	Areas      string          `bun:"areas"` // empty: none
	ESA        e911.LocationID `bun:"esa"`
	Window     int             `bun:"callback_window"`
}

func sites() rowTable[siteRow, e911.Site] {
	return rowTable[siteRow, e911.Site]{
		name:    e911.KindSite,
		columns: map[admin.Field]string{admin.ByKey: "key = ?"},
		base:    func(r *siteRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Site) (siteRow, error) {
			r := siteRow{
				Key: v.Key, Name: v.Name, Zone: v.Zone, Mode: v.Mode, Stage: v.Stage, ECBN: v.ECBN,
				MainNumber: v.MainNumber, ECBNChoice: v.ECBNChoice, ESA: v.ESA, Window: v.CallbackWindow,
				AckBy: v.ModeAcknowledged.By, AckAt: millis(v.ModeAcknowledged.At),
			}
			var err error
			if len(v.Areas) > 0 {
				r.Areas, err = text(v.Areas)
			}
			return r, err
		},
		decode: func(_ *tx, r *siteRow) (e911.Site, error) {
			v := e911.Site{
				ID: e911.SiteID(r.ID), Org: r.OrgID, Key: r.Key, Name: r.Name, Zone: r.Zone,
				Mode: r.Mode, Stage: r.Stage, ECBN: r.ECBN,
				MainNumber: r.MainNumber, ECBNChoice: r.ECBNChoice, ESA: r.ESA, CallbackWindow: r.Window,
				Local: r.local, ModeAcknowledged: e911.ModeAcknowledgement{By: r.AckBy, At: instant(r.AckAt)},
			}
			if r.Areas != "" {
				return v, untext(r.Areas, &v.Areas)
			}
			return v, nil
		},
		attach: attachLocal,
		spread: spreadLocal,
	}
}

type buildingRow struct {
	bun.BaseModel `bun:"table:buildings"`
	Base
	SiteID e911.SiteID `bun:"site_id"`
	Key    string      `bun:"key"`
	Name   string      `bun:"name"`
	Lat    *float64    `bun:"lat"`
	Lon    *float64    `bun:"lon"`
	Civic  civic       `bun:"embed:civic_"`
	// Validation is e911.Validation as JSON; empty: nobody looked.
	Validation string `bun:"validation"`
	SquareFeet int    `bun:"square_feet"`
}

func buildings() rowTable[buildingRow, e911.Building] {
	return rowTable[buildingRow, e911.Building]{
		name:    e911.KindBuilding,
		columns: map[admin.Field]string{admin.ByKey: "key = ?", admin.BySite: "site_id = ?"},
		base:    func(r *buildingRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Building) (buildingRow, error) {
			r := buildingRow{SiteID: v.Site, Key: v.Key, Name: v.Name, Civic: civic(v.Address), SquareFeet: v.SquareFeet}
			if v.Point != nil {
				r.Lat, r.Lon = &v.Point.Lat, &v.Point.Lon
			}
			var err error
			if v.Validation.Verdict != "" {
				r.Validation, err = text(v.Validation)
			}
			return r, err
		},
		decode: func(_ *tx, r *buildingRow) (e911.Building, error) {
			v := e911.Building{
				ID: e911.BuildingID(r.ID), Org: r.OrgID, Site: r.SiteID, Key: r.Key, Name: r.Name, Address: e911.Civic(r.Civic), SquareFeet: r.SquareFeet,
			}
			if r.Lat != nil && r.Lon != nil {
				v.Point = &e911.Point{Lat: *r.Lat, Lon: *r.Lon}
			}
			if r.Validation != "" {
				return v, untext(r.Validation, &v.Validation)
			}
			return v, nil
		},
	}
}

type locationRow struct {
	bun.BaseModel `bun:"table:locations"`
	Base
	BuildingID e911.BuildingID `bun:"building_id"`
	Key        string          `bun:"key"`
	Civic      civic           `bun:"embed:civic_"`
}

func locations() rowTable[locationRow, e911.Location] {
	return rowTable[locationRow, e911.Location]{
		name:    e911.KindLocation,
		columns: map[admin.Field]string{admin.ByKey: "key = ?", admin.ByBuilding: "building_id = ?"},
		base:    func(r *locationRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Location) (locationRow, error) {
			return locationRow{BuildingID: v.Building, Key: v.Key, Civic: civic(v.Detail)}, nil
		},
		decode: func(_ *tx, r *locationRow) (e911.Location, error) {
			return e911.Location{
				ID: e911.LocationID(r.ID), Org: r.OrgID, Building: r.BuildingID, Key: r.Key, Detail: e911.Civic(r.Civic),
			}, nil
		},
	}
}
