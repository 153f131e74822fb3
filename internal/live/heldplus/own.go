package heldplus

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/rules/locate"
)

const maxName = 64

// set keeps where a user says that he is. An address that is not taken is
// answered with what is wrong and what may be meant; what was known before still
// counts for calls (N-42).
func (s *Server) set(q *request, body []byte) (any, *failure) {
	in, fail := read[SetRequest](q, body)
	if fail != nil {
		return nil, fail
	}
	if fail := in.check(); fail != nil {
		return nil, fail
	}
	c := q.caller
	var asked *judged
	what := said{name: strings.TrimSpace(in.Name), remember: in.Remember == nil || *in.Remember}
	switch {
	case in.Corporate != nil:
		p, ok := c.org.Place(e911.LocationID(in.Corporate.LocationID))
		if !ok {
			return nil, notFound("location")
		}
		what.place = p
	case in.Personal != nil:
		o, ok := s.book.one(c, in.Personal.ID)
		if !ok {
			return nil, notFound("location")
		}
		what.id, what.place, what.verdict, what.why, what.validation = o.id, o.place, o.verdict, o.why, o.validation
		if o.place.Location != "" {
			break
		}
		// Layers and rules may have changed since.
		j := s.judge(c, o.given(), q.now)
		house := in.House || o.place.Dispatchable && !civic.HasDetail(o.place.Civic)
		if j.verdict == locate.Invalid {
			return s.refused(q, &j, "personal"), nil
		}
		what.judged(&j, c, house, q.now)
	default:
		j, base := s.entered(&in, c, q.now)
		q.warnings = append(q.warnings, j.notes...)
		if j.verdict == locate.Invalid {
			return s.refused(q, &j, base), nil
		}
		q.warnings = append(q.warnings, j.faults(base, true)...)
		what.judged(&j, c, in.House, q.now)
		asked = &j
	}
	o, remembered, why := s.book.set(c, what, q.now, s.cfg.Journal)
	if why != "" {
		return nil, &failure{status: 409, code: "too_many", title: "It could not be kept.", detail: why}
	}
	if what.remember && !remembered {
		q.left("remember", "unknown", "nothing is known by which this network would be found again; it counts until the network changes", "report gateway, access point or address first")
	}
	a := s.kept(q, &o, remembered)
	if asked != nil {
		a.Fields, a.Missing, a.Candidates = asked.fields(), asked.missing(in.House), asked.candidates()
	}
	return a, nil
}

// check wants exactly one choice.
func (in *SetRequest) check() *failure {
	n := 0
	for _, there := range []bool{in.Corporate != nil, in.Personal != nil, in.Address != nil, in.Text != ""} {
		if there {
			n++
		}
	}
	switch {
	case n != 1:
		return badRequest(Fault{Rule: "required", Msg: "a location is said in one way", Fix: "send one of corporate, personal, address and text"})
	case len(in.Name) > maxName || clip(in.Name, maxName) != in.Name:
		return badRequest(Fault{Field: "name", Rule: "length", Msg: "a name has at most 64 octets, without control characters"})
	case len(in.Text) > 500:
		return badRequest(Fault{Field: "text", Rule: "length", Msg: "an address on one line has at most 500 octets"})
	}
	return nil
}

// entered judges an address that is given as fields or as text; base is the name
// of that input.
func (s *Server) entered(in *SetRequest, c *caller, now time.Time) (j judged, base string) {
	if in.Address != nil {
		return s.judge(c, *in.Address, now), "address"
	}
	address, notes := s.readLine(in.Text)
	j = s.judge(c, address, now)
	j.notes = notes
	return j, "text"
}

// refused is the answer to an address that cannot be right.
func (s *Server) refused(q *request, j *judged, base string) *SetAnswer {
	return &SetAnswer{
		Status: StatusInvalid, Verdict: string(j.verdict), Why: j.why, Faults: j.faults(base, false), Fields: j.fields(),
		Missing: j.missing(false), Candidates: j.candidates(), Warnings: append(q.warnings, j.faults(base, true)...),
	}
}

// kept answers with the validated form, and says where a call would see more
// exact evidence instead.
func (s *Server) kept(q *request, o *own, remembered bool) *SetAnswer {
	c := q.caller
	a := &SetAnswer{Status: StatusValidated, Verdict: string(o.verdict), Why: o.why, Remembered: remembered, Location: place(o.place), Warnings: q.warnings}
	by, rank := e911.ByUserSet, locate.RankUserSet
	if remembered {
		by, rank = e911.ByConfirmed, locate.RankConfirmed
	}
	a.Location.Rule, a.Location.Rank, a.Location.Class, a.Location.At = string(by), int(rank), string(locate.Fresh), q.now
	a.Location.Verdict = string(o.verdict)
	if o.verdict == locate.Unverified {
		a.Location.Flags = []string{locate.FlagUnverified}
	}
	if !o.place.Dispatchable {
		a.Location.Flags = append(a.Location.Flags, locate.FlagNotDispatch)
	}
	if by == e911.ByConfirmed {
		a.Location.ConfirmBy = q.now.Add(s.cfg.Policy.ConfirmedAge)
	}
	one := personal(o, true)
	a.Personal = &one
	ev := locate.Evidence{By: by, At: q.now, Place: o.place, Said: "set by its user", Who: locate.ByDevice}
	if ob, err := s.cfg.LIS.Observe(lis.Observation{
		Org: c.Org, Device: c.Device, Via: "heldplus", Proved: true, Says: s.book.says(c.key), Also: s.said(c, q.now),
		Situation: locate.Situation{ConfirmedAge: s.cfg.Policy.ConfirmedAge, UserSetAge: s.cfg.Policy.UserSetAge},
	}); err == nil {
		if ob.Result.By != by {
			a.Warnings = append(a.Warnings, Fault{
				Field: "", Rule: "outranked", Msg: "a call would be located by " + string(ob.Result.By) + ", which is more exact here: " + ob.Result.Place.Display,
				Fix: "tell the administrator if the network map is wrong here",
			})
			ev = ob.Found
		}
		a.LocationURI = s.uri(c, &lis.Observed{Result: locate.Result{By: by}, Found: ev, Generation: ob.Generation}, q.now)
	}
	return a
}

func (s *Server) said(c *caller, now time.Time) []locate.Candidate {
	cs, _ := s.book.candidates(c.key, &s.cfg.Policy, now)
	return cs
}

func personal(o *own, here bool) Personal {
	p := Personal{
		ID: o.id, Name: o.name, Display: o.place.Display, Civic: o.place.Civic, Corporate: string(o.place.Location),
		Verdict: string(o.verdict), Networks: len(o.homes), Here: here, At: o.at, Missing: o.validation.Missing,
		Layer: o.validation.Layer, LayerVersion: o.validation.Version, ValidatedAt: o.validation.At,
	}
	if o.validation.Entered != (e911.Civic{}) {
		p.Entered = civic.Display(o.validation.Entered)
	}
	return p
}

// list returns the user's own locations, newest first: those that he set by this
// client.
func (s *Server) list(q *request, _ []byte) (any, *failure) {
	owns, here := s.book.list(q.caller)
	out := PersonalList{Locations: []Personal{}}
	for i := range owns {
		out.Locations = append(out.Locations, personal(&owns[i], here[i]))
	}
	return out, nil
}

func (s *Server) rename(q *request, body []byte) (any, *failure) {
	in, fail := read[RenameRequest](q, body)
	if fail != nil {
		return nil, fail
	}
	name := strings.TrimSpace(in.Name)
	if name == "" || len(name) > maxName || clip(name, maxName) != name {
		return nil, badRequest(Fault{Field: "name", Rule: "length", Msg: "a name has 1 to 64 octets, without control characters"})
	}
	o, ok := s.book.rename(q.caller, q.id, name, q.now, s.cfg.Journal)
	if !ok {
		return nil, notFound("location")
	}
	return personal(&o, false), nil
}

func (s *Server) forget(q *request, _ []byte) (any, *failure) {
	if !s.book.forget(q.caller, q.id, q.now, s.cfg.Journal) {
		return nil, notFound("location")
	}
	return Done{OK: true}, nil
}

// corporate searches the locations of the organisation.
func (s *Server) corporate(q *request, _ []byte) (any, *failure) {
	list, more := search(q.caller.org, clip(q.http.URL.Query().Get("q"), maxText), 2*maxCandidates)
	if list == nil {
		list = []Candidate{}
	}
	return CorporateList{Locations: list, More: more}, nil
}

// setCallback keeps the number by which the user is called back (N-30, F-21).
func (s *Server) setCallback(q *request, body []byte) (any, *failure) {
	in, fail := read[CallbackRequest](q, body)
	if fail != nil {
		return nil, fail
	}
	c := q.caller
	if c.User == "" {
		return nil, badRequest(Fault{Rule: "unknown", Msg: "nobody whom the organisation knows is signed in", Fix: "sign in with the user's mail address"})
	}
	var n e911.Number
	if strings.TrimSpace(in.Number) != "" {
		var err error
		if n, err = e911.ParseNumber(clip(in.Number, maxText)); err != nil {
			return nil, badRequest(Fault{Field: "number", Rule: "format", Msg: "this is no telephone number", Fix: "write +16175550100, or ten digits"})
		}
		if why := identify.CallbackFault(n); why != "" {
			return nil, badRequest(Fault{Field: "number", Rule: "not_callable", Msg: "a PSAP could not call it back: " + why, Fix: "a geographic number of the United States or Canada"})
		}
	}
	s.book.setCallback(userKey{c.Org, c.User}, n, c.Device, q.now, s.cfg.Journal)
	return CallbackAnswer{Number: string(n)}, nil
}

func (s *Server) callbackOf(q *request, _ []byte) (any, *failure) {
	return CallbackAnswer{Number: string(s.Callback(q.caller.Org, q.caller.User))}, nil
}

// check tells a client what we see of it (W-44).
func (s *Server) check(q *request, _ []byte) (any, *failure) {
	a := CheckAnswer{Source: q.source.String(), Secure: q.http.TLS != nil, ServerTime: q.now, ProtocolVersion: 1}
	if t, err := time.Parse(time.RFC3339Nano, clip(q.http.URL.Query().Get("client_time"), 64)); err == nil {
		a.ClockSkewMS = t.Sub(q.now).Milliseconds()
	}
	if c := q.caller; c != nil {
		conf := c.org.Config()
		a.Session, a.Organisation, a.InPublicRange = true, conf.Name, c.org.InPublicRange(q.source)
		for _, p := range conf.PublicRanges {
			if p.Contains(q.source) {
				a.Range = p.String()
				break
			}
		}
		if kind, ok := c.org.Tunnel(q.source); ok {
			a.Tunnel = string(kind)
		}
	}
	return a, nil
}
