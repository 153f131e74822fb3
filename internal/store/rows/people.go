package rows

import (
	"fmt"
	"net/netip"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

type elementRow struct {
	bun.BaseModel `bun:"table:network_elements"`
	Base
	LocationID e911.LocationID  `bun:"location_id,nullzero"`
	Kind       e911.ElementKind `bun:"kind"`
	MAC        e911.MAC         `bun:"mac"`
	MACTo      e911.MAC         `bun:"mac_to"`
	Mobility   e911.Mobility    `bun:"mobility"`
	Chassis    string           `bun:"chassis"`
	Port       string           `bun:"port"`
	Prefix     string           `bun:"prefix"`
	AddrFrom   string           `bun:"addr_from"`
	AddrTo     string           `bun:"addr_to"`
	Name       string           `bun:"name"`
	ElementKey string           `bun:"element_key"`
}

func elements() rowTable[elementRow, e911.Element] {
	return rowTable[elementRow, e911.Element]{
		name: e911.KindElement,
		// All but the first go by the index of element_key (admin.ElementKey).
		columns: map[admin.Field]string{
			admin.ByLocation:    "location_id = ?",
			admin.ByKey:         "element_key = ?",
			admin.ByLLDP:        "element_key = ?",
			admin.ByBSSID:       "element_key = 'bssid ' || ?",
			admin.ByMAC:         "element_key = 'mac ' || ?",
			admin.ByRange:       "element_key = 'ip ' || ?",
			admin.ByLowHigh:     "kind = 'ip' AND addr_from <> '' AND ? = '1'",
			admin.ByKeyPrefix:   "element_key >= ?0 AND element_key < ?0 || '\U0010ffff'",
			admin.ByElementKind: "element_key >= ?0 || ' ' AND element_key < ?0 || '!'",
			admin.ByBSSIDPrefix: "element_key >= 'bssid ' || ?0 AND element_key < 'bssid ' || ?0 || 'g'",
		},
		base:   func(r *elementRow) *Base { return &r.Base },
		encode: encodeElement, decode: decodeElement,
	}
}

func encodeElement(_ *tx, v e911.Element) (elementRow, error) {
	r := elementRow{
		LocationID: v.Location, Kind: v.Kind, MAC: v.MAC, MACTo: v.MACTo, Mobility: v.Mobility,
		Chassis: v.LLDP.Chassis, Port: v.LLDP.Port, Name: v.Name, ElementKey: admin.ElementKey(v),
	}
	if v.Range.IsValid() {
		r.Prefix = v.Range.String()
	}
	if v.From.IsValid() {
		r.AddrFrom = v.From.String()
	}
	if v.To.IsValid() {
		r.AddrTo = v.To.String()
	}
	return r, nil
}

func decodeElement(_ *tx, r *elementRow) (e911.Element, error) {
	v := e911.Element{
		ID: e911.ElementID(r.ID), Org: r.OrgID, Location: r.LocationID, Kind: r.Kind, MAC: r.MAC, MACTo: r.MACTo,
		Mobility: r.Mobility, LLDP: e911.LLDPPort{Chassis: r.Chassis, Port: r.Port}, Name: r.Name,
	}
	var err error
	if r.Prefix != "" {
		if v.Range, err = netip.ParsePrefix(r.Prefix); err != nil {
			return v, fmt.Errorf("decode an address range: %w", err)
		}
	}
	for _, end := range []struct {
		text string
		into *netip.Addr
	}{{r.AddrFrom, &v.From}, {r.AddrTo, &v.To}} {
		if end.text == "" {
			continue
		}
		if *end.into, err = netip.ParseAddr(end.text); err != nil {
			return v, fmt.Errorf("decode an address range: %w", err)
		}
	}
	return v, nil
}

// ecbn is e911.ECBN with a column for each field.
type ecbn struct {
	Choice e911.ECBNChoice `bun:"choice"`
	Member e911.Number     `bun:"member"`
}

type userRow struct {
	bun.BaseModel `bun:"table:users"`
	Base
	SiteID       e911.SiteID `bun:"site_id"`
	Key          string      `bun:"key"`
	Name         string      `bun:"name"`
	Email        string      `bun:"email"`
	DeviceUserID string      `bun:"device_user_id"`
	Callback     e911.Number `bun:"callback"`
	ECBN         ecbn        `bun:"embed:ecbn_"`
	Language     string      `bun:"language"`
	OffPremises  string      `bun:"off_premises"` // e911.Consent; empty: none is kept
	Asked        int64       `bun:"asked"`        // milliseconds; 0: he was not
}

func users() rowTable[userRow, e911.User] {
	return rowTable[userRow, e911.User]{
		name: e911.KindUser,
		columns: map[admin.Field]string{
			admin.ByKey: "key = ?", admin.BySite: "site_id = ?", admin.ByDeviceUserID: "device_user_id = ?",
			admin.ByMember: "ecbn_member = ?", admin.ByEmail: "lower(email) = lower(?)",
		},
		base: func(r *userRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.User) (userRow, error) {
			consent, err := optional(v.OffPremises)
			return userRow{
				SiteID: v.Site, Key: v.Key, Name: v.Name, Email: v.Email, DeviceUserID: v.DeviceUserID, Callback: v.Callback,
				ECBN: ecbn(v.ECBN), Language: v.Language, OffPremises: consent, Asked: millis(v.Asked),
			}, err
		},
		decode: func(_ *tx, r *userRow) (e911.User, error) {
			consent, err := unoptional[e911.Consent](r.OffPremises)
			return e911.User{
				ID: e911.UserID(r.ID), Org: r.OrgID, Site: r.SiteID, Key: r.Key, Name: r.Name, Email: r.Email,
				DeviceUserID: r.DeviceUserID, Callback: r.Callback, ECBN: e911.ECBN(r.ECBN), Language: r.Language, OffPremises: consent, Asked: instant(r.Asked),
			}, err
		},
	}
}

type deviceRow struct {
	bun.BaseModel `bun:"table:devices"`
	Base
	SiteID  e911.SiteID  `bun:"site_id"`
	Key     string       `bun:"key"`
	MAC     e911.MAC     `bun:"mac"`
	UserID  e911.UserID  `bun:"user_id,nullzero"`
	ModelID e911.ModelID `bun:"model_id,nullzero"`
	SIPUser string       `bun:"sip_user"`   // empty: it does not register
	SIP     string       `bun:"sip_sealed"` // e911.SIPAccount
	ECBN    ecbn         `bun:"embed:ecbn_"`

	Station  string `bun:"station"` // e911.Station; empty: nobody stated one
	Language string `bun:"language"`
}

func devices() rowTable[deviceRow, e911.Device] {
	return rowTable[deviceRow, e911.Device]{
		name: e911.KindDevice,
		columns: map[admin.Field]string{
			admin.ByKey: "key = ?", admin.BySite: "site_id = ?", admin.ByUser: "user_id = ?",
			admin.ByModel: "model_id = ?", admin.ByMAC: "mac = ?", admin.BySIPUser: "sip_user = ?",
			admin.ByMember: "ecbn_member = ?",
		},
		base: func(r *deviceRow) *Base { return &r.Base },
		encode: func(t *tx, v e911.Device) (deviceRow, error) {
			station, err := optional(v.Station)
			r := deviceRow{
				SiteID: v.Site, Key: v.Key, MAC: v.MAC, UserID: v.User, ModelID: v.Model, ECBN: ecbn(v.ECBN),
				Station: station, Language: v.Language,
			}
			if err != nil || v.SIP == nil {
				return r, err
			}
			r.SIPUser = v.SIP.User
			r.SIP, err = t.seal("device_sip/"+string(v.ID), v.SIP)
			return r, err
		},
		decode: func(t *tx, r *deviceRow) (e911.Device, error) {
			station, err := unoptional[e911.Station](r.Station)
			v := e911.Device{
				ID: e911.DeviceID(r.ID), Org: r.OrgID, Site: r.SiteID, Key: r.Key, MAC: r.MAC, User: r.UserID, Model: r.ModelID,
				ECBN: e911.ECBN(r.ECBN), Station: station, Language: r.Language,
			}
			if err != nil || r.SIP == "" {
				return v, err
			}
			v.SIP = new(e911.SIPAccount)
			return v, t.unseal("device_sip/"+r.ID, r.SIP, v.SIP)
		},
	}
}

type numberRow struct {
	bun.BaseModel `bun:"table:numbers"`
	Base
	SiteID     e911.SiteID     `bun:"site_id"`
	Number     e911.Number     `bun:"number"`
	UserID     e911.UserID     `bun:"user_id,nullzero"`
	LocationID e911.LocationID `bun:"location_id,nullzero"`
	ELIN       bool            `bun:"elin"`
	ALI        string          `bun:"ali"` // empty: nothing was sent
	ECBN       ecbn            `bun:"embed:ecbn_"`

	Status e911.NumberStatus `bun:"status"`
	Owner  e911.OwnerKind    `bun:"owner"`
}

func numbers() rowTable[numberRow, e911.NumberRec] {
	return rowTable[numberRow, e911.NumberRec]{
		name: e911.KindNumber,
		columns: map[admin.Field]string{
			admin.ByKey: "number = ?", admin.ByNumber: "number = ?", admin.BySite: "site_id = ?",
			admin.ByUser: "user_id = ?", admin.ByLocation: "location_id = ?",
			admin.ByMember: "ecbn_member = ?",
			admin.ByALI:    "(elin = TRUE OR ali <> '') AND ? = '1'",
		},
		base: func(r *numberRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.NumberRec) (numberRow, error) {
			ali, err := optional(v.ALI)
			return numberRow{
				SiteID: v.Site, Number: v.Number, UserID: v.User, LocationID: v.Location, ELIN: v.ELIN, ALI: ali,
				ECBN: ecbn(v.ECBN), Status: v.Status, Owner: v.Owner,
			}, err
		},
		decode: func(_ *tx, r *numberRow) (e911.NumberRec, error) {
			ali, err := unoptional[e911.ALIRecord](r.ALI)
			return e911.NumberRec{
				ID: e911.NumberID(r.ID), Org: r.OrgID, Site: r.SiteID, Number: r.Number, User: r.UserID, Location: r.LocationID,
				ELIN: r.ELIN, ALI: ali, ECBN: e911.ECBN(r.ECBN), Status: r.Status, Owner: r.Owner,
			}, err
		},
	}
}

type alertRow struct {
	bun.BaseModel `bun:"table:alerts"`
	Base
	SiteID   e911.SiteID `bun:"site_id"`
	Key      string      `bun:"key"`
	Events   string      `bun:"events"`
	Mail     string      `bun:"mail"`
	Webhooks string      `bun:"webhooks_sealed"` // the URL is a secret too with many receivers
}

func alerts() rowTable[alertRow, e911.Alert] {
	return rowTable[alertRow, e911.Alert]{
		name:    e911.KindAlert,
		columns: map[admin.Field]string{admin.ByKey: "key = ?", admin.BySite: "site_id = ?"},
		base:    func(r *alertRow) *Base { return &r.Base },
		encode: func(t *tx, v e911.Alert) (r alertRow, err error) {
			r = alertRow{SiteID: v.Site, Key: v.Key}
			if r.Events, err = text(v.On); err != nil {
				return r, err
			}
			if r.Mail, err = text(v.Mail); err != nil {
				return r, err
			}
			r.Webhooks, err = t.seal("alert/"+string(v.ID), v.Webhook)
			return r, err
		},
		decode: func(t *tx, r *alertRow) (e911.Alert, error) {
			v := e911.Alert{ID: e911.AlertID(r.ID), Org: r.OrgID, Site: r.SiteID, Key: r.Key}
			if err := untext(r.Events, &v.On); err != nil {
				return v, err
			}
			if err := untext(r.Mail, &v.Mail); err != nil {
				return v, err
			}
			return v, t.unseal("alert/"+r.ID, r.Webhooks, &v.Webhook)
		},
	}
}
