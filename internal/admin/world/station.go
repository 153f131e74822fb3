package world

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// station reads what a device is before the law, as {class: non_fixed, installed:
// 2023-05-01, not_feasible: {reason, by, at}, off_premises: {by, at, text}}; nil:
// nobody stated it.
func station(n node) *e911.Station {
	if n.null() {
		return nil
	}
	f := n.object("class", "installed", "not_feasible", "off_premises")
	v := &e911.Station{Class: e911.StationClass(f["class"].text()), Installed: date(f["installed"])}
	if n := f["not_feasible"]; !n.null() {
		g := n.object("reason", "by", "at")
		v.NotFeasible = e911.Infeasible{Reason: g["reason"].text(), By: g["by"].text(), At: date(g["at"])}
	}
	if c := consent(f["off_premises"]); c != nil {
		v.OffPremises = *c
	}
	return v
}

// consent reads what somebody was told and agreed to, as {by: "Ana Reyes", at:
// 2026-01-31, text: "2026-01 en", confirmed: 2026-06-30}.
func consent(n node) *e911.Consent {
	if n.null() {
		return nil
	}
	f := n.object("by", "at", "text", "confirmed")
	return &e911.Consent{By: f["by"].text(), At: date(f["at"]), Text: f["text"].text(), Confirmed: date(f["confirmed"])}
}

// countries are those in which each organisation of the file has a building.
func (r *resolver) countries() map[string][]string {
	out := map[string][]string{}
	for _, it := range r.d.items {
		b, ok := it.value.(e911.Building)
		if c := strings.ToUpper(b.Address.Country); ok && c != "" && !slices.Contains(out[it.org], c) {
			out[it.org] = append(out[it.org], c)
		}
	}
	return out
}
