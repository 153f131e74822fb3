package identify

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// callback chooses the number that a PSAP can call back (F-21): the registered
// callback of a user whom the platform names; the emergency callback number of
// the caller's site; his own number. Without any of them a desk of the
// organisation is better than the number of a stranger, and that is better than
// none. A number that no PSAP can call is never given.
func (q *question) callback() {
	if q.named != nil && q.named.Callback != "" &&
		q.offer(RuleCBHeader, q.named.Callback, "the callback number of the user whom "+q.via+" names") {
		return
	}
	for _, id := range q.siteIDs() {
		if s, ok := q.org.Site(id); ok && s.ECBN != "" &&
			q.offer(RuleCBSite, s.ECBN, "the emergency callback number of the site "+s.Name) {
			return
		}
	}
	// An override that nobody may put before the site's number stands in for
	// the user's own.
	if q.r.User != nil && q.r.User.Callback != "" &&
		q.offer(RuleCBOwn, q.r.User.Callback, "the callback number of the user, in place of his own number") {
		return
	}
	if q.r.LineRec != nil && q.offer(RuleCBOwn, q.r.Line, "the number of the line") {
		return
	}
	q.lastCallback()
}

// lastCallback is for callers of whom no site is known.
func (q *question) lastCallback() {
	var sites []e911.Site
	for s := range q.org.Sites() {
		if s.ECBN != "" && CallbackFault(s.ECBN) == "" {
			sites = append(sites, s)
		}
	}
	slices.SortFunc(sites, func(a, b e911.Site) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.ID, b.ID)) })
	oneDesk := len(sites) > 0 && !slices.ContainsFunc(sites, func(s e911.Site) bool { return s.ECBN != sites[0].ECBN })
	desk := func() bool {
		return len(sites) > 0 && q.offer(RuleCBOrg, sites[0].ECBN, "the caller's site is not known: the emergency callback number of "+sites[0].Name)
	}
	asserted := func() bool {
		return q.r.Line != "" && q.r.LineRec == nil && q.offer(RuleCBAsserted, q.r.Line, "the number that the trunk asserts; it is none of ours")
	}
	switch {
	case oneDesk && desk(), !oneDesk && !asserted() && desk():
		q.flag(FlagCallbackGuessed)
	case q.r.Callback != "", asserted():
		q.flag(FlagCallbackUnowned)
	case q.call.Billing != "" && q.offer(RuleCBBilling, q.call.Billing, "there is no better number: the billing number of the organisation's lines"):
		q.flag(FlagCallbackBilling)
	default:
		q.flag(FlagNoCallback)
		q.r.CallbackWhy = "there is no number that a PSAP could call"
	}
}

// offer takes n when nothing keeps a PSAP from calling it.
func (q *question) offer(rule string, n e911.Number, why string) bool {
	if fault := CallbackFault(n); fault != "" {
		q.find(e911.Finding{Rule: rule, Said: string(n), Why: "not given to the PSAP: " + fault})
		return false
	}
	q.r.Callback, q.r.CallbackWhy = n, why
	q.find(e911.Finding{Rule: rule, Said: string(n), Chosen: true, Why: why})
	return true
}

// CallbackFault says why n cannot be a callback number, "" when it can: a
// callback is a geographic number of the United States or Canada (F-21).
func CallbackFault(n e911.Number) string {
	if len(n) != 12 || n[0] != '+' || n[1] != '1' {
		return "it is no North American number"
	}
	for _, c := range []byte(n[1:]) {
		if c < '0' || c > '9' {
			return "it holds something else than digits"
		}
	}
	npa, nxx := string(n[2:5]), string(n[5:8])
	switch {
	case npa[0] < '2' || nxx[0] < '2' || npa[1:] == "11" || nxx[1:] == "11":
		return "it cannot be dialled: area code or exchange is none"
	case slices.Contains(tollFree, npa):
		return "it is a toll-free number"
	case npa == "900" || nxx == "976":
		return "it is a premium number"
	case slices.Contains(nonGeographic, npa):
		return "its area code belongs to no place"
	case slices.Contains(elsewhere, npa):
		return "its area code lies outside the United States and Canada"
	}
	return ""
}

// The North American Numbering Plan's area codes that are no callback
// (NANPA's report of area codes; the many that begin with 5 are those set aside
// for personal communications services).
var (
	tollFree      = []string{"800", "822", "833", "844", "855", "866", "877", "880", "881", "882", "883", "884", "885", "886", "887", "888", "889"}
	nonGeographic = []string{
		"456", "500", "521", "522", "523", "524", "525", "526", "527", "528", "529", "532", "533", "535", "538", "542",
		"543", "544", "545", "546", "547", "549", "550", "552", "553", "554", "555", "556", "558", "566", "569", "577",
		"578", "588", "589", "600", "622", "633", "644", "655", "677", "688", "700", "710",
	}
	elsewhere = []string{
		"242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809",
		"829", "849", "868", "869", "876",
	}
)
