package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// lookAtSignOn is how often it is looked who holds keys that he could not make now,
// and what ends of identity providers.
const lookAtSignOn = 10 * time.Minute

// CodeHeld is the code of an alarm that somebody without the role for it knows a key.
const CodeHeld = "key_held"

// watchSignOn tells administrators of both, each thing once, until ctx ends. Nothing of
// it is asked by a call.
func (s *Server) watchSignOn(ctx context.Context) error {
	tick := time.NewTicker(lookAtSignOn)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.lookAtKeys(ctx)
			s.lookAtProviders(ctx)
		}
	}
}

// heldAt is whose keys somebody holds.
type heldAt struct {
	org      e911.OrgID
	identity string
}

// lookAtKeys tells the administrators of each organisation which of its keys are known
// to somebody who could not make them now.
func (s *Server) lookAtKeys(ctx context.Context) {
	all, err := s.api.keys.AllHeld(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "look who holds keys", obs.Err(err))
		}
		return
	}
	fresh := map[heldAt][]apikey.Held{}
	var order []heldAt
	for _, h := range all {
		first, err := s.access.providers.desk.Once(ctx, "held "+h.Key.ID+" "+h.Holder.Identity, s.cfg.Now().Add(federation.ToldFor))
		if err != nil {
			s.cfg.Log.WarnContext(ctx, "remember that administrators were told of a key", obs.Err(err))
			break
		}
		if !first {
			continue
		}
		at := heldAt{h.Key.Org, h.Holder.Identity}
		if len(fresh[at]) == 0 {
			order = append(order, at)
		}
		fresh[at] = append(fresh[at], h)
	}
	for _, at := range order {
		s.tellAdmins(ctx, at.org, s.cfg.Now(), s.heldNotice(fresh[at]))
	}
}

// heldNotice writes of keys that one person holds.
func (s *Server) heldNotice(all []apikey.Held) setup.AdminNotice {
	h := all[0].Holder
	who := cmp.Or(h.Email, h.Name, "Somebody who is not known any more")
	became := map[apikey.Why]string{apikey.WhyDisabled: "may not sign in any more", apikey.WhyRole: "has no role any more that lets him make them", apikey.WhyGone: "is not known any more"}[h.Why]
	var list strings.Builder
	for _, x := range all {
		fmt.Fprintf(&list, "  %s (%s)\n", x.Key.Name, x.Key.ID)
	}
	return setup.AdminNotice{
		Code: CodeHeld, Subject: "Callbox: keys of programs are known to " + who,
		Text: fmt.Sprintf("%s %s, and was shown these keys of programs:\n\n%s\nThey belong to the organisation and go on working, so that no directory or import stops. Give each a new secret (the old one may go on for a day meanwhile), or end them, on %s/keys.\n",
			who, became, list.String(), strings.TrimSuffix(s.cfg.BaseURL, "/")),
	}
}

// lookAtProviders tells administrators what ends of their identity providers.
func (s *Server) lookAtProviders(ctx context.Context) {
	orgs := []e911.OrgID{""}
	for o := range s.holder.Load().Orgs() {
		orgs = append(orgs, o.ID())
	}
	for _, org := range orgs {
		found, err := s.access.providers.desk.Watch(ctx, org)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "look what ends of identity providers", obs.KeyOrg, org, obs.Err(err))
		}
		for _, n := range found {
			s.tellAdmins(ctx, org, s.cfg.Now(), noticeOf(n))
		}
	}
}

func noticeOf(n federation.Notice) setup.AdminNotice {
	return setup.AdminNotice{Code: n.Code, Subject: n.Subject, Text: n.Text}
}
