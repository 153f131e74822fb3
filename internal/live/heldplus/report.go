package heldplus

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Bounds of an answer.
const (
	maxCandidates = 10
	maxScanned    = 5000 // locations of an organisation that a search looks at
	maxFindings   = 48
)

// report takes in what a client sees of its network, and tells it where it is.
func (s *Server) report(q *request, body []byte) (any, *failure) {
	in, fail := read[ReportRequest](q, body)
	if fail != nil {
		return nil, fail
	}
	c := q.caller
	r := reader{q: q, org: c.org}
	r.read(&in)
	position, posAt := r.position(in.Position)
	here := locate.Fingerprint(c.org, r.m)
	first := s.book.see(c, seen{here: here, at: r.m.At, position: position, posAt: posAt}, q.now, s.cfg.Journal)
	said, known := s.book.candidates(c.key, &s.cfg.Policy, q.now)
	ob, err := s.cfg.LIS.Observe(lis.Observation{
		Org: c.Org, Device: c.Device, Via: "heldplus", Proved: true, Measured: r.m, Says: s.book.says(c.key), Also: said,
		Situation: locate.Situation{ConfirmedAge: s.cfg.Policy.ConfirmedAge, UserSetAge: s.cfg.Policy.UserSetAge},
	})
	if err != nil {
		return nil, &failure{status: 500, code: "internal", title: "The report could not be taken in."}
	}
	a := ReportAnswer{
		Status: status(&ob.Result), Ignored: r.ignored, Warnings: q.warnings,
		Location: s.location(c, &ob.Result, q.now), LocationURI: s.uri(c, &ob, q.now),
		Findings: findings(&ob),
		Next: NextReport{
			ReportSeconds: int(s.cfg.Policy.Report / time.Second), TTLSeconds: int(s.cfg.Policy.TTL / time.Second), ServerTime: q.now,
			ClockSkewMS: r.skew.Milliseconds(),
		},
	}
	a.Warnings = q.warnings
	if a.Status == StatusUnknown && !known && invalid(said) {
		a.Status = StatusInvalid
	}
	a.Prompt = prompt(a.Status, &ob.Result, first || in.AtSignIn)
	if a.Prompt != PromptNone {
		a.Candidates = s.candidates(c, &r.m, &ob.Recalled)
	}
	return a, nil
}

// status says what kind of place was found. A position alone is no address: the
// user is asked for one.
func status(r *locate.Result) string {
	switch {
	case r.By == e911.ByNothing || r.By == e911.ByPIDFLO:
		return StatusUnknown
	case r.Place.Location != "" || r.Place.Building != "":
		return StatusCorporate
	}
	return StatusPersonal
}

// prompt is W-37: known is silent, unknown at sign-in is asked, unknown later is
// a red mark. Where the device may have changed its network since the evidence
// was taken, the mark is shown too.
func prompt(status string, r *locate.Result, atSignIn bool) string {
	switch {
	case status == StatusUnknown && atSignIn, status == StatusInvalid && atSignIn:
		return PromptRequired
	case status == StatusUnknown, status == StatusInvalid, slices.Contains(r.Flags, locate.FlagWeak):
		return PromptBadge
	}
	return PromptNone
}

func invalid(said []locate.Candidate) bool {
	return slices.ContainsFunc(said, func(c locate.Candidate) bool { return c.Verdict == locate.Invalid && c.Over == "" })
}

// findings are those of the decision, then those of keys that found nothing.
func findings(ob *lis.Observed) []e911.Finding {
	out := slices.Clip(ob.Result.Findings)
	for _, f := range ob.Recalled.Findings {
		if !slices.ContainsFunc(ob.Result.Findings, func(d e911.Finding) bool { return d.Rule == f.Rule && d.Said == f.Said }) {
			out = append(out, f)
		}
	}
	return out[:min(len(out), maxFindings)]
}

// location tells a decision; nil when there is none.
func (s *Server) location(c *caller, r *locate.Result, now time.Time) *Location {
	if r.By == e911.ByNothing {
		return nil
	}
	l := place(r.Place)
	l.Rule, l.Rank, l.Class, l.At, l.Flags = string(r.By), int(r.Rank), string(r.Class), r.At, r.Flags
	if !r.At.IsZero() {
		l.AgeSeconds = int64(max(now.Sub(r.At), 0) / time.Second)
	}
	if r.By == e911.ByConfirmed {
		l.ConfirmBy = s.book.confirmBy(c.key, &s.cfg.Policy)
	}
	if r.Rank == locate.RankConfirmed || r.Rank == locate.RankUserSet {
		l.Verdict = string(locate.Verified)
		if slices.Contains(r.Flags, locate.FlagUnverified) {
			l.Verdict = string(locate.Unverified)
		}
		if r.By == e911.ByPIDFLO || r.Place.Location != "" {
			l.Verdict = ""
		}
	}
	return l
}

// place tells a place without how it was found.
func place(p e911.Place) *Location {
	l := &Location{Display: p.Display, Civic: p.Civic, Corporate: string(p.Location), Dispatchable: p.Dispatchable}
	if p.Area != nil {
		l.Point = &Circle{Lat: p.Area.Lat, Lon: p.Area.Lon, RadiusM: p.Area.RadiusM}
	}
	return l
}

// uri mints a location URI for what was found.
func (s *Server) uri(c *caller, ob *lis.Observed, now time.Time) *LocationURI {
	if ob.Result.By == e911.ByNothing {
		return nil
	}
	uri, expires, err := s.cfg.LIS.Mint(c.Org, c.Device, ob.Found, ob.Generation)
	if err != nil {
		s.cfg.Log.Warn("HELD+ cannot mint a location URI", obs.KeyOrg, c.Org, obs.Err(err))
		return nil
	}
	return &LocationURI{URI: uri, Expires: expires, TTLSeconds: int64(expires.Sub(now) / time.Second)}
}

// candidates are what to offer the user: his own locations, where the device was
// before, and locations of the organisation near by.
func (s *Server) candidates(c *caller, m *locate.Measurement, was *locate.Recollection) []Candidate {
	var out []Candidate
	add := func(k Candidate) {
		for _, o := range out {
			if o.Kind == k.Kind && o.ID == k.ID {
				return
			}
		}
		if len(out) < maxCandidates {
			out = append(out, k)
		}
	}
	owns, _ := s.book.list(c)
	for _, o := range owns[:min(len(owns), maxCandidates/2)] {
		add(Candidate{Kind: "personal", ID: o.id, Name: o.name, Display: o.place.Display, Civic: o.place.Civic, Why: "one of your own locations"})
	}
	corporate := func(id e911.LocationID, why string) {
		if p, ok := c.org.Place(id); ok {
			add(Candidate{Kind: "corporate", ID: string(id), Name: p.Key, Display: p.Display, Civic: p.Civic, Why: why})
		}
	}
	for _, k := range was.Candidates {
		if k.Place.Location != "" {
			corporate(k.Place.Location, "the device was there before")
		}
	}
	for _, id := range nearby(c.org, m) {
		corporate(id, "its addresses are next to those of this network")
	}
	if c.org.InPublicRange(m.Source) {
		list, _ := search(c.org, "", maxCandidates-len(out))
		for _, k := range list {
			k.Why = "the request comes from the organisation's network"
			add(k)
		}
	}
	return out
}

// nearby finds locations whose address ranges lie next to the addresses of this
// network, when the request comes from the organisation's.
func nearby(o *snapshot.Org, m *locate.Measurement) []e911.LocationID {
	if !o.InPublicRange(m.Source) || m.Tunnel {
		return nil
	}
	var out []e911.LocationID
	for _, in := range m.Interfaces {
		for _, a := range in.Addrs {
			if !a.Is4() {
				continue
			}
			b := a.As4()
			for _, third := range []int{0, 1, -1, 2, -2, 3, -3} {
				if v := int(b[2]) + third; v >= 0 && v <= 255 {
					for _, last := range []byte{b[3], 1, 100, 200} {
						if id, ok := o.ByIP(netip.AddrFrom4([4]byte{b[0], b[1], byte(v), last})); ok && !slices.Contains(out, id) {
							out = append(out, id)
						}
					}
				}
			}
		}
	}
	return out[:min(len(out), maxCandidates/2)]
}

// search finds locations of an organisation by words of their address, in order
// of their one line.
func search(o *snapshot.Org, text string, limit int) (out []Candidate, more bool) {
	if limit <= 0 {
		return nil, true
	}
	words := strings.Fields(strings.ToLower(text))
	n := 0
	for l := range o.Locations() {
		if n++; n > maxScanned {
			more = true
			break
		}
		p, ok := o.Place(l.ID)
		if !ok {
			continue
		}
		line := strings.ToLower(p.Display + " " + p.Key)
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			continue
		}
		out = append(out, Candidate{Kind: "corporate", ID: string(l.ID), Name: p.Key, Display: p.Display, Civic: p.Civic, Why: "a location of the organisation"})
	}
	slices.SortFunc(out, func(a, b Candidate) int { return cmp.Or(cmp.Compare(a.Display, b.Display), cmp.Compare(a.ID, b.ID)) })
	if len(out) > limit {
		out, more = out[:limit], true
	}
	return out, more
}
