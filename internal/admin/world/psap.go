package world

import (
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

// psapKeys are those of a PSAP that is not the relay centre.
var psapKeys = []string{"key", "name", "boundary", "routes", "line", "line_checked", "features", "agency", "listing", "alternates"}

func (d *draft) servingPSAP(n node) {
	f := n.object(psapKeys...)
	b := f["boundary"].object("us_county")
	if f["boundary"].there() && b["us_county"].text() == "" {
		n.s.add(b["us_county"].path, f["boundary"].place(), check.Required, "a boundary here is a county", "write its five digits, as 25017, or leave boundary out: the layers have boundaries")
	}
	v := e911.PSAP{Boundary: e911.Boundary{USCounty: b["us_county"].text()}, Features: none(f["features"].texts()), Agency: f["agency"].text()}
	l := f["listing"].object("registry", "kind", "city", "county", "state", "as_of")
	v.Listing = e911.PSAPListing{
		Registry: l["registry"].text(), Kind: l["kind"].text(), City: l["city"].text(), County: l["county"].text(), State: l["state"].text(),
		AsOf: date(l["as_of"]), LineChecked: date(f["line_checked"]),
	}
	d.psap(n, f, v)
}

// date reads a day, as 2026-01-31; the zero time when it is absent.
func date(n node) time.Time {
	s := n.text()
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		n.fault(check.Syntax, "this is no date", "write it as 2026-01-31")
	}
	return t
}

// carriers reads keys of trunks of the world part.
func carriers(n node) (out []e911.TrunkID, paths map[string]string) {
	paths = map[string]string{}
	for i, t := range n.list() {
		out = append(out, e911.TrunkID(t.text()))
		paths["carriers["+strconv.Itoa(i)+"]"] = t.path
	}
	return out, paths
}

// override reads an organisation's own choice of a PSAP.
func (d *draft) override(n node, org string) {
	f := n.object("key", "site", "building", "location", "psap", "agreement", "expires")
	d.add(n, org, e911.PSAPOverride{
		Org: e911.OrgID(org), Key: f["key"].text(), Site: e911.SiteID(f["site"].text()), Building: e911.BuildingID(f["building"].text()),
		Location: e911.LocationID(f["location"].text()), PSAP: e911.PSAPID(f["psap"].text()), Agreement: f["agreement"].text(),
		Expires: date(f["expires"]),
	}, nil)
}

// listed reports an object that is in the directory of PSAPs, which other files
// bring: a world file that does not name it leaves it alone.
func listed(value any) bool {
	p, ok := value.(e911.PSAP)
	return ok && p.Listing.Registry != "" && len(p.Routes) == 0
}

// keepListing leaves what a registry says of a PSAP to the registry's own file,
// where the world file says nothing of it.
func keepListing(v e911.PSAP, stored any) e911.PSAP {
	was, ok := stored.(e911.PSAP)
	if !ok || v.Listing.Registry != "" {
		return v
	}
	checked := v.Listing.LineChecked
	if bare := (e911.PSAPListing{LineChecked: checked}); v.Listing == bare {
		v.Listing = was.Listing
		if !checked.IsZero() || v.Line != was.Line {
			v.Listing.LineChecked = checked
		}
	}
	return v
}
