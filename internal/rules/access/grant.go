package access

import (
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// MaxSupport is the longest time for which a customer can let support in; then
// he is asked again.
const MaxSupport = 30 * 24 * time.Hour

// Roll is what a change of grants is judged by.
type Roll struct {
	By  string  // who makes it
	Own []Grant // of By
	// At are the grants of everybody at the node that the change is about.
	At  []Grant
	Now time.Time
}

// admins are the roles that administer a level.
var admins = map[Level]Role{AtRoot: Provider, AtPartner: Partner, AtOrg: Organisation}

// gives is which roles a role may give, at its own node and below.
var gives = map[Role][]Role{
	Provider:     {Provider, Partner, Auditor},
	Partner:      {Partner, Auditor},
	Organisation: {Organisation, Site, Desk, Auditor, Integrator, User},
	Site:         {Site, Desk, Auditor},
}

// Give says whether a grant may be made. Faults name what is wrong with it and
// what to do.
//
// Nobody lets himself in to a customer: provider and partner name the first
// administrator of an organisation and nobody after him, and what they see in it
// later they see by a support grant that the customer made.
func Give(g Grant, r Roll) []e911.Fault {
	var faults []e911.Fault
	fault := func(path, code, msg, fix string) {
		faults = append(faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	}
	if g.Identity == "" {
		fault("identity", "missing", "nobody is named", "say who gets the role")
	}
	if !slices.Contains(Roles(), g.Role) {
		fault("role", "unknown", "there is no such role", "take one of the table of roles")
	} else if !Fits(g.Role, g.At.Level()) {
		fault("at", "level", "this role is not given there", "give it at the level that the table of roles says")
	}
	if !g.Until.IsZero() && !r.Now.Before(g.Until) {
		fault("until", "past", "the end is in the past", "give a later one, or none")
	}
	if g.Support {
		supportFaults(g, r, fault)
	}
	if len(faults) == 0 && !mayGive(g, r) {
		fault("role", "denied", "you may not give this role there", "ask an administrator of that level; provider and partner name the first one of an organisation, and he invites the others")
	}
	return faults
}

func supportFaults(g Grant, r Roll, fault func(path, code, msg, fix string)) {
	switch {
	case g.Until.IsZero():
		fault("until", "missing", "support is let in for a time", "say until when, at most 30 days from now")
	case g.Until.Sub(r.Now) > MaxSupport:
		fault("until", "too_long", "support is let in for at most 30 days", "give an earlier end; it can be given again")
	}
	if g.Reason == "" {
		fault("reason", "missing", "the reason is kept with every use", "say in a line what support is asked to do")
	}
	if g.At.Level() < AtOrg {
		fault("at", "level", "an organisation or a site lets support in", "name the organisation")
	}
}

func mayGive(g Grant, r Roll) bool {
	for _, own := range r.Own {
		if own.Identity != r.By || own.Support || !own.Holds(r.Now) || !own.At.Holds(g.At) {
			continue // who was let in to help lets nobody else in
		}
		if g.Support {
			if own.Role == Organisation {
				return true
			}
			continue
		}
		if slices.Contains(gives[own.Role], g.Role) && (g.Role != Auditor || own.At.Level() == g.At.Level() || own.Role == Organisation) {
			return true
		}
		if (own.Role == Provider || own.Role == Partner) && g.Role == Organisation && !hasAdmin(r.At, AtOrg, "", r.Now) {
			return true
		}
	}
	return false
}

// Take says whether a grant may be taken away: by who may give it, or by its
// owner, but by no user his own, and never the last administrator's (N-16, N-45). Two administrators who take
// each other's at once are told apart by the store, which asks here inside one
// transaction.
func Take(g Grant, r Roll) []e911.Fault {
	if admins[g.At.Level()] == g.Role && !g.Support && !hasAdmin(r.At, g.At.Level(), g.ID, r.Now) {
		return []e911.Fault{{
			Path: "role", Code: "last_administrator", Msg: "this is the last administrator here",
			Fix: "make somebody else an administrator first",
		}}
	}
	own := g.Identity == r.By && g.Role != User // a user does not delete himself (N-45)
	if !own && !mayGive(g, r) && !(g.Support && slices.ContainsFunc(r.Own, func(own Grant) bool {
		return (own.Role == Organisation || own.Role == Provider) && own.At.Holds(g.At) && own.Holds(r.Now)
	})) {
		return []e911.Fault{{Path: "role", Code: "denied", Msg: "you may not take this role away", Fix: "ask an administrator of that level"}}
	}
	return nil
}

// hasAdmin reports whether an administrator other than the grant named stays, for
// good: one whose role ends by itself does not count.
func hasAdmin(at []Grant, l Level, without string, now time.Time) bool {
	return slices.ContainsFunc(at, func(g Grant) bool {
		return g.ID != without && g.Role == admins[l] && g.At.Level() == l && !g.Support && g.Until.IsZero() && g.Holds(now)
	})
}

// Transfer moves an organisation from one partner to another; From or To is empty
// where the provider looks after it himself. It happens once both sides and the
// organisation have agreed (redsky.md: there it is a form and two working days).
type Transfer struct {
	ID    string    `json:"id"`
	Org   string    `json:"org"`
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	Asked time.Time `json:"asked"`
	// Agreed is who said yes for each side, and when.
	Agreed map[Side]Consent `json:"agreed"`
	Ended  time.Time        `json:"ended,omitzero"` // done, refused or withdrawn
}

// Side is one of those whose consent a transfer needs.
type Side string

// The sides.
const (
	SideFrom     Side = "from"
	SideTo       Side = "to"
	SideCustomer Side = "organisation"
)

// Consent is one side's yes.
type Consent struct {
	Who string    `json:"who"`
	At  time.Time `json:"at"`
}

// TransferLife is how long consent may take; then it is asked again.
const TransferLife = 14 * 24 * time.Hour

// Ready reports whether a transfer may happen now, and who is waited for.
func (t Transfer) Ready(now time.Time) (ok bool, missing []Side) {
	if !t.Ended.IsZero() || now.Sub(t.Asked) > TransferLife {
		return false, nil
	}
	for _, s := range []Side{SideFrom, SideTo, SideCustomer} {
		if _, yes := t.Agreed[s]; !yes {
			missing = append(missing, s)
		}
	}
	return len(missing) == 0, missing
}

// Speaks reports whether somebody can say yes for a side of the transfer.
func (t Transfer) Speaks(s Side, identity string, grants []Grant, now time.Time) bool {
	partner := map[Side]string{SideFrom: t.From, SideTo: t.To}[s]
	return slices.ContainsFunc(grants, func(g Grant) bool {
		if g.Identity != identity || g.Support || !g.Holds(now) {
			return false
		}
		switch {
		case s == SideCustomer:
			return g.Role == Organisation && g.At.Org == t.Org
		case partner == "":
			return g.Role == Provider
		}
		return g.Role == Partner && g.At.Partner == partner
	})
}
