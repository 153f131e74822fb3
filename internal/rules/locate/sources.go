package locate

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Places knows the places of an organisation; *snapshot.Org is one.
type Places interface {
	Place(e911.LocationID) (e911.Place, bool)
}

// FromLocation makes evidence of a location of ours: what a token names, or a
// stored location of a device.
func FromLocation(p Places, id e911.LocationID, by e911.LocatedBy, at time.Time) (Evidence, bool) {
	if id == "" {
		return Evidence{}, false
	}
	place, ok := p.Place(id)
	if !ok {
		return Evidence{}, false
	}
	return Evidence{By: by, At: at, Place: place, Said: "location " + place.Key}, true
}

// Numbers is what rank 7 asks an organisation; *snapshot.Org is one.
type Numbers interface {
	Number(e911.Number) (e911.NumberRec, bool)
	NumbersOf(e911.UserID) []e911.NumberRec
	Place(e911.LocationID) (e911.Place, bool)
}

// Registered is a place that a user said is his, whatever he calls from (N-07); the
// zero value is none.
type Registered struct {
	Place   e911.Place
	Verdict Verdict
	At      time.Time // when he said it
}

// FromNumbers returns the rank 7 candidates: the addresses of the user's numbers
// and of the line (W-39, W-10). Either may be none. The line comes first where it
// is the user's own, or a virtual one, which has an address of its own whoever
// has it on his telephone (W-41); else the user does (F-13). A number without an
// address of its own has that of its site: FromSite.
func FromNumbers(n Numbers, user e911.UserID, line e911.Number) []Candidate {
	return FromPerson(n, user, line, Registered{})
}

// FromPerson is FromNumbers of a user who registered a place. It stands behind the
// addresses of his own numbers, which are about what he calls from, and before that
// of a line which is not his (F-13). No number's address has an age, and neither has
// it here: what comes first counts.
func FromPerson(n Numbers, user e911.UserID, line e911.Number, r Registered) []Candidate {
	var out []Candidate
	seen := map[e911.LocationID]bool{}
	add := func(rec e911.NumberRec) {
		place, ok := n.Place(rec.Location)
		if rec.Location == "" || seen[rec.Location] || !ok {
			return
		}
		seen[rec.Location] = true
		out = append(out, Candidate{
			Evidence: Evidence{By: e911.ByNumber, Place: place, Said: string(rec.Number)},
			Rank:     RankNumber, Via: "number",
		})
	}
	rec, ours := n.Number(line)
	ours = ours && line != ""
	if ours && (rec.User == user || rec.Answers() == e911.OwnerVirtualLine) {
		add(rec)
	}
	if user != "" {
		for _, own := range n.NumbersOf(user) {
			add(own)
		}
	}
	if at := r.Place.Location; user != "" && !r.At.IsZero() && (at == "" || !seen[at]) {
		seen[at] = at != ""
		out = append(out, Candidate{
			Evidence: Evidence{By: e911.ByRegistered, Place: r.Place, Said: "registered on " + r.At.UTC().Format(time.DateOnly)},
			Rank:     RankNumber, Via: "user", Verdict: r.Verdict,
		})
	}
	if ours {
		add(rec)
	}
	return out
}

// Sites is what rank 8 asks an organisation; *snapshot.Org is one.
type Sites interface {
	Site(e911.SiteID) (e911.Site, bool)
	Place(e911.LocationID) (e911.Place, bool)
	BuildingPlaces(e911.SiteID) []e911.Place
}

// FromSite returns the rank 8 candidate: the address that the site's numbers have
// by default (P-19), else its only building. A site of several has no default.
func FromSite(s Sites, site e911.SiteID) (Candidate, bool) {
	place, said := e911.Place{}, ""
	if v, ok := s.Site(site); ok && v.ESA != "" {
		if p, ok := s.Place(v.ESA); ok {
			place, said = p, "location "+p.Key
		}
	}
	if places := s.BuildingPlaces(site); said == "" && len(places) == 1 {
		place, said = places[0], places[0].Civic.BLD
	}
	if place.Building == "" {
		return Candidate{}, false
	}
	return Candidate{
		Evidence: Evidence{By: e911.BySiteDefault, Place: place, Said: said},
		Rank:     RankSite, Via: "site",
	}, true
}

// ESA returns the emergency service address of a number: its own, else that of
// its site (P-19, P-20).
func ESA(s Sites, n e911.NumberRec) (e911.Place, bool) {
	if p, ok := s.Place(n.Location); ok && n.Location != "" {
		return p, true
	}
	c, ok := FromSite(s, n.Site)
	return c.Place, ok
}

// Invite is a location that came by value in an INVITE.
type Invite struct {
	Place           e911.Place
	Method          string
	Timestamp       time.Time // zero: none
	RetentionExpiry time.Time // zero: none
	// PerCall: the trunk is marked as one that locates each call, so that no
	// timestamp means now.
	PerCall bool
}

// FromInvite makes a candidate of a location by value and says in Doubt what
// keeps it from being believed (F-14). Limit is the trunk's, 0 means
// DefaultInviteLimit.
func FromInvite(i Invite, received time.Time, limit time.Duration) Candidate {
	if limit <= 0 {
		limit = DefaultInviteLimit
	}
	if i.Timestamp.IsZero() && i.PerCall {
		i.Timestamp = received
	}
	c := Candidate{
		Evidence: Evidence{By: e911.ByPIDFLO, At: i.Timestamp, Place: i.Place, Said: "method " + i.Method},
		Rank:     RankInvite, Via: "invite", Method: i.Method,
	}
	method := strings.TrimSpace(i.Method)
	switch {
	case method == "":
		c.Said, c.Doubt = "no method", "it does not say how the location was found"
	case strings.EqualFold(method, "Default") || strings.EqualFold(method, "Derived"):
		c.Doubt = "its method is " + method
	case i.Timestamp.IsZero():
		c.Doubt = "it does not say when the location was found"
	case received.Sub(i.Timestamp) > limit:
		c.Doubt = "it is older than " + span(limit)
	case i.Timestamp.Sub(received) > clockSlack:
		c.Doubt = "its time lies in the future"
	case !i.RetentionExpiry.IsZero() && i.RetentionExpiry.Before(received):
		c.Doubt = "its retention has expired"
	}
	return c
}

// FromReference makes a candidate of what another location server answered about
// a reference, judged as a location by value is (F-14): one that says no time is
// as old as the answer. Received is when that came.
func FromReference(i Invite, received time.Time) Candidate {
	i.PerCall = true
	c := FromInvite(i, received, 0)
	c.Rank, c.Via = RankToken, ViaReference
	return c
}

// ViaReference is the Via of what came by the reference of another server.
const ViaReference = "reference"
