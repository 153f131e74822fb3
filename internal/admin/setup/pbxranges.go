package setup

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Codes of notices about address ranges.
const (
	NoticeRangesAsked   = "pbx_ranges_asked"   // to the operator
	NoticeRangesDecided = "pbx_ranges_decided" // to the organisation
)

// RangeState is how far a request is.
type RangeState string

// The states.
const (
	RangeRequested RangeState = "requested"
	RangeApproved  RangeState = "approved"
	RangeRefused   RangeState = "refused"
	RangeWithdrawn RangeState = "withdrawn"
)

const (
	maxRanges   = 32 // of one request
	maxRequests = 50 // kept of one organisation, the newest
	// askedAgain is how often the operator is written to about one organisation.
	askedAgain = time.Hour
)

// RangeRequest asks the operator to know a PBX by the addresses that it calls from. An
// address proves nothing, and says whose a call is all the same: so another decides.
// Until then, and where it is refused, everything goes on as before, emergency calls
// from there too.
type RangeRequest struct {
	ID     string         `json:"id"`
	PBX    string         `json:"pbx"`
	User   string         `json:"user"` // of the PBX
	From   []netip.Prefix `json:"from"`
	DRFrom []netip.Prefix `json:"dr_from"`
	State  RangeState     `json:"state"`
	Asked  Reason         `json:"asked"`
	// Decided is who approved, refused or withdrew it, and why.
	Decided *Reason `json:"decided,omitempty"`
}

func (q RangeRequest) shown() RangeRequest {
	q.From, q.DRFrom = orNoPrefixes(q.From), orNoPrefixes(q.DRFrom)
	return q
}

// RangeWish is what an administrator asks for.
type RangeWish struct {
	From   []netip.Prefix `json:"from"`
	DRFrom []netip.Prefix `json:"dr_from,omitempty"`
	Note   string         `json:"note,omitempty"`
}

// Overlap is somebody who calls from addresses of a request already, or says that they
// are his. It is for the operator's eyes.
type Overlap struct {
	Range string `json:"range"`
	Org   string `json:"org,omitempty"` // key; none: nobody alone
	// Trunk is a trunk's key; none: the range is a public one of the organisation.
	Trunk string `json:"trunk,omitempty"`
}

// AskedRange is a request as the operator sees it.
type AskedRange struct {
	RangeRequest
	Org      string    `json:"org"` // key
	Overlaps []Overlap `json:"overlaps"`
}

// RequestRanges asks the operator to know a PBX by its addresses too. It takes the
// place of an earlier request for the same PBX that is still open.
func (s *Service) RequestRanges(ctx context.Context, who admin.Actor, org e911.OrgID, key string, w RangeWish) (RangeRequest, error) {
	_, p, err := s.own(ctx, org, key)
	if err != nil {
		return RangeRequest{}, err
	}
	o, err := s.org(org)
	if err != nil {
		return RangeRequest{}, err
	}
	if err := w.fault(o.Config().Demonstration); err != nil {
		return RangeRequest{}, err
	}
	q := RangeRequest{
		ID: e911.NewID[string](), PBX: key, User: p.User, From: w.From, DRFrom: w.DRFrom, State: RangeRequested, Asked: s.reason(who, strings.TrimSpace(w.Note)),
	}
	var tell bool
	_, err = s.change(ctx, who, org, Note{Verb: "ask_pbx_ranges", Key: key, Detail: q}, func(r *Record) error {
		r.Requests = slices.Clone(r.Requests)
		for i := range r.Requests {
			if was := &r.Requests[i]; was.User == p.User && was.State == RangeRequested {
				was.State, was.Decided = RangeWithdrawn, &q.Asked
			}
		}
		r.Requests = append(r.Requests, q)
		r.Requests = r.Requests[max(0, len(r.Requests)-maxRequests):]
		if tell = q.Asked.At.Sub(r.Said[NoticeRangesAsked]) >= askedAgain; tell {
			if r.Said = maps.Clone(r.Said); r.Said == nil {
				r.Said = map[string]time.Time{}
			}
			r.Said[NoticeRangesAsked] = q.Asked.At
		}
		return nil
	})
	if err == nil && tell {
		s.say(ctx, "", AdminNotice{
			Code: NoticeRangesAsked, Subject: fmt.Sprintf("%s asks to know its PBX %s by %d address ranges", o.Config().Key, key, len(w.From)+len(w.DRFrom)),
			Text: "Look at what overlaps, and decide:\n\n    callbox setup pbx requests\n    callbox setup pbx decide " + q.ID + " --org " + o.Config().Key + " --approve\n\nUntil then its calls go on as they did, emergency calls too.\n",
		})
	}
	return q.shown(), err
}

func (s *Service) say(ctx context.Context, org e911.OrgID, n AdminNotice) {
	if s.cfg.Say != nil {
		s.cfg.Say(ctx, org, n)
	}
}

func (w RangeWish) fault(demonstration bool) error {
	all := slices.Concat(w.From, w.DRFrom)
	switch {
	case len(w.From) == 0:
		return fault("from", "required", "there are no addresses", "list them, as 192.0.2.10/32")
	case len(all) > maxRanges:
		return fault("from", "range", fmt.Sprintf("a request has up to %d ranges", maxRanges), "name the addresses that the PBX calls from, not all of the network")
	case len(w.Note) > 1000:
		return fault("note", "range", "the note is too long", "write up to 1000 characters")
	}
	for i, p := range all {
		path := fmt.Sprintf("from[%d]", i)
		if i >= len(w.From) {
			path = fmt.Sprintf("dr_from[%d]", i-len(w.From))
		}
		switch {
		case !p.IsValid() || p != p.Masked():
			return fault(path, "syntax", "this is no address range", "write 192.0.2.10/32, with zeros behind the prefix")
		case p.Addr().Is4() && p.Bits() < 24 || !p.Addr().Is4() && p.Bits() < 48:
			return fault(path, "range", "the range is too wide for a PBX", "name its addresses: a /24 or longer, of IPv6 a /48")
		case reach.Here(p.Addr()) && !demonstration:
			return fault(path, "forbidden", "nobody calls from there over a network", "name the addresses that Callbox sees the PBX call from")
		}
	}
	return nil
}

// WithdrawRanges takes a request back.
func (s *Service) WithdrawRanges(ctx context.Context, who admin.Actor, org e911.OrgID, id string) error {
	_, err := s.decided(ctx, who, org, id, RangeWithdrawn, "")
	return err
}

// decided ends a request that is open.
func (s *Service) decided(ctx context.Context, who admin.Actor, org e911.OrgID, id string, to RangeState, reason string) (q RangeRequest, err error) {
	why := s.reason(who, reason)
	_, err = s.change(ctx, who, org, Note{Verb: admin.Verb(to) + "_pbx_ranges", Key: id, Detail: why}, func(r *Record) error {
		r.Requests = slices.Clone(r.Requests)
		i := slices.IndexFunc(r.Requests, func(x RangeRequest) bool { return x.ID == id })
		switch {
		case i < 0:
			return e911.Errorf(e911.NotFound, "there is no such request")
		case r.Requests[i].State != RangeRequested:
			return e911.Errorf(e911.Conflict, "the request is %s already", r.Requests[i].State)
		}
		r.Requests[i].State, r.Requests[i].Decided = to, &why
		q = r.Requests[i]
		return nil
	})
	return q, err
}

// DecideRanges is the operator's answer. What he approves is written into the trunk
// by the checks of every trunk: what another trunk sends from is refused, and the
// request stays open.
func (s *Service) DecideRanges(ctx context.Context, who admin.Actor, org e911.OrgID, id string, approve bool, reason string) (RangeRequest, error) {
	r, err := s.cfg.Store.SetupRecord(ctx, org)
	if err != nil {
		return RangeRequest{}, err
	}
	i := slices.IndexFunc(r.Requests, func(x RangeRequest) bool { return x.ID == id })
	if i < 0 {
		return RangeRequest{}, e911.Errorf(e911.NotFound, "there is no such request")
	}
	q := r.Requests[i]
	if q.State != RangeRequested {
		return RangeRequest{}, e911.Errorf(e911.Conflict, "the request is %s already", q.State)
	}
	to := RangeRefused
	if approve {
		to = RangeApproved
		t, p, err := s.own(ctx, org, q.PBX)
		if err != nil {
			return RangeRequest{}, err
		}
		if p.User != q.User {
			return RangeRequest{}, e911.Errorf(e911.Conflict, "%s is another PBX now", q.PBX)
		}
		v := t.Value
		v.From, v.DRFrom = orNoPrefixes(q.From), orNoPrefixes(q.DRFrom)
		if _, err := s.cfg.Editor.Trunks.Update(ctx, who, v, t.Version); err != nil {
			return RangeRequest{}, err
		}
	} else if strings.TrimSpace(reason) == "" {
		return RangeRequest{}, fault("reason", "required", "who asked would not know why", "say what is wrong with the addresses")
	}
	q, err = s.decided(ctx, who, org, id, to, strings.TrimSpace(reason))
	if err == nil {
		text := "The operator has " + string(to) + " the address ranges of your PBX " + q.PBX + ".\n"
		if reason != "" {
			text += "\n" + reason + "\n"
		}
		if approve {
			text += "\nFrom now on its secret counts from those addresses alone.\n"
		}
		s.say(ctx, org, AdminNotice{Code: NoticeRangesDecided, Subject: "Address ranges of " + q.PBX + ": " + string(to), Text: text})
	}
	return q.shown(), err
}

// AskedRanges lists the open requests of organisations with what they overlap, for the
// operator.
func (s *Service) AskedRanges(ctx context.Context, orgs ...e911.OrgID) ([]AskedRange, error) {
	w := s.cfg.World()
	if len(orgs) == 0 {
		for o := range w.Orgs() {
			orgs = append(orgs, o.ID())
		}
	}
	out := []AskedRange{}
	for _, id := range orgs {
		o := w.Org(id)
		if o == nil {
			continue
		}
		r, err := s.cfg.Store.SetupRecord(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, q := range r.Requests {
			if q.State == RangeRequested {
				out = append(out, AskedRange{RangeRequest: q.shown(), Org: o.Config().Key, Overlaps: overlaps(w, o, q)})
			}
		}
	}
	slices.SortFunc(out, func(a, b AskedRange) int { return a.Asked.At.Compare(b.Asked.At) })
	return out, nil
}

// maxOverlaps are told of one request.
const maxOverlaps = 20

func overlaps(w *snapshot.Snapshot, own *snapshot.Org, q RangeRequest) []Overlap {
	out := []Overlap{}
	meets := func(of []netip.Prefix) (netip.Prefix, bool) {
		for _, p := range slices.Concat(q.From, q.DRFrom) {
			if slices.ContainsFunc(of, p.Overlaps) {
				return p, true
			}
		}
		return netip.Prefix{}, false
	}
	key := func(id e911.OrgID) string {
		if o := w.Org(id); o != nil {
			return o.Config().Key
		}
		return ""
	}
	for t := range w.Trunks() {
		if p, ok := meets(slices.Concat(t.From, t.DRFrom)); ok && t.Admit.User != q.User {
			out = append(out, Overlap{Range: p.String(), Org: key(t.Org), Trunk: t.Key})
		}
	}
	for o := range w.Orgs() {
		if p, ok := meets(o.Config().PublicRanges); ok && o.ID() != own.ID() {
			out = append(out, Overlap{Range: p.String(), Org: o.Config().Key})
		}
	}
	slices.SortFunc(out, func(a, b Overlap) int {
		return strings.Compare(a.Org+"\x00"+a.Trunk+"\x00"+a.Range, b.Org+"\x00"+b.Trunk+"\x00"+b.Range)
	})
	return out[:min(len(out), maxOverlaps)]
}
