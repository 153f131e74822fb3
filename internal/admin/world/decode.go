package world

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// item is one object of the file. Its value holds keys of the customer's where
// ids belong, until resolve has found these.
type item struct {
	value any
	path  string // of the object in the file
	org   string // key of its organisation, "" for the world part
	at    place
	// paths maps a field of the object, as package check names it, to the field
	// of the file where the two differ.
	paths map[string]string
}

// draft is a file that was read, not yet compared with anything.
type draft struct {
	items    []item
	world    bool     // the file has a world part
	orgs     []string // keys of its organisations, in order
	orgPaths map[string]string
}

func (d *draft) add(n node, org string, value any, paths map[string]string) {
	d.items = append(d.items, item{value: value, path: n.path, org: org, at: n.place(), paths: paths})
}

// decode reads the whole file. Faults are kept in s; what could be read is in
// the draft all the same, so that one run finds them all.
func (s *source) decode(text []byte) *draft {
	d := &draft{orgPaths: map[string]string{}}
	root := s.parse(text)
	if root == nil {
		return d
	}
	top := s.node("", root).object("world", "organisations")
	if !top["world"].there() && !top["organisations"].there() && len(s.faults) == 0 {
		s.add("", place{1, 1}, check.Required, "there is neither a world nor an organisation in the file", "begin with world: and organisations:")
	}
	if top["world"].there() {
		d.world = true
		d.worldPart(top["world"])
	}
	for _, n := range top["organisations"].list() {
		d.organisation(n)
	}
	return d
}

func (d *draft) worldPart(n node) {
	f := n.object("models", "trunks", "psaps", "relay", "relays")
	for _, m := range f["models"].list() {
		g := m.object("key", "held", "maker", "names", "firmware")
		v := e911.Model{Key: g["key"].text(), HELD: g["held"].truth(), Maker: g["maker"].text(), Names: none(g["names"].texts())}
		for _, r := range g["firmware"].list() {
			x := r.object("from", "to", "capability")
			v.Firmware = append(v.Firmware, e911.FirmwareRule{From: x["from"].text(), To: x["to"].text(), Capability: e911.Capability(x["capability"].text())})
		}
		d.add(m, "", v, nil)
	}
	for _, t := range f["trunks"].list() {
		d.trunk(t, "")
	}
	for _, p := range f["psaps"].list() {
		d.servingPSAP(p)
	}
	if r := f["relay"]; r.there() && !r.null() {
		d.relayCentre(r)
	} else if len(f["relays"].list()) == 0 {
		r.fault(check.Required, "the world has no relay centre: a caller who cannot be located would reach nobody (E1)",
			`relay: {key: ecrc, name: "Relay centre", routes: [{trunk: ...}]}`)
	}
	for _, r := range f["relays"].list() {
		d.relayCentre(r)
	}
}

func (d *draft) psap(n node, f map[string]node, v e911.PSAP) {
	v.Key, v.Name, v.Line = f["key"].text(), f["name"].text(), number(f["line"])
	v.Routes = []e911.TrunkID{}
	paths := map[string]string{}
	v.Alternates = alternates(f["alternates"], paths)
	for i, r := range f["routes"].list() {
		t := r.object("trunk")["trunk"]
		v.Routes = append(v.Routes, e911.TrunkID(t.text()))
		paths["routes["+strconv.Itoa(i)+"]"] = r.path + ".trunk"
	}
	d.add(n, "", v, paths)
}

func (d *draft) organisation(n node) {
	f := n.object("key", "name", "demonstration", "held", "public_ranges", "bssid_masking", "did_fallback", "psali", "carriers", "psap_overrides", "trunks", "network", "sites", "sip_domain", "state", "own_phones_off")
	key := f["key"].text()
	if first, twice := d.orgPaths[key]; twice && key != "" {
		f["key"].fault(check.Duplicate, "the organisation "+key+" stands in the file twice, first at "+first, "put all of it in one place")
		return
	}
	scope := orElse(key, n.path) // without a key its objects still belong together
	d.orgPaths[key] = n.path
	d.orgs = append(d.orgs, scope)
	held := f["held"].object("company_id", "secrets", "trusted", "platforms")
	v := e911.Org{
		ID: e911.OrgID(scope), Key: key, Name: orElse(f["name"].text(), key), Demonstration: f["demonstration"].truth(),
		HELD: e911.HELDAccess{
			CompanyID: held["company_id"].text(), Secrets: secrets(held["secrets"]), Trusted: none(prefixes(held["trusted"])),
			Platforms: platforms(held["platforms"]),
		},
		PublicRanges: none(prefixes(f["public_ranges"])), DIDFallback: f["did_fallback"].truth(),
		SIPDomain: strings.ToLower(f["sip_domain"].text()), State: e911.OrgState(f["state"].text()), OwnPhonesOff: f["own_phones_off"].truth(),
	}
	if f["psali"].there() {
		v.PSALI = psali(f["psali"])
	}
	for _, m := range f["bssid_masking"].list() {
		g := m.object("oui", "digits")
		v.BSSIDMasking = append(v.BSSIDMasking, e911.BSSIDMask{OUI: oui(g["oui"].text()), Digits: g["digits"].whole()})
	}
	var paths map[string]string
	v.Carriers, paths = carriers(f["carriers"])
	d.add(n, scope, v, paths)
	for _, o := range f["psap_overrides"].list() {
		d.override(o, scope)
	}
	for _, t := range f["trunks"].list() {
		d.trunk(t, scope)
	}
	for _, e := range f["network"].list() {
		d.element(e, scope, "")
	}
	for _, s := range f["sites"].list() {
		d.site(s, scope)
	}
}

// psali reads what an organisation's ALI records say; error codes are
// {code: "705", means: no_record}.
func psali(n node) *e911.PSALI {
	f := n.object("company_id", "provider", "company", "customer", "main", "class", "type", "exchange", "county", "code", "errors")
	v := &e911.PSALI{
		CompanyID: f["company_id"].text(), Provider: f["provider"].text(), Company: f["company"].text(), Customer: f["customer"].text(),
		Main: number(f["main"]), Class: f["class"].text(), Type: f["type"].text(), Exchange: f["exchange"].text(),
		County: f["county"].text(), Code: f["code"].text(),
	}
	for _, e := range f["errors"].list() {
		g := e.object("code", "means")
		if v.Errors == nil {
			v.Errors = map[string]string{}
		}
		v.Errors[g["code"].text()] = g["means"].text()
	}
	return v
}

// sipAccount reads what a telephone registers with; nil when it does not.
func sipAccount(n node) *e911.SIPAccount {
	if n.null() {
		return nil
	}
	f := n.object("user", "secret", "line", "guest")
	return &e911.SIPAccount{User: f["user"].text(), Secret: e911.Secret(f["secret"].text()), Line: number(f["line"]), Guest: f["guest"].truth()}
}

func secrets(n node) (out []e911.Secret) {
	for _, s := range n.texts() {
		out = append(out, e911.Secret(s))
	}
	return out
}

func platforms(n node) (out []e911.HELDPlatform) {
	for _, p := range n.list() {
		f := p.object("name", "secrets", "certificates", "from")
		out = append(out, e911.HELDPlatform{
			Name: f["name"].text(), Secrets: secrets(f["secrets"]), Certificates: none(f["certificates"].texts()), From: none(prefixes(f["from"])),
		})
	}
	return out
}

func (d *draft) site(n node, org string) {
	f := n.object("key", "name", "zone", "mode", "stage", "ecbn", "main_number", "ecbn_choice", "esa", "areas", "buildings", "users", "devices", "numbers", "alerts", "local", "mode_acknowledged", "callback_window")
	key := f["key"].text()
	d.add(n, org, e911.Site{
		Org: e911.OrgID(org), Key: key, Name: orElse(f["name"].text(), key), Zone: f["zone"].text(),
		Mode:  e911.SiteMode(orElse(f["mode"].text(), string(e911.ModeDynamic))),
		Stage: e911.Stage(orElse(f["stage"].text(), string(e911.StageNone))), ECBN: number(f["ecbn"]),
		MainNumber: number(f["main_number"]), ECBNChoice: ecbnChoice(f["ecbn_choice"]),
		ESA: e911.LocationID(f["esa"].text()), Areas: areas(f["areas"]),
		Local: localTrunks(f["local"]), ModeAcknowledged: acknowledged(f["mode_acknowledged"]),
		CallbackWindow: f["callback_window"].whole(),
	}, nil)
	for _, b := range f["buildings"].list() {
		d.building(b, org, key)
	}
	for _, u := range f["users"].list() {
		g := u.object("key", "name", "email", "device_user_id", "callback", "ecbn", "language", "off_premises")
		d.add(u, org, e911.User{
			Org: e911.OrgID(org), Site: e911.SiteID(key), Key: g["key"].text(), Name: g["name"].text(), Email: g["email"].text(),
			DeviceUserID: g["device_user_id"].text(), Callback: number(g["callback"]),
			ECBN: ecbn(g["ecbn"]), Language: g["language"].text(), OffPremises: consent(g["off_premises"]),
		}, nil)
	}
	for _, x := range f["devices"].list() {
		g := x.object("key", "mac", "user", "model", "sip", "ecbn", "station", "language")
		d.add(x, org, e911.Device{
			Org: e911.OrgID(org), Site: e911.SiteID(key), Key: g["key"].text(), MAC: mac(g["mac"]),
			User: e911.UserID(g["user"].text()), Model: e911.ModelID(g["model"].text()), SIP: sipAccount(g["sip"]),
			ECBN: ecbn(g["ecbn"]), Station: station(g["station"]), Language: g["language"].text(),
		}, nil)
	}
	for _, x := range f["numbers"].list() {
		g := x.object("number", "user", "location", "elin", "status", "owner", "ecbn")
		d.add(x, org, e911.NumberRec{
			Org: e911.OrgID(org), Site: e911.SiteID(key), Number: number(g["number"]), ELIN: g["elin"].truth(),
			User: e911.UserID(g["user"].text()), Location: e911.LocationID(g["location"].text()),
			Status: e911.NumberStatus(g["status"].text()), Owner: e911.OwnerKind(g["owner"].text()), ECBN: ecbn(g["ecbn"]),
		}, nil)
	}
	for _, a := range f["alerts"].list() {
		d.alert(a, org, key)
	}
}

func (d *draft) alert(n node, org, site string) {
	f := n.object("key", "on", "mail", "webhook")
	v := e911.Alert{Org: e911.OrgID(org), Site: e911.SiteID(site), Key: f["key"].text(), Mail: f["mail"].texts()}
	for _, on := range f["on"].texts() {
		v.On = append(v.On, e911.AlertOn(on))
	}
	for _, w := range f["webhook"].list() {
		g := w.object("url", "secret")
		v.Webhook = append(v.Webhook, e911.Webhook{URL: g["url"].text(), Secret: e911.Secret(g["secret"].text())})
	}
	d.add(n, org, v, nil)
}

func (d *draft) building(n node, org, site string) {
	f := n.object("key", "name", "address", "locations", "square_feet")
	a := f["address"].object(append(e911.CivicFieldNames(), "point")...)
	v := e911.Building{Org: e911.OrgID(org), Site: e911.SiteID(site), Key: f["key"].text(), Name: f["name"].text(), Address: civic(a)}
	v.Point = point(a["point"])
	v.SquareFeet = f["square_feet"].whole()
	d.add(n, org, v, map[string]string{"point": a["point"].path})
	for _, l := range f["locations"].list() {
		d.location(l, org, v.Key)
	}
}

func (d *draft) location(n node, org, building string) {
	f := n.object(append([]string{"key", "network"}, e911.CivicFieldNames()...)...)
	v := e911.Location{Org: e911.OrgID(org), Building: e911.BuildingID(building), Key: f["key"].text(), Detail: civic(f)}
	d.add(n, org, v, nil)
	for _, e := range f["network"].list() {
		d.element(e, org, v.Key)
	}
}

// element reads an element in the short form, {bssid: ...}, or in that of the
// map import, {kind: dect_base, name: ...}.
func (d *draft) element(n node, org, location string) {
	f := n.object("bssid", "lldp", "mac", "mobility", "ip", "kind", "mac_to", "chassis", "port", "range", "name")
	v := e911.Element{Org: e911.OrgID(org), Location: e911.LocationID(location), Mobility: e911.Mobility(f["mobility"].text())}
	if f["kind"].there() {
		d.longElement(n, f, org, v)
		return
	}
	var paths map[string]string
	kinds := slices.DeleteFunc([]string{"bssid", "lldp", "mac", "ip"}, func(k string) bool { return !f[k].there() })
	if len(kinds) != 1 {
		n.fault(check.Required, "a network element is one of bssid, lldp, mac or ip, or says its kind", "write one of them for each element")
		return
	}
	for _, long := range []string{"mac_to", "chassis", "port", "range", "name"} {
		if f[long].there() {
			f[long].fault(check.Forbidden, long+" stands beside kind", "write kind: too, as in {kind: dect_base, name: 0123456789}")
			return
		}
	}
	switch kinds[0] {
	case "bssid":
		v.Kind, v.MAC, paths = e911.ElementBSSID, mac(f["bssid"]), map[string]string{"mac": f["bssid"].path}
	case "mac":
		v.Kind, v.MAC = e911.ElementMAC, mac(f["mac"])
	case "ip":
		v.Kind, paths = e911.ElementIP, map[string]string{"range": f["ip"].path}
		if !addresses(f["ip"], &v) {
			return
		}
	case "lldp":
		g := f["lldp"].object("chassis", "port")
		v.Kind, v.LLDP = e911.ElementLLDPChassis, e911.LLDPPort{Chassis: g["chassis"].text(), Port: g["port"].text()}
		if g["port"].there() {
			v.Kind = e911.ElementLLDPPort
		}
	}
	d.add(n, org, netmap.Canonical(v), paths)
}

func (d *draft) longElement(n node, f map[string]node, org string, v e911.Element) {
	for _, short := range []string{"bssid", "lldp", "ip"} {
		if f[short].there() {
			f[short].fault(check.Forbidden, short+" says the kind already", "leave one of the two out")
			return
		}
	}
	v.Kind = e911.ElementKind(f["kind"].text())
	v.MAC, v.MACTo, v.Name = mac(f["mac"]), mac(f["mac_to"]), f["name"].text()
	v.LLDP = e911.LLDPPort{Chassis: f["chassis"].text(), Port: f["port"].text()}
	if f["range"].there() && !addresses(f["range"], &v) {
		return
	}
	d.add(n, org, netmap.Canonical(v), map[string]string{
		"lldp": n.path + ".chassis", "lldp.chassis": n.path + ".chassis", "lldp.port": n.path + ".port",
	})
}

// addresses reads the range of an element.
func addresses(n node, v *e911.Element) bool {
	var err error
	v.Range, v.From, v.To, err = netmap.ParseRange(n.text())
	if err != nil {
		n.fault(check.Syntax, err.Error(), "write 203.0.113.0/24, or 203.0.113.7-203.0.113.40")
	}
	return err == nil
}

func civic(f map[string]node) e911.Civic {
	var c e911.Civic
	for _, name := range e911.CivicFieldNames() {
		c.Set(name, f[name].text())
	}
	return c
}

// point reads [latitude, longitude].
func point(n node) *e911.Point {
	if n.null() {
		return nil
	}
	const fix = "write [42.36684, -71.10565], latitude first"
	list := n.list()
	if len(list) != 2 {
		n.fault(check.Syntax, "a point is a list of two numbers", fix)
		return nil
	}
	var v [2]float64
	for i, m := range list {
		f, err := strconv.ParseFloat(m.text(), 64)
		if err != nil {
			m.fault(check.Syntax, "this is no number of degrees", fix)
			return nil
		}
		v[i] = f
	}
	return &e911.Point{Lat: v[0], Lon: v[1]}
}

// number writes a number in the one form. What cannot be read stays as it is
// for check to refuse: it knows emergency strings from slips.
func number(n node) e911.Number {
	s := n.text()
	if v, err := e911.ParseNumber(s); err == nil {
		return v
	}
	return e911.Number(s)
}

// mac does the same for hardware addresses.
func mac(n node) e911.MAC {
	s := n.text()
	if v, err := e911.ParseMAC(s); err == nil {
		return v
	}
	return e911.MAC(s)
}

func oui(s string) string {
	if m, err := e911.ParseMAC(s + "000000"); err == nil {
		return string(m[:8])
	}
	return s
}

// prefixes reads a list of address ranges; nil when it is absent.
func prefixes(n node) []netip.Prefix {
	if n.null() {
		return nil
	}
	out := []netip.Prefix{}
	for _, m := range n.list() {
		p, _ := prefix(m)
		out = append(out, p)
	}
	return out
}

// prefix reads one range; an address alone is the range that holds only it.
func prefix(n node) (netip.Prefix, bool) {
	s := n.text()
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		n.fault(check.Syntax, "this is no address range", "write 203.0.113.0/24, or one address as 203.0.113.7/32")
	}
	return p, err == nil
}

// none makes an empty list absent, where the two mean the same.
func none[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
