package app

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/access"
)

// PBXArgs are the arguments of what is done with PBXs that organisations connect.
type PBXArgs struct {
	Key  string `json:"key,omitempty"`
	Mark string `json:"mark,omitempty"` // of a secret
	Hash string `json:"hash,omitempty"` // of a certificate
	Note string `json:"note,omitempty"`
	// Certificate and Request are PEM.
	Certificate string         `json:"certificate,omitempty"`
	Request     string         `json:"request,omitempty"`
	From        []netip.Prefix `json:"from,omitempty"`
	DRFrom      []netip.Prefix `json:"dr_from,omitempty"`
	ID          string         `json:"id,omitempty"` // of a request
	Approve     bool           `json:"approve,omitempty"`
	Agree       bool           `json:"agree,omitempty"`
}

func pbxDo(do func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error)) setupAction {
	return setupDo(do)
}

// pbxActions is what may be done with PBXs.
func pbxActions() map[string]setupAction {
	return map[string]setupAction{
		"pbxs": pbxDo(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, _ PBXArgs) (any, error) {
			return svc.PBXs(ctx, org)
		}),
		"connect-pbx": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, w setup.PBXWish) (any, error) {
			return svc.Connect(ctx, who, org, w)
		}),
		"make-pbx-secret": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return svc.AddPBXSecret(ctx, who, org, a.Key, a.Note)
		}),
		"end-pbx-secret": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return done(svc.EndPBXSecret(ctx, who, org, a.Key, a.Mark))
		}),
		"pin-pbx-certificate": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return svc.PinCertificate(ctx, who, org, a.Key, setup.PBXCertificate{Certificate: a.Certificate, Request: a.Request})
		}),
		"unpin-pbx-certificate": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return done(svc.UnpinCertificate(ctx, who, org, a.Key, a.Hash))
		}),
		"remove-pbx": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return done(svc.RemovePBX(ctx, who, org, a.Key, a.Agree))
		}),
		"ask-pbx-ranges": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return svc.RequestRanges(ctx, who, org, a.Key, setup.RangeWish{From: a.From, DRFrom: a.DRFrom, Note: a.Note})
		}),
		"withdraw-pbx-ranges": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return done(svc.WithdrawRanges(ctx, who, org, a.ID))
		}),
		"pbx-requests": pbxDo(func(ctx context.Context, svc *setup.Service, _ admin.Actor, org e911.OrgID, _ PBXArgs) (any, error) {
			if org == "" {
				return svc.AskedRanges(ctx)
			}
			return svc.AskedRanges(ctx, org)
		}),
		"decide-pbx-ranges": pbxDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, a PBXArgs) (any, error) {
			return svc.DecideRanges(ctx, who, org, a.ID, a.Approve, a.Note)
		}),
		"pbx-policy": setupDo(func(ctx context.Context, svc *setup.Service, who admin.Actor, org e911.OrgID, p setup.PBXPolicy) (any, error) {
			return done(svc.SetPBXPolicy(ctx, who, org, p))
		}),
	}
}

// sipDoor is where PBXs send their calls.
func (s *Server) sipDoor() setup.Door {
	d := setup.Door{Domain: s.cfg.Domain}
	if s.edge == nil {
		return d // the server is starting
	}
	for _, l := range s.edge.Listeners() {
		if l.Network != "ws" && l.Network != "wss" {
			d.Listeners = append(d.Listeners, fmt.Sprintf("%s:%s", l.Network, l.Addr))
		}
	}
	return d
}

func (s *Server) provedAt(t e911.TrunkID) (setup.Sighting, bool) {
	from, at, ok := s.door.Seen(t)
	return setup.Sighting{From: from, At: at.UTC()}, ok
}

// saySetUp tells the administrators of an organisation, or with none the operator's
// people, by an alarm and by mail.
func (s *Server) saySetUp(ctx context.Context, org e911.OrgID, n setup.AdminNotice) {
	now := s.cfg.Now()
	if org != "" {
		s.tellAdmins(ctx, org, now, n)
		return
	}
	s.alarm("", journal.Alarm{Code: n.Code, Detail: n.Subject})
	all, err := s.access.members.At(ctx, access.Node{})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "nobody was written to, whom an alarm is for", obs.KeyCode, n.Code, obs.Err(err))
		return
	}
	var to []string
	for _, m := range all {
		at := member.FoldEmail(m.Identity.Email)
		if m.Grant.Role == access.Provider && m.Grant.Holds(now) && m.Identity.Disabled.IsZero() && !slices.Contains(to, at) {
			to = append(to, at)
			s.post(m.Identity.Email, n.Subject, n.Text)
		}
	}
}
