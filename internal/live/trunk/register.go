package trunk

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Times of a registration. After a failure the wait doubles, up to the most: a
// registrar that was restarted meets all its clients at once (RFC 5626, section
// 4.5).
const (
	expiresDefault = 10 * time.Minute
	backOffFirst   = 5 * time.Second
	backOffMost    = 5 * time.Minute
)

// registration is ours with a neighbour.
type registration struct {
	callID string
	cseq   uint32
	due    time.Time
	until  time.Time // we are registered until then; zero: we are not
	wait   time.Duration
	least  time.Duration // that the registrar wants (Min-Expires)
	fault  string        // why the last one failed
	told   bool          // an alarm said so
	busy   bool
}

// register begins a registration that is due. The caller has the lock.
func (k *Keeper) register(ctx context.Context, id e911.TrunkID, s *state, now time.Time) {
	r := &s.reg
	if s.trunk.Register.Registrar == "" || r.busy || now.Before(r.due) {
		return
	}
	answer, ok := k.cfg.Names.Targets(s.trunk.Register.Registrar)
	if !ok || len(answer.Targets) == 0 {
		k.failed(s, "no name server has said yet where the registrar is")
		return
	}
	if r.callID == "" {
		r.callID = e911.NewID[string]() + "@" + k.cfg.Domain
	}
	to := answer.Targets[0]
	expires := s.trunk.Register.Expires
	if expires == 0 {
		expires = expiresDefault
	}
	expires = max(expires, r.least)
	o := sipedge.Outgoing{
		Method: "REGISTER", URI: bare(s.trunk.Register.Registrar), Dest: to.Addr, Transport: to.Transport, ServerName: to.ServerName,
		From: "<" + s.trunk.Register.AOR + ">", To: "<" + s.trunk.Register.AOR + ">", CallID: r.callID, CSeq: r.cseq + 1, Contact: true,
		ContactUser: userOf(s.trunk.Register.AOR), ContactParams: ";expires=" + strconv.Itoa(int(expires.Seconds())),
		Message: sipedge.Message{Headers: sipedge.Headers{{Name: "Max-Forwards", Value: "70"}}},
	}
	client, trunk := s.client, s.trunk.Register
	k.ask(func() {
		got, last, err := k.registerOnce(ctx, o, client)
		if ctx.Err() != nil {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if s := k.trunks[id]; s != nil && s.trunk.Register == trunk {
			s.reg.busy, s.reg.cseq = false, last
			k.registered(s, got, err, expires)
		}
	}, func() { r.busy = true })
}

// registerOnce sends a REGISTER, and again when it was challenged.
func (k *Keeper) registerOnce(ctx context.Context, o sipedge.Outgoing, client *digest.Client) (sipedge.Response, uint32, error) {
	plain := o.Message.Headers
	for try := 0; ; try++ {
		r, err := k.request(ctx, o)
		// A second challenge may be for a nonce that was too old; a third is a no.
		if err != nil || r.Code != 401 && r.Code != 407 || client == nil || try == 2 {
			return r, o.CSeq, err
		}
		h := answer(client, sipedge.Challenge{Method: o.Method, URI: o.URI, Code: r.Code, Headers: r.Message.Headers})
		if h == nil {
			return r, o.CSeq, nil
		}
		o.Message.Headers = append(plain[:len(plain):len(plain)], h...)
		o.CSeq++
	}
}

// registered notes the outcome. The caller has the lock.
func (k *Keeper) registered(s *state, r sipedge.Response, err error, asked time.Duration) {
	now := k.cfg.Now()
	switch {
	case err != nil:
		k.failed(s, reason(err))
		return
	case r.Code == 423 && s.reg.least == 0:
		if n, err := strconv.Atoi(strings.TrimSpace(r.Message.Headers.Get("Min-Expires"))); err == nil && n > 0 && n <= 86400 {
			s.reg.least, s.reg.due = time.Duration(n)*time.Second, now
			return
		}
	}
	if r.Code < 200 || r.Code > 299 {
		k.failed(s, fmt.Sprintf("the registrar answers %d %s", r.Code, r.Reason))
		return
	}
	granted := grantedBy(r, asked)
	told := s.reg.told
	s.reg.until, s.reg.due = now.Add(granted), now.Add(granted/2)
	s.reg.wait, s.reg.fault, s.reg.told = 0, "", false
	if told {
		k.cfg.Alarm(s.trunk.Org, journal.Alarm{Code: AlarmUp, Detail: fmt.Sprintf("the trunk %s is registered again", s.trunk.Key)})
	}
}

// failed notes a failure, which is told once.
func (k *Keeper) failed(s *state, why string) {
	r, now := &s.reg, k.cfg.Now()
	r.wait = min(max(2*r.wait, backOffFirst), backOffMost)
	r.due, r.fault = now.Add(r.wait), why
	if !r.told {
		r.told = true
		k.cfg.Alarm(s.trunk.Org, journal.Alarm{
			Code: AlarmRefused, Detail: fmt.Sprintf("the trunk %s could not be registered: %s; calls back by it may not arrive", s.trunk.Key, why),
		})
	}
}

// grantedBy is how long a registration lasts: what stands at the contact, else
// in Expires, else what was asked for. Others may have contacts of their own
// there; the shortest time counts.
func grantedBy(r sipedge.Response, asked time.Duration) time.Duration {
	granted := time.Duration(0)
	take := func(text string) {
		n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(text), `"`))
		if d := time.Duration(n) * time.Second; err == nil && n > 0 && (granted == 0 || d < granted) {
			granted = d
		}
	}
	for _, c := range r.Message.Headers.All("Contact") {
		for p := range strings.FieldsFuncSeq(c, func(r rune) bool { return r == ';' || r == ',' }) {
			if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "expires") {
				take(value)
			}
		}
	}
	if granted == 0 {
		take(r.Message.Headers.Get("Expires"))
	}
	if granted == 0 {
		granted = asked
	}
	return max(min(granted, asked), 10*time.Second)
}

func userOf(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	user, _, has := strings.Cut(rest, "@")
	if !has {
		return ""
	}
	return user
}
