package identify_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// harbor is the organisation of the demonstration world with a second site and
// a few more people; it answers like a part of the snapshot.
type harbor struct {
	sites   []e911.Site
	users   []e911.User
	devices []e911.Device
	numbers []e911.NumberRec
	billing e911.Number
}

func newHarbor() *harbor {
	return &harbor{
		sites: []e911.Site{
			{ID: "hq", Key: "hq", Name: "Headquarters", ECBN: "+16175550100"},
			{ID: "depot", Key: "depot", Name: "Depot"},
		},
		users: []e911.User{
			{ID: "u-4711", Key: "agent-4711", Name: "Front desk", Site: "hq", DeviceUserID: "agent4711", Callback: "+16175550111"},
			{ID: "u-ann", Key: "ann", Name: "Ann", Site: "depot", DeviceUserID: "ann", Callback: "+14135550122"},
			{ID: "u-bob", Key: "bob", Name: "Bob", Site: "depot", DeviceUserID: "bob"},
			{ID: "u-toll", Key: "toll", Name: "Toll", Site: "hq", DeviceUserID: "toll", Callback: "+18005550111"},
		},
		devices: []e911.Device{
			{ID: "d-4711", Key: "sep001122aabbcc", Site: "hq", User: "u-4711", Model: "demo-phone"},
			{ID: "d-desk", Key: "desk", Site: "depot", User: "u-bob", Model: "desk-phone"},
			{ID: "d-plain", Key: "plain", Site: "depot", User: "u-ann"},
		},
		numbers: []e911.NumberRec{
			{Number: "+16175550111", Site: "hq", User: "u-4711", Location: "room"},
			{Number: "+14135550121", Site: "depot", User: "u-ann"},
			{Number: "+14135550123", Site: "depot", User: "u-bob"},
			{Number: "+14135550199", Site: "depot"},
			{Number: "+18885550100", Site: "depot"},
		},
	}
}

func byID[T any, K comparable](all []T, id func(T) K, want K) (T, bool) {
	i := slices.IndexFunc(all, func(t T) bool { return id(t) == want })
	if i < 0 {
		var none T
		return none, false
	}
	return all[i], true
}

func (h *harbor) Site(id e911.SiteID) (e911.Site, bool) {
	return byID(h.sites, func(s e911.Site) e911.SiteID { return s.ID }, id)
}

func (h *harbor) User(id e911.UserID) (e911.User, bool) {
	return byID(h.users, func(u e911.User) e911.UserID { return u.ID }, id)
}

func (h *harbor) Device(id e911.DeviceID) (e911.Device, bool) {
	return byID(h.devices, func(d e911.Device) e911.DeviceID { return d.ID }, id)
}

func (h *harbor) Number(n e911.Number) (e911.NumberRec, bool) {
	return byID(h.numbers, func(r e911.NumberRec) e911.Number { return r.Number }, n)
}

func (h *harbor) UserByDeviceUserID(id string) (e911.User, bool) {
	return byID(h.users, func(u e911.User) string { return u.DeviceUserID }, id)
}

func (h *harbor) DevicesOf(u e911.UserID) []e911.Device {
	return slices.DeleteFunc(slices.Clone(h.devices), func(d e911.Device) bool { return d.User != u })
}

func (h *harbor) NumbersOf(u e911.UserID) []e911.NumberRec {
	return slices.DeleteFunc(slices.Clone(h.numbers), func(n e911.NumberRec) bool { return n.User != u })
}

func (h *harbor) UserLike(id string) (e911.User, bool) {
	return byID(h.users, func(u e911.User) string { return identify.Fold(u.DeviceUserID) }, identify.Fold(id))
}

func (h *harbor) Sites() iter.Seq[e911.Site] { return slices.Values(h.sites) }

func (h *harbor) Model(id e911.ModelID) (e911.Model, bool) {
	switch id {
	case "demo-phone":
		return e911.Model{ID: id, HELD: true}, true
	case "desk-phone":
		return e911.Model{ID: id}, true
	}
	return e911.Model{}, false
}

type headers map[string][]string

func (h headers) All(name string) []string {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

var pbx = e911.Trunk{Key: "pbx", Side: e911.SidePlatform, IdentityHeader: "X-Agent"}

func invite(h headers) identify.Call { return identify.Call{Trunk: pbx, Headers: h} }

func who(c identify.Call) identify.Result {
	h := newHarbor()
	return identify.Who(h, h, c).WithCallback(h, identify.Scene{})
}

// Proves: F-13, N-10, E11
func TestThreeQuestionsAreAnsweredSeparately(t *testing.T) {
	pai := func(n string) []string { return []string{"<sip:" + n + "@10.0.0.1>"} }
	carrier := e911.Trunk{Key: "carrier", Side: e911.SideCarrier, IdentityHeader: "X-Agent"}
	for _, c := range []struct {
		name   string
		call   identify.Call
		by     e911.IdentifiedBy
		user   e911.UserID
		device e911.DeviceID
		line   e911.Number
		ours   bool
		site   e911.SiteID
		flags  []string
	}{
		{
			"a platform names its user", invite(headers{"E911-User-ID": {"agent4711"}, "P-Asserted-Identity": pai("+16175550111")}),
			e911.ByDeviceUserID, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{
			"the trunk's own header", invite(headers{"X-Agent": {" ann "}, "From": pai("4135550121")}),
			e911.ByDeviceUserID, "u-ann", "", "+14135550121", true, "depot", nil,
		},
		{
			"the line alone", invite(headers{"P-Asserted-Identity": pai("+16175550111")}),
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{
			"part of an id is nobody's", invite(headers{"E911-User-ID": {"agent4711x", "agent471", "AGENT4711"}, "From": pai("+16175550111")}),
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq",
			[]string{identify.FlagUnknownIdentity},
		},
		{
			"a header that is not configured", invite(headers{"X-User": {"ann"}, "From": pai("+16175550111")}),
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{
			"a header from another side is ignored",
			identify.Call{Trunk: carrier, Headers: headers{"E911-User-ID": {"ann"}, "X-Agent": {"ann"}, "From": pai("+16175550111")}},
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{
			"a header from a source without a trunk is ignored",
			identify.Call{Headers: headers{"E911-User-ID": {"ann"}}},
			e911.ByTrunkOnly, "", "", "", false, "",
			[]string{identify.FlagNoLine},
		},
		{
			"our token names the device",
			identify.Call{Trunk: pbx, TokenDevice: "d-4711", Headers: headers{"From": pai("+16175550111")}},
			e911.ByLocationToken, "u-4711", "d-4711", "+16175550111", true, "hq", nil,
		},
		{
			"the owner of the device where nothing else names a user",
			identify.Call{Trunk: pbx, TokenDevice: "d-desk"},
			e911.ByLocationToken, "u-bob", "d-desk", "", false, "depot",
			[]string{identify.FlagNoLine},
		},
		{
			"header and token",
			identify.Call{Trunk: pbx, TokenDevice: "d-4711", Headers: headers{"E911-User-ID": {"agent4711"}, "From": pai("+16175550111")}},
			e911.ByDeviceUserID, "u-4711", "d-4711", "+16175550111", true, "hq", nil,
		},
		{
			"the token's device is gone",
			identify.Call{Trunk: pbx, TokenDevice: "d-none", Headers: headers{"From": pai("+16175550111")}},
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq",
			[]string{identify.FlagUnknownDevice},
		},
		{
			"user and line disagree", invite(headers{"E911-User-ID": {"ann"}, "P-Asserted-Identity": pai("+16175550111")}),
			e911.ByDeviceUserID, "u-ann", "", "+16175550111", true, "hq",
			[]string{identify.FlagDisagreement},
		},
		{
			"device and line disagree",
			identify.Call{Trunk: pbx, TokenDevice: "d-desk", Headers: headers{"From": pai("+16175550111")}},
			e911.ByLocationToken, "u-4711", "d-desk", "+16175550111", true, "hq",
			[]string{identify.FlagDisagreement},
		},
		{
			"two headers disagree", invite(headers{"X-Agent": {"ann"}, "E911-User-ID": {"bob"}}),
			e911.ByDeviceUserID, "u-ann", "", "", false, "depot",
			[]string{identify.FlagNoLine, identify.FlagDisagreement},
		},
		{
			"an unknown number of a known trunk", invite(headers{"P-Asserted-Identity": pai("+12125550177")}),
			e911.ByTrunkOnly, "", "", "+12125550177", false, "",
			[]string{identify.FlagUnknownNumber},
		},
		{
			"an extension is no number", invite(headers{"From": pai("4711")}),
			e911.ByTrunkOnly, "", "", "", false, "",
			[]string{identify.FlagNoLine},
		},
		{
			"ours before others", invite(headers{"P-Asserted-Identity": pai("+12125550177"), "From": pai("+16175550111")}),
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{
			"P-Asserted-Identity before From", invite(headers{"P-Asserted-Identity": pai("+14135550123"), "From": pai("+16175550111")}),
			e911.ByLineNumber, "u-bob", "", "+14135550123", true, "depot", nil,
		},
		{
			"two identities in one header", invite(headers{"P-Asserted-Identity": {`"a, b" <sip:front@10.0.0.1>, <tel:+1-617-555-0111>`}}),
			e911.ByLineNumber, "u-4711", "", "+16175550111", true, "hq", nil,
		},
		{"nothing at all", identify.Call{Trunk: pbx}, e911.ByTrunkOnly, "", "", "", false, "", []string{identify.FlagNoLine}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := who(c.call)
			var user e911.UserID
			if r.User != nil {
				user = r.User.ID
			}
			var device e911.DeviceID
			if r.Device != nil {
				device = r.Device.ID
			}
			var site e911.SiteID
			if r.Site != nil {
				site = r.Site.ID
			}
			if r.By != c.by || user != c.user || device != c.device || r.Line != c.line || (r.LineRec != nil) != c.ours || site != c.site {
				t.Errorf("by %s user %q device %q line %q ours %v site %q, want %s %q %q %q %v %q",
					r.By, user, device, r.Line, r.LineRec != nil, site, c.by, c.user, c.device, c.line, c.ours, c.site)
			}
			flags := slices.DeleteFunc(slices.Clone(r.Flags), func(f string) bool { return strings.HasPrefix(f, "callback_") || f == identify.FlagNoCallback })
			if !slices.Equal(flags, c.flags) {
				t.Errorf("flags %v, want %v", flags, c.flags)
			}
			for _, f := range r.Findings {
				if f.Rule == "" || f.Why == "" {
					t.Errorf("finding %+v does not say why", f)
				}
			}
		})
	}
}

// Proves: F-21, N-10, W-02, W-41, E6
func TestWhichNumberGoesOut(t *testing.T) {
	from := func(n string) headers { return headers{"From": {"<sip:" + n + "@10.0.0.1>"}} }
	and := func(h headers, name, value string) headers { h[name] = []string{value}; return h }
	for _, c := range []struct {
		name string
		call identify.Call
		edit func(*harbor)
		want e911.Number
		flag string
	}{
		{"the demonstration call with its header", invite(and(from("+16175550111"), "E911-User-ID", "agent4711")), nil, "+16175550111", ""},
		{"the demonstration call without the header", invite(from("+16175550111")), nil, "+16175550100", ""},
		{"a named user's callback outranks the site", invite(and(from("+16175550111"), "E911-User-ID", "ann")), nil, "+14135550122", ""},
		{"an unnamed user's does not", invite(from("+16175550111")), nil, "+16175550100", ""},
		{"it stands in for his own number where the site has none", invite(from("+14135550121")), nil, "+14135550122", ""},
		{"the line's own number where there is no override", invite(from("+14135550123")), nil, "+14135550123", ""},
		{"a line without a user", invite(from("+14135550199")), nil, "+14135550199", ""},
		{"a registered toll-free callback is not given", invite(and(from("+16175550111"), "E911-User-ID", "toll")), nil, "+16175550100", ""},
		{"callback follows the line, not the device", identify.Call{Trunk: pbx, TokenDevice: "d-desk", Headers: from("+16175550111")}, nil, "+16175550100", ""},
		{"a device without a line: its site's number", identify.Call{Trunk: pbx, TokenDevice: "d-4711"}, nil, "+16175550100", ""},
		{"a stranger on our trunk: the one desk there is", invite(from("+12125550177")), nil, "+16175550100", identify.FlagCallbackGuessed},
		{
			"two desks: the number that the trunk asserts", invite(from("+12125550177")),
			func(h *harbor) { h.sites[1].ECBN = "+14135550101" }, "+12125550177", identify.FlagCallbackUnowned,
		},
		{
			"two desks and nothing to call: the first in order", invite(from("+18005550177")),
			func(h *harbor) { h.sites[1].ECBN = "+14135550101" }, "+14135550101", identify.FlagCallbackGuessed,
		},
		{
			"no desk: the number that the trunk asserts", invite(from("+12125550177")),
			func(h *harbor) { h.sites[0].ECBN = "" }, "+12125550177", identify.FlagCallbackUnowned,
		},
		{
			"a toll-free line of ours: the one desk", invite(from("+18885550100")), nil, "+16175550100", identify.FlagCallbackGuessed,
		},
		{
			"nothing that could be called", invite(from("+442079460000")),
			func(h *harbor) { h.sites[0].ECBN = "" }, "", identify.FlagNoCallback,
		},
		{
			"nothing but the billing number",
			invite(from("+442079460000")),
			func(h *harbor) { h.sites[0].ECBN, h.billing = "", "+16175550190" }, "+16175550190", identify.FlagCallbackBilling,
		},
		{
			"a billing number that no PSAP can call",
			invite(from("+442079460000")),
			func(h *harbor) { h.sites[0].ECBN, h.billing = "", "+18005550190" }, "", identify.FlagNoCallback,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarbor()
			if c.edit != nil {
				c.edit(h)
			}
			r := identify.Who(h, h, c.call).WithCallback(h, identify.Scene{Billing: h.billing})
			if r.Callback != c.want {
				t.Errorf("callback %q (%s), want %q", r.Callback, r.CallbackWhy, c.want)
			}
			if r.CallbackWhy == "" {
				t.Error("no reason for the callback")
			}
			for _, f := range []string{identify.FlagCallbackGuessed, identify.FlagCallbackUnowned, identify.FlagCallbackBilling, identify.FlagNoCallback} {
				if slices.Contains(r.Flags, f) != (f == c.flag) {
					t.Errorf("flags %v, want of the callback's only %q", r.Flags, c.flag)
				}
			}
		})
	}
}

// Proves: F-04, F-13
func TestWhatIsKnownOfHELD(t *testing.T) {
	asked := func(id e911.DeviceID) func(e911.DeviceID) bool { return func(d e911.DeviceID) bool { return d == id } }
	line := func(n string) headers { return headers{"From": {"<sip:" + n + "@10.0.0.1>"}} }
	for _, c := range []struct {
		name    string
		call    identify.Call
		want    identify.HELDClass
		devices []e911.DeviceID
	}{
		{"who has a token asked", identify.Call{Trunk: pbx, TokenDevice: "d-desk"}, identify.HELDYes, []e911.DeviceID{"d-desk"}},
		{"so did a device that is gone", identify.Call{Trunk: pbx, TokenDevice: "d-none"}, identify.HELDYes, nil},
		{"a model that asks", invite(line("+16175550111")), identify.HELDYes, []e911.DeviceID{"d-4711"}},
		{"a model that does not", invite(line("+14135550123")), identify.HELDNo, []e911.DeviceID{"d-desk"}},
		{"no model, never asked", invite(line("+14135550121")), identify.HELDNo, []e911.DeviceID{"d-plain"}},
		{"no model, asked once", identify.Call{Trunk: pbx, Headers: line("+14135550121"), AskedHELD: asked("d-plain")}, identify.HELDYes, []e911.DeviceID{"d-plain"}},
		{"a line that nobody owns", invite(line("+14135550199")), identify.HELDUnknown, nil},
		{"a stranger", invite(line("+12125550177")), identify.HELDUnknown, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := who(c.call)
			var got []e911.DeviceID
			for _, d := range r.Devices {
				got = append(got, d.ID)
			}
			if r.HELD != c.want || !slices.Equal(got, c.devices) {
				t.Errorf("HELD %s, devices %v, want %s, %v", r.HELD, got, c.want, c.devices)
			}
		})
	}
}
