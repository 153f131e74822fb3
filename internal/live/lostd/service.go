package lostd

import (
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/rules/ecrf"
)

// internal are the services that i3 networks ask each other for, and the one of
// RFC 5031 whose boundaries answer where the layers have none for them. They
// are answered as they were asked, without substitution (NENA-STA-010.3).
var internal = map[string]string{
	"urn:emergency:service:sos":              ecrf.ServiceSOS,
	"urn:emergency:service:sos.psap":         ecrf.ServiceSOS,
	"urn:emergency:service:responder.police": ecrf.ServicePolice,
	"urn:emergency:service:responder.fire":   ecrf.ServiceFire,
	"urn:emergency:service:responder.ems":    ecrf.ServiceAmbulance,
}

// above has the services below each that is not mapped itself.
var belowInternal = map[string][]string{
	"urn:emergency:service":           {"urn:emergency:service:sos"},
	"urn:emergency:service:sos":       {"urn:emergency:service:sos.psap"},
	"urn:emergency:service:responder": {"urn:emergency:service:responder.ems", "urn:emergency:service:responder.fire", "urn:emergency:service:responder.police"},
}

// asked is a service as the boundaries know it.
type asked struct {
	urn      string // to look for
	answer   string // the name in the answer when it is not substituted; empty: as the boundaries have it
	internal bool
}

// serviceOf resolves the service of a query; ok is false for one that nobody
// maps here.
func serviceOf(x *ecrf.Index, urn string) (asked, bool) {
	urn = strings.ToLower(strings.TrimSpace(urn))
	if urn == ecrf.ServiceSOS { // nearly all
		return asked{urn: urn}, true
	}
	if mapped, _, ok := x.Service(urn); ok {
		_ = mapped
		return asked{urn: urn}, true
	}
	modern := urn
	if rest, ok := strings.CutPrefix(urn, "urn:nena:service:"); ok {
		modern = "urn:emergency:service:" + rest
	}
	if instead, ok := internal[modern]; ok {
		return asked{urn: instead, answer: urn, internal: true}, true
	}
	return asked{}, false
}

// below lists the services immediately below one.
func below(x *ecrf.Index, urn string) ([]string, bool) {
	list, ok := x.Children(urn)
	urn = strings.ToLower(strings.TrimSpace(urn))
	if more, known := belowInternal[urn]; known {
		list = append(list, more...)
		ok = true
	}
	if _, known := internal[urn]; known {
		ok = true
	}
	slices.Sort(list)
	return slices.Compact(list), ok
}
