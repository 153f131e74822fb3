package emergency

import (
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// secretHeaders prove who somebody is, and are nobody's to keep.
var secretHeaders = []string{"Authorization", "Proxy-Authorization"}

// invite is the INVITE as a fact, so that the decision can be made again by
// another world (E11), and the call gone on with by another process. It is written
// with the arrival, before anything is decided: nothing waits for it.
func (c *inquiry) invite() journal.Invite {
	r := c.req
	f := journal.Invite{
		URI: r.URI, ContentType: r.ContentType, Body: r.Body, SIPCallID: r.CallID, Source: r.Source, Local: r.Local,
		Transport: r.Transport, Peer: r.Peer, Repaired: r.Repaired, Who: r.Who.Who, How: r.Who.How, Proved: r.Who.Proved, Headers: make([]journal.Named, 0, len(r.Headers)),
	}
	for _, h := range r.Headers {
		if !isSecret(h.Name) {
			f.Headers = append(f.Headers, journal.Named{Name: h.Name, Value: h.Value})
		}
	}
	if p := c.phone; p != (registrar.Phone{}) {
		f.Phone = &journal.InvitePhone{Org: p.Org, Device: p.Device, Registered: p.Registered, Agent: p.Agent, MAC: p.MAC}
	}
	return f
}

// keepInvite writes the INVITE down. From then on a stop of the server answers its
// caller nothing: the next process goes on with him.
func (c *call) keepInvite() {
	c.guard("invite", func() {
		f := c.invite()
		k, ok := c.leg.(interface {
			Tag() string
			KeepWaiting()
		})
		if ok && c.class == e911.ClassEmergency {
			f.Tag = k.Tag()
			k.KeepWaiting()
		}
		c.record(journal.CallInvite, c.at, f)
	})
}

func isSecret(name string) bool {
	for _, s := range secretHeaders {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// Again makes the INVITE of a fact, and what was known of its telephone, so that
// Foresee can decide it once more. At is when it came.
func Again(f journal.Invite, at time.Time) (*sipedge.Request, Phones) {
	r := &sipedge.Request{
		Method: "INVITE", URI: f.URI, ContentType: f.ContentType, Body: f.Body, CallID: f.SIPCallID, Source: f.Source, Local: f.Local,
		Transport: f.Transport, Peer: f.Peer, Repaired: f.Repaired, At: at, Who: sipedge.Identity{Who: f.Who, How: f.How, Proved: f.Proved}, Headers: make(sipedge.Headers, len(f.Headers)),
	}
	for i, h := range f.Headers {
		r.Headers[i] = sipedge.Header{Name: h.Name, Value: h.Value}
	}
	return r, asRegistered{f.Phone}
}

// asRegistered knows the telephone of one INVITE.
type asRegistered struct{ p *journal.InvitePhone }

// Phone implements Phones.
func (a asRegistered) Phone(*sipedge.Request) (registrar.Phone, bool) {
	if a.p == nil {
		return registrar.Phone{}, false
	}
	return registrar.Phone{Org: a.p.Org, Device: a.p.Device, Registered: a.p.Registered, Agent: a.p.Agent, MAC: a.p.MAC}, true
}
