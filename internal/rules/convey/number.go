package convey

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Format is a number as a trunk wants it: +E.164, or ten digits where National
// is set and the number is North American (F-21).
func Format(n e911.Number, t e911.Trunk) string {
	const digits = 12 // "+1" and ten
	if s := string(n); t.National && len(s) == digits && strings.HasPrefix(s, "+1") {
		return s[2:]
	}
	return string(n)
}

// number decides which number goes out: the callback, or on an elin trunk the
// ELIN of the place when one is confirmed (F-21).
func (w *writer) number() {
	w.Number = w.Callback
	if w.trunk.Profile == e911.ProfileELIN {
		if w.ELIN != "" {
			w.Number = w.ELIN
			w.find(e911.Finding{Rule: RuleNumber, Said: string(w.ELIN), Chosen: true, Why: "the confirmed ELIN of the place: the carrier knows numbers alone"})
		} else {
			w.flag(FlagNoELIN)
			w.find(e911.Finding{Rule: RuleNumber, Said: string(w.Callback), Chosen: true, Why: "the callback number instead of an ELIN: " + w.ELINWhy})
		}
	}
	w.From = w.address()
}

// address is the caller as the PSAP sees him, never anonymous (F-21).
func (w *writer) address() string {
	if w.Number == "" {
		// No number that could be called back: a name that says so, with what
		// the trunk asserts, for the call-taker's eyes alone (W-05).
		name := "No callback number"
		if w.Line != "" {
			name += ", line " + string(w.Line)
		}
		return `"` + name + `" <sip:unknown@` + w.Domain + ">"
	}
	return "<sip:" + Format(w.Number, w.trunk) + "@" + w.Domain + ";user=phone>"
}

// loose is a URI as a Route: with lr (RFC 3261, section 19.1.1).
func loose(uri string) string {
	_, params, _ := strings.Cut(uri, ";")
	for p := range strings.SplitSeq(params, ";") {
		name, _, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "lr") {
			return uri
		}
	}
	return uri + ";lr"
}
