package api

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// A shape says where the fields of a kind stand otherwise in the API, which
// follows world files, than in the stored value.
type shape struct {
	// in changes a body into the stored form. Faults have pointers of the body.
	in func(m map[string]any, d *decoder)
	// out changes the stored form into what is shown.
	out func(m map[string]any)
	// back turns a pointer into the stored form into one into the body.
	back func(at string) string
}

// readOnly are fields that may be sent back as they were read; what they say is
// not looked at.
var readOnly = []string{"org", "version", "keys", "validation", "ali", "area", "synced"}

var shapes = map[e911.ObjectKind]shape{
	e911.KindBuilding: {
		in: func(m map[string]any, d *decoder) {
			delete(m, "point")
			a, ok := m["address"].(map[string]any)
			if !ok || a["point"] == nil {
				return
			}
			a = maps.Clone(a)
			m["address"] = a
			l, ok := a["point"].([]any)
			delete(a, "point")
			if !ok || len(l) != 2 {
				d.fault("/address/point", check.Syntax, "a point is a list of two numbers", "write [42.36684, -71.10565], latitude first")
				return
			}
			m["point"] = map[string]any{"lat": l[0], "lon": l[1]}
		},
		out: func(m map[string]any) {
			if p, ok := m["point"].(map[string]any); ok {
				delete(m, "point")
				if a, ok := m["address"].(map[string]any); ok {
					a["point"] = []any{p["lat"], p["lon"]}
				}
			}
		},
		back: func(at string) string {
			switch at {
			case "/point/lat":
				return "/address/point/0"
			case "/point/lon":
				return "/address/point/1"
			}
			return moved(at, "/point", "/address/point")
		},
	},
	e911.KindLocation: {
		in: func(m map[string]any, d *decoder) {
			if _, said := m["detail"]; said {
				d.fault("/detail", "unknown_key", "there is no such field", "write its fields beside key: FLR, ROOM, UNIT, LOC ...")
			}
			detail := map[string]any{}
			for _, name := range e911.CivicFieldNames() {
				if v, ok := m[name]; ok {
					detail[name] = v
					delete(m, name)
				}
			}
			m["detail"] = detail
		},
		out: func(m map[string]any) {
			if detail, ok := m["detail"].(map[string]any); ok {
				delete(m, "detail")
				maps.Copy(m, detail)
			}
		},
		back: func(at string) string { return moved(at, "/detail", "") },
	},
	e911.KindElement: {in: elementIn, out: elementOut, back: func(at string) string {
		at = moved(moved(at, "/lldp/chassis", "/chassis"), "/lldp/port", "/port")
		return moved(moved(moved(at, "/lldp", "/chassis"), "/from", "/range"), "/to", "/range")
	}},
	e911.KindPSAP: {in: psapIn, out: psapOut, back: func(at string) string {
		if strings.HasPrefix(at, "/routes/") && strings.Count(at, "/") == 2 {
			return at + "/trunk"
		}
		return moved(at, "/listing/line_checked", "/line_checked")
	}},
	e911.KindTrunk: {
		out: func(m map[string]any) {
			spanOut(m, "register", "expires")
			spanOut(m, "probe", "every")
		},
	},
	e911.KindOrg: {
		in: func(m map[string]any, d *decoder) {
			p, ok := m["psali"].(map[string]any)
			if !ok {
				return
			}
			l, ok := p["errors"].([]any)
			if !ok {
				return
			}
			p = maps.Clone(p)
			m["psali"] = p
			errors := map[string]any{}
			for _, e := range l {
				x, _ := e.(map[string]any)
				code, ok1 := x["code"].(string)
				means, ok2 := x["means"].(string)
				if !ok1 || !ok2 || len(x) != 2 {
					d.fault("/psali/errors", check.Syntax, "an error is a code with what it means", `write {"code": "705", "means": "no_record"}`)
					continue
				}
				errors[code] = means
			}
			p["errors"] = errors
		},
		out: func(m map[string]any) {
			if p, ok := m["psali"].(map[string]any); ok {
				if e, ok := p["errors"].(map[string]any); ok {
					list := []any{}
					for _, code := range slices.Sorted(maps.Keys(e)) {
						list = append(list, map[string]any{"code": code, "means": e[code]})
					}
					p["errors"] = list
				}
			}
		},
	},
	e911.KindLayer: {out: func(m map[string]any) { m["layer_version"] = m["version"] }},
}

// moved replaces the beginning of a pointer.
func moved(at, from, to string) string {
	if rest, ok := strings.CutPrefix(at, from); ok && (rest == "" || rest[0] == '/') {
		return to + rest
	}
	return at
}

func elementIn(m map[string]any, d *decoder) {
	for _, name := range []string{"lldp", "from", "to"} {
		if _, said := m[name]; said {
			d.fault("/"+name, "unknown_key", "there is no such field", "write chassis and port, or range")
			delete(m, name)
		}
	}
	lldp := map[string]any{}
	for _, name := range []string{"chassis", "port"} {
		if v, ok := m[name]; ok {
			lldp[name] = v
			delete(m, name)
		}
	}
	if len(lldp) > 0 {
		m["lldp"] = lldp
	}
	text, ok := m["range"].(string)
	if !ok || text == "" {
		return // of another type: told when it is decoded
	}
	delete(m, "range")
	p, from, to, err := netmap.ParseRange(text)
	if err != nil {
		d.fault("/range", check.Syntax, err.Error(), "write 203.0.113.0/24, or 203.0.113.7-203.0.113.40")
		return
	}
	if p.IsValid() {
		m["range"] = p.String()
	} else {
		m["from"], m["to"] = from.String(), to.String()
	}
}

func elementOut(m map[string]any) {
	if lldp, ok := m["lldp"].(map[string]any); ok {
		delete(m, "lldp")
		maps.Copy(m, lldp)
	}
	from, ok1 := m["from"].(string)
	to, ok2 := m["to"].(string)
	if ok1 && ok2 && from != "" {
		m["range"] = from + "-" + to
	}
	delete(m, "from")
	delete(m, "to")
	if m["chassis"] == "" {
		delete(m, "chassis")
	}
}

func psapIn(m map[string]any, d *decoder) {
	if l, ok := m["routes"].([]any); ok {
		routes := make([]any, 0, len(l))
		for _, e := range l {
			r, ok := e.(map[string]any)
			if !ok || len(r) != 1 || r["trunk"] == nil {
				d.fault("/routes", check.Syntax, "a route names a trunk", `write {"trunk": "key:carrier-1"}`)
				continue
			}
			routes = append(routes, r["trunk"])
		}
		m["routes"] = routes
	}
	listing, _ := m["listing"].(map[string]any)
	listing = maps.Clone(listing)
	delete(listing, "line_checked")
	if v, ok := m["line_checked"]; ok {
		delete(m, "line_checked")
		if listing == nil {
			listing = map[string]any{}
		}
		listing["line_checked"] = v
	}
	if len(listing) > 0 {
		m["listing"] = listing
	}
}

func psapOut(m map[string]any) {
	if l, ok := m["routes"].([]any); ok {
		for i := range l {
			l[i] = map[string]any{"trunk": l[i]}
		}
	}
	if l, ok := m["listing"].(map[string]any); ok {
		if v, ok := l["line_checked"]; ok {
			m["line_checked"] = v
			delete(l, "line_checked")
		}
		if len(l) == 0 {
			delete(m, "listing")
		}
	}
}

// spanOut writes a duration as text.
func spanOut(m map[string]any, part, name string) {
	p, ok := m[part].(map[string]any)
	if !ok {
		return
	}
	if n, ok := p[name].(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			p[name] = time.Duration(i).String()
		}
	}
}

// canonical gives a value its one form, as a world file's would have: defaults,
// and the ways in which people write numbers, addresses and ranges.
func canonical(value any) any {
	switch v := value.(type) {
	case e911.Org:
		if v.Name == "" {
			v.Name = v.Key
		}
		v.SIPDomain = strings.ToLower(v.SIPDomain)
		for i, m := range v.BSSIDMasking {
			if mac, err := e911.ParseMAC(m.OUI + "000000"); err == nil {
				v.BSSIDMasking[i].OUI = string(mac[:8])
			}
		}
		return v
	case e911.Site:
		if v.Name == "" {
			v.Name = v.Key
		}
		if v.Mode == "" {
			v.Mode = e911.ModeDynamic
		}
		if v.Stage == "" {
			v.Stage = e911.StageNone
		}
		return v
	case e911.Element:
		return netmap.Canonical(v)
	case e911.Trunk:
		if v.From == nil && len(v.Certificates)+len(v.Admit.Secrets) > 0 {
			v.From = []netip.Prefix{}
		}
		return v
	case e911.PSAP:
		for i, c := range v.Countries {
			v.Countries[i] = strings.ToUpper(c)
		}
		for i, l := range v.Languages {
			v.Languages[i] = strings.ToLower(l)
		}
		if v.Routes == nil {
			v.Routes = []e911.TrunkID{}
		}
		return v
	}
	return value
}
