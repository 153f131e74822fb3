package api

import "github.com/callbox911/callbox/internal/e911"

// examples are bodies that make an object; the document shows them, and a test
// sends each to the API.
var examples = map[e911.ObjectKind]map[string]any{
	e911.KindOrg:  {"key": "harbor", "name": "Harbor Biotech", "demonstration": true, "public_ranges": []any{"198.51.100.0/24"}},
	e911.KindSite: {"key": "mill", "name": "Harbor Mill", "zone": "America/New_York", "ecbn": "+16175550100"},
	e911.KindBuilding: {
		"site": "key:mill", "key": "hq", "name": "Harbor Mill",
		"address": map[string]any{"country": "US", "A1": "MA", "A3": "Cambridge", "HNO": "795", "RD": "Massachusetts", "STS": "Ave", "PC": "02139", "point": []any{42.36684, -71.10565}},
	},
	e911.KindLocation: {"building": "key:hq", "key": "hq-2-210", "FLR": "2", "ROOM": "210"},
	e911.KindElement:  {"location": "key:hq-2-210", "kind": "bssid", "mac": "00:11:22:33:44:50"},
	e911.KindUser:     {"site": "key:mill", "key": "ada", "name": "Ada Quay", "email": "ada@example.com", "device_user_id": "ada@example.com"},
	e911.KindDevice:   {"site": "key:mill", "key": "desk-210", "mac": "00:1b:54:00:00:2d", "user": "key:ada"},
	e911.KindNumber:   {"site": "key:mill", "number": "+16175550111", "user": "key:ada", "location": "key:hq-2-210"},
	e911.KindAlert:    {"site": "key:mill", "key": "front-desk", "on": []any{"emergency", "test"}, "mail": []any{"desk@example.com"}},
	e911.KindOverride: {"key": "campus", "site": "key:mill", "psap": "key:cambridge", "agreement": "letter of 2026-01-02, with the town clerk"},
	e911.KindTrunk:    {"key": "pbx", "side": "platform", "from": []any{"127.0.0.10/32"}, "dr_from": []any{}},
	e911.KindPSAP:     {"key": "cambridge", "name": "Cambridge ECC", "routes": []any{map[string]any{"trunk": "key:carrier-1"}}, "line": "+16175550199"},
	e911.KindModel:    {"key": "desk-phone-8", "held": true, "maker": "Example"},
}
