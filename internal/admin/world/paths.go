package world

import (
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// relayCentre reads a relay centre: that of any country, or one of some.
func (d *draft) relayCentre(n node) {
	f := n.object("key", "name", "routes", "line", "line_checked", "countries", "languages")
	v := e911.PSAP{Relay: true, Listing: e911.PSAPListing{LineChecked: date(f["line_checked"])}}
	for _, c := range f["countries"].texts() {
		v.Countries = append(v.Countries, strings.ToUpper(c))
	}
	for _, l := range f["languages"].texts() {
		v.Languages = append(v.Languages, strings.ToLower(l))
	}
	d.psap(n, f, v)
}

// alternates reads the PSAPs that take another's calls by agreement, as
// {psap: suffolk, agreement: "...", expires: 2027-01-31}.
func alternates(n node, paths map[string]string) (out []e911.PSAPAlternate) {
	for i, a := range n.list() {
		f := a.object("psap", "agreement", "expires")
		out = append(out, e911.PSAPAlternate{PSAP: e911.PSAPID(f["psap"].text()), Agreement: f["agreement"].text(), Expires: date(f["expires"])})
		paths["alternates["+strconv.Itoa(i)+"]"] = a.path
	}
	return out
}

// localTrunks reads the PSTN trunks and gateways of a site's own.
func localTrunks(n node) (out []e911.TrunkID) {
	for _, t := range n.list() {
		out = append(out, e911.TrunkID(t.text()))
	}
	return out
}

// acknowledged reads who accepted TN mode, as {by: "Ana Reyes", at: 2026-01-31}.
func acknowledged(n node) e911.ModeAcknowledgement {
	if n.null() {
		return e911.ModeAcknowledgement{}
	}
	f := n.object("by", "at")
	return e911.ModeAcknowledgement{By: f["by"].text(), At: date(f["at"])}
}
