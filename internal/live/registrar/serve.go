package registrar

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// asker is a telephone as it comes before it proved anything.
type asker struct {
	from netip.Addr
	acc  account
}

// unanswered is a challenge that was not answered yet.
type unanswered struct {
	at  time.Time
	md5 bool
}

// asked is a REGISTER as it was read.
type asked struct {
	q        *sipedge.Request
	org      *snapshot.Org
	domain   string
	acc      account
	device   e911.Device // zero: there is none
	there    bool
	contacts []contact
	all      bool // Contact: *
	seq      uint32
	gruu     bool
	outbound bool
	now      time.Time
}

// Serve answers a request outside of dialogs; it is what sipedge.Config wants.
// Nobody learns whether a user exists: without the right password all users are
// answered alike, and take as long.
func (r *Registrar) Serve(_ context.Context, q *sipedge.Request) sipedge.Response {
	if q.Method != "REGISTER" {
		return refuse(sipedge.RefusalOf(q.Method), "", sipedge.Header{Name: "Allow", Value: "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE"})
	}
	a := asked{q: q, now: r.cfg.Now()}
	if a.org, a.domain = r.orgOf(q.URI); a.org == nil {
		return refuse(404, "No telephones register with this name")
	}
	user, _, ok := userHost(uriOf(q.Headers.Get("To")))
	if !ok || user == "" {
		return refuse(400, "To names no user")
	}
	a.acc = account{a.org.ID(), user}
	a.device, a.there = a.org.DeviceBySIPUser(user)
	if bad := unsupported(q.Headers.All("Require")); bad != "" {
		return refuse(420, "", sipedge.Header{Name: "Unsupported", Value: bad})
	}
	if res, ok := r.prove(&a); !ok {
		return res
	}
	if res, ok := a.read(); !ok {
		return res
	}
	return r.register(&a)
}

func refuse(code int, reason string, h ...sipedge.Header) sipedge.Response {
	return sipedge.Response{Code: code, Reason: reason, Message: sipedge.Message{Headers: h}}
}

func (r *Registrar) orgOf(uri string) (*snapshot.Org, string) {
	_, host, ok := userHost(uri)
	if !ok {
		return nil, ""
	}
	return r.cfg.Snapshot.Load().OrgBySIPDomain(host), host
}

// fromOf finds whose telephone From names.
func (r *Registrar) fromOf(q *sipedge.Request) (account, bool) {
	user, host, ok := userHost(uriOf(q.Headers.Get("From")))
	if !ok || user == "" {
		return account{}, false
	}
	o := r.cfg.Snapshot.Load().OrgBySIPDomain(host)
	if o == nil {
		return account{}, false
	}
	return account{o.ID(), user}, true
}

// prove checks the password (RFC 7616). A user who does not exist, or whose
// device has no account, is checked against a password that nobody has.
func (r *Registrar) prove(a *asked) (sipedge.Response, bool) {
	from := a.q.Source.Addr().Unmap()
	v := r.verifier(a.domain)
	md5 := false
	challenge := func(stale bool) sipedge.Response {
		res := refuse(401, "Unauthorized")
		list := v.Challenges(from, stale, a.now)
		if md5 {
			list = list[len(list)-1:]
		}
		for _, c := range list {
			res.Message.Headers = append(res.Message.Headers, sipedge.Header{Name: "WWW-Authenticate", Value: c})
		}
		return res
	}
	var p map[string]string
	for _, line := range a.q.Headers.All("Authorization") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		if got := digest.Params(rest); p == nil || got["realm"] == a.domain {
			p = got
		}
	}
	md5 = r.onlyMD5(a, from, p)
	if p == nil {
		return challenge(false), false
	}
	// A telephone that was here before is never kept out by others who guess.
	resident := a.there && r.was(sighting{from, a.acc.org, a.device.ID}, a.now)
	if !resident && r.guessing(a, from.String(), false) {
		return refuse(503, "Too many wrong passwords", sipedge.Header{Name: "Retry-After", Value: strconv.Itoa(int(digest.RetryAfter / time.Second))}), false
	}
	secret := nobodys
	if a.there && p["username"] == a.acc.user {
		secret = a.device.SIP.Secret
	}
	_, host, ok := userHost(p["uri"])
	right, stale := v.Check(digest.Request{Params: p, Method: a.q.Method, From: from, Now: a.now, Secrets: []e911.Secret{secret}})
	switch {
	case right && ok && host == a.domain && a.there:
		return sipedge.Response{}, true
	case stale:
		return challenge(true), false
	}
	r.failed(a)
	if !resident {
		r.guessing(a, from.String(), true)
	}
	return challenge(false), false
}

// onlyMD5 reports whether a telephone left our last challenge unanswered, or
// answered one of MD5: some give up when they see an algorithm that they do not
// know (libre before 2.0, so baresip 1), and come again a minute later. They are
// asked for MD5 alone then. It is the same for users who do not exist.
func (r *Registrar) onlyMD5(a *asked, from netip.Addr, p map[string]string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := asker{from, a.acc}
	was, ok := r.askers[k]
	ok = ok && a.now.Sub(was.at) < remember
	switch {
	case p != nil && ok && was.md5:
		return true
	case p != nil:
		delete(r.askers, k)
		return false
	case ok: // a repetition of the same request never comes so far
		r.askers[k] = unanswered{at: a.now, md5: true}
		return true
	case len(r.askers) < r.cfg.Limits.Guessers:
		r.askers[k] = unanswered{at: a.now}
	}
	return false
}

// nobodys is the password of users who do not exist. What was made of it is
// refused all the same.
const nobodys e911.Secret = "no user has this password, it takes the time of one"

// guessing reports whether an address or a user had too many wrong passwords,
// after counting one more.
func (r *Registrar) guessing(a *asked, from string, wrong bool) bool {
	keys := []string{"from " + from, "user " + string(a.acc.org) + " " + a.acc.user}
	if wrong && r.guesses.Wrong(a.now, keys...) {
		r.cfg.Alarm(a.acc.org, journal.Alarm{
			Code: "sip_password_guessing", Source: from, Count: r.cfg.Limits.Guesses,
			Detail: "somebody tries passwords of telephones; telephones that registered before are not affected",
		})
	}
	return r.guesses.Over(a.now, keys...)
}

// failed remembers the address of a telephone whose password does not fit any
// more, known by its instance id, so that a call for help from there is heard
// (F-10). Whoever only knows the user's name is not remembered.
func (r *Registrar) failed(a *asked) {
	if !a.there {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	was, ok := r.devices[a.acc]
	if !ok || a.now.Sub(was.at) >= remember {
		return
	}
	for _, c := range readContacts(a.q.Headers.All("Contact")) {
		if c.instance == was.id {
			r.sight(sighting{a.q.Source.Addr().Unmap(), a.acc.org, a.device.ID}, a.now)
			return
		}
	}
}

// read takes the rest of the REGISTER apart; false: it is answered so.
func (a *asked) read() (sipedge.Response, bool) {
	h := a.q.Headers
	seq, _, _ := strings.Cut(strings.TrimSpace(h.Get("CSeq")), " ")
	n, err := strconv.ParseUint(seq, 10, 32)
	if err != nil {
		return refuse(400, "CSeq is no number"), false
	}
	a.seq = uint32(n)
	for _, s := range splitAll(h.All("Supported")) {
		a.gruu = a.gruu || strings.EqualFold(s, "gruu")
		a.outbound = a.outbound || strings.EqualFold(s, "outbound")
	}
	a.contacts = readContacts(h.All("Contact"))
	usual := expires(h.Get("Expires"), maxExpires)
	for i := range a.contacts {
		c := &a.contacts[i]
		switch {
		case c.uri == "*":
			if len(a.contacts) > 1 || h.Get("Expires") == "" || usual != 0 {
				return refuse(400, "Contact * stands alone, with Expires: 0"), false
			}
			a.all, a.contacts = true, nil
			return sipedge.Response{}, true
		case c.fault != "":
			return refuse(400, c.fault), false
		}
		c.until = usual
		if c.expires != "" {
			c.until = expires(c.expires, maxExpires)
		}
		if c.until > 0 && c.until < minExpires {
			return refuse(423, "Interval Too Brief", sipedge.Header{Name: "Min-Expires", Value: strconv.Itoa(int(minExpires / time.Second))}), false
		}
		c.until = min(c.until, maxExpires)
	}
	return sipedge.Response{}, true
}

// register changes the bindings, all or none (RFC 3261, section 10.3).
func (r *Registrar) register(a *asked) sipedge.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	src := a.q.Source.Addr().Unmap()
	r.sight(sighting{src, a.acc.org, a.device.ID}, a.now)
	was := slices.DeleteFunc(slices.Clone(r.of(a.acc)), func(b *Binding) bool { return !b.live(a.now) })
	next := slices.Clone(was)
	var made, gone []*Binding
	if a.all {
		for _, b := range was {
			if late(b, a) {
				return refuse(500, "A later REGISTER was served before")
			}
		}
		gone, next = was, nil
	}
	for _, c := range a.contacts {
		b := a.binding(c)
		if i := slices.IndexFunc(next, b.same); i >= 0 {
			if late(next[i], a) {
				return refuse(500, "A later REGISTER was served before")
			}
			if c.until == 0 {
				gone = append(gone, next[i])
			}
			next = slices.Delete(next, i, i+1)
		}
		if c.until > 0 {
			next = append(next, b)
			made = append(made, b)
			r.noteInstance(a.acc, b.Instance, a.now)
		}
	}
	next = r.fit(next)
	if r.bindings+len(next)-len(r.of(a.acc)) > r.cfg.Limits.Bindings && len(made) > 0 {
		return refuse(503, "Too many telephones", sipedge.Header{Name: "Retry-After", Value: "60"})
	}
	r.store(a.acc, next)
	for _, b := range made {
		r.record(b)
	}
	for _, b := range gone {
		r.cfg.Journal.Record(journal.New(journal.BindingGone, a.now, b.Org, "", journal.Unbound{Device: b.Device, User: b.User, Contact: b.Contact, Why: "the telephone signed off"}))
	}
	return a.answer(next)
}

// late reports a REGISTER that was overtaken by one that came later.
func late(b *Binding, a *asked) bool { return b.CallID == a.q.CallID && a.seq <= b.CSeq }

func (a *asked) binding(c contact) *Binding {
	b := &Binding{
		Org: a.acc.org, Device: a.device.ID, User: a.acc.user, Contact: c.uri, Params: c.params, Instance: c.instance,
		GRUU: a.gruu && c.instance != "", CallID: a.q.CallID, CSeq: a.seq, Source: a.q.Source, Local: a.q.Local, Flow: a.q.Flow,
		Agent: clip(a.q.Headers.Get("User-Agent"), 128), At: a.now, Expires: a.now.Add(c.until),
	}
	if c.instance != "" {
		b.RegID = c.regID
	}
	b.MAC = macOf(c.instance, b.Agent)
	return b
}

// answer lists all contacts (RFC 3261, section 10.3, step 8).
func (a *asked) answer(list []*Binding) sipedge.Response {
	res := refuse(200, "OK")
	outbound := false
	for _, b := range list {
		left := int(b.Expires.Sub(a.now).Round(time.Second) / time.Second)
		text := fmt.Sprintf("<%s>%s;expires=%d", b.Contact, b.Params, left)
		if b.GRUU {
			text += fmt.Sprintf(`;pub-gruu="sip:%s@%s;gr=%s"`, b.User, a.domain, escapeGR(b.Instance))
		}
		outbound = outbound || b.RegID != "" && b.At.Equal(a.now)
		res.Contacts = append(res.Contacts, text)
	}
	// On a connection the way back is the connection itself. By UDP the telephone
	// would keep the way open with STUN, which is not spoken here.
	if outbound && a.outbound && a.q.Transport != "udp" {
		res.Message.Headers = append(res.Message.Headers, sipedge.Header{Name: "Require", Value: "outbound"})
	}
	res.Message.Headers = append(res.Message.Headers, sipedge.Header{Name: "Date", Value: a.now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")})
	return res
}
