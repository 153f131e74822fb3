package trunk

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Alarm codes of a Door.
const (
	AlarmGuessing = "sip_password_guessing" // too many wrong secrets from an address or for a user
	AlarmUnproved = "trunk_credentials"     // an emergency call came with credentials that do not fit
	AlarmShared   = "trunk_address_shared"  // an emergency call could be of several organisations
)

const (
	// maxAskers and maxTold bound what strangers and neighbours can make a Door keep.
	maxAskers = 10_000
	maxTold   = 10_000
	// maxGuesses is how many wrong secrets an address or a user may try in five minutes.
	maxGuesses  = 60
	maxGuessers = 50_000
)

// DoorConfig is what a Door needs. All but Phone and Guesses are required.
type DoorConfig struct {
	Snapshot *snapshot.Holder
	Journal  journal.Recorder
	Realm    string // of our challenges: our domain
	Alarm    func(org e911.OrgID, a journal.Alarm)
	// Phone reports whether a registered telephone of ours sent a request: it
	// proved itself when it registered. None: none registers.
	Phone   func(q *sipedge.Request) bool
	Guesses int // wrong secrets of one address or user in five minutes; 60
	Now     func() time.Time
}

// Door tells which trunk an INVITE comes from, and asks for its credentials where
// the trunk has some (Trunk.Admit). A proof is a client certificate or a digest; an
// address is a claim. What proved itself from an address outside of all ranges is
// known there for 30 days. Safe for concurrent use; it never waits.
type Door struct {
	cfg      DoorConfig
	verifier *digest.Verifier
	guesses  *digest.Guesses

	roaming atomic.Pointer[roaming]

	sights *sights

	mu     sync.Mutex
	askers map[netip.Addr]asker
	told   map[string]time.Time // of AlarmUnproved by trunk, of AlarmShared by address
}

// roaming says of a snapshot whether any trunk may call from anywhere.
type roaming struct {
	snap *snapshot.Snapshot
	any  bool
}

// asker is an address that was challenged and did not answer yet.
type asker struct {
	callID string
	md5    bool
}

// NewDoor checks cfg, reporting all its faults.
func NewDoor(cfg DoorConfig) (*Door, error) {
	var errs []error
	for what, missing := range map[string]bool{
		"snapshot": cfg.Snapshot == nil, "journal": cfg.Journal == nil, "realm": cfg.Realm == "", "alarm": cfg.Alarm == nil, "clock": cfg.Now == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s is required", what))
		}
	}
	if strings.ContainsAny(cfg.Realm, "\"\\\r\n") {
		errs = append(errs, errors.New("realm holds quotes or line ends"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("configure the door of trunks: %w", errors.Join(errs...))
	}
	if cfg.Phone == nil {
		cfg.Phone = func(*sipedge.Request) bool { return false }
	}
	return &Door{
		cfg: cfg, verifier: digest.NewVerifier(cfg.Realm), guesses: digest.NewGuesses(cmp.Or(cfg.Guesses, maxGuesses), maxGuessers),
		sights: newSights(), askers: map[netip.Addr]asker{}, told: map[string]time.Time{},
	}, nil
}

// Known reports whether a source is a trunk's by a certificate that lapsed, or by
// an address that it proved itself from, within 30 days (F-10).
func (d *Door) Known(src sipedge.Source) bool {
	w := d.cfg.Snapshot.Load()
	if _, ok := w.TrunkByCertificate(src.Lapsed); ok {
		return true
	}
	return len(d.sights.here(w, src.Addr.Unmap(), d.cfg.Now())) > 0
}

// visitor is an INVITE at the door.
type visitor struct {
	q     *sipedge.Request
	w     *snapshot.Snapshot
	from  netip.Addr
	now   time.Time
	known bool
	// sos: an emergency call. Guesses for its user from elsewhere do not stop it.
	sos bool
	// trunk is whom it is taken for without a proof, by what; zero: nobody.
	trunk   e911.Trunk
	by      string
	lapsed  bool // by a certificate
	claimed bool // trunk is set
	// shared are neighbours of several organisations that proved themselves at this
	// address, of whom it could be any one.
	shared []e911.Trunk
	wrong  bool // it came with credentials that do not fit
	stale  bool // and may have only used a nonce too long
}

// Identify is what sipedge.Config wants.
func (d *Door) Identify(q *sipedge.Request, known, emergency bool) sipedge.Identity {
	v := visitor{q: q, w: d.cfg.Snapshot.Load(), from: q.Source.Addr().Unmap(), now: d.cfg.Now(), known: known, sos: emergency}
	if t, ok := v.w.TrunkByCertificate(q.Peer); ok {
		return sipedge.Identity{Who: string(t.ID), Proved: true, How: "its client certificate"}
	}
	d.claim(&v)
	if p := d.credentials(q); p != nil {
		if t, ok := d.check(&v, p); ok {
			return sipedge.Identity{Who: string(t.ID), Proved: true, How: "the password of its user"}
		}
	}
	id := sipedge.Identity{Who: string(v.trunk.ID), How: v.by}
	switch {
	case emergency && known:
		if v.wrong && v.claimed && !v.stale {
			d.tellWrong(&v)
		}
		d.tellShared(&v)
	case !d.mustProve(&v):
	case v.lapsed && v.trunk.Admit.User == "":
		id.Refusal = refusal(403, "The certificate has expired")
	case !v.resident() && d.guesses.Over(v.now, v.keys("")...):
		id.Refusal = refusal(503, "Too many wrong passwords", sipedge.Header{Name: "Retry-After", Value: strconv.Itoa(int(digest.RetryAfter / time.Second))})
	default:
		id.Refusal = d.challenge(&v)
	}
	return id
}

// claim finds whom an INVITE is taken for by what proves nothing.
func (d *Door) claim(v *visitor) {
	if t, ok := v.w.TrunkBySource(v.from); ok {
		v.trunk, v.claimed, v.by = t, true, "its address"
		return
	}
	if t, ok := v.w.TrunkByCertificate(v.q.Lapsed); ok {
		v.trunk, v.claimed, v.lapsed, v.by = t, true, true, "a client certificate that has expired"
		return
	}
	there := d.sights.here(v.w, v.from, v.now)
	if len(there) == 0 || d.cfg.Phone(v.q) {
		return // a registered telephone behind the same translator is whose it is
	}
	t, ok := whose(v, there)
	if !ok {
		v.shared = there
		return
	}
	v.trunk, v.claimed, v.by = t, true, "an address that it proved itself from within 30 days"
}

// resident: guesses of others keep nobody out who is known.
func (v *visitor) resident() bool { return v.claimed && !v.lapsed || len(v.shared) > 0 }

// mustProve reports whether an ordinary INVITE needs credentials: of a trunk that
// has some, or from nowhere while some trunk may call from anywhere.
func (d *Door) mustProve(v *visitor) bool {
	switch {
	case v.lapsed:
		return true
	case v.claimed:
		return v.trunk.Admit.User != "" && !d.cfg.Phone(v.q)
	case len(v.shared) > 0:
		return true
	case v.known:
		return false // a telephone, or an address of an organisation
	}
	return d.anywhere(v.w)
}

// anywhere reports whether a trunk of the snapshot may call from any address.
func (d *Door) anywhere(w *snapshot.Snapshot) bool {
	if r := d.roaming.Load(); r != nil && r.snap == w {
		return r.any
	}
	r := &roaming{snap: w}
	for t := range w.Trunks() {
		r.any = r.any || t.Admit.User != "" && len(t.From)+len(t.DRFrom) == 0
	}
	d.roaming.Store(r)
	return r.any
}

func refusal(code int, reason string, h ...sipedge.Header) *sipedge.Response {
	return &sipedge.Response{Code: code, Reason: reason, Message: sipedge.Message{Headers: h}}
}

// credentials are those for our realm; nil: none. Neighbours that take us for a
// server use the other header (RFC 3261, section 22).
func (d *Door) credentials(q *sipedge.Request) map[string]string {
	for _, name := range []string{"Proxy-Authorization", "Authorization"} {
		for _, line := range q.Headers.All(name) {
			scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			if !strings.EqualFold(scheme, "Digest") {
				continue
			}
			if p := digest.Params(rest); p["realm"] == d.cfg.Realm {
				return p
			}
		}
	}
	return nil
}

// nobodys is the secret of users who do not exist. What was made of it is refused
// all the same: nobody learns who exists.
const nobodys e911.Secret = "no user has this secret, it takes the time of one"

// check checks credentials (RFC 7616). The number that was dialled must be the
// one that they were made for; what is behind the "@" proxies change.
func (d *Door) check(v *visitor, p map[string]string) (e911.Trunk, bool) {
	v.wrong = true
	keys := v.keys(p["username"])
	if !v.resident() && d.guesses.Over(v.now, keys...) {
		return e911.Trunk{}, false
	}
	t, there := v.w.TrunkByUser(p["username"])
	secrets := t.Admit.Secrets
	if there = there && t.Admit.User == p["username"]; !there {
		secrets = []e911.Secret{nobodys}
	}
	right, stale := d.verifier.Check(digest.Request{Params: p, Method: v.q.Method, From: v.from, Now: v.now, Secrets: secrets})
	v.stale = stale
	if stale {
		return e911.Trunk{}, false
	}
	if right && there && dialledOf(p["uri"]) == dialledOf(v.q.URI) && v.inRanges(t) {
		d.sight(v, t)
		return t, true
	}
	if d.guesses.Wrong(v.now, keys...) {
		d.cfg.Alarm(t.Org, journal.Alarm{
			Code: AlarmGuessing, Source: v.from.String(), Count: cmp.Or(d.cfg.Guesses, maxGuesses),
			Detail: "somebody tries passwords of trunks; emergency calls of trunks are not affected",
		})
	}
	return e911.Trunk{}, false
}

func (v *visitor) keys(user string) []string {
	keys := []string{"from " + v.from.String()}
	if user != "" && !v.sos {
		keys = append(keys, "user "+strings.ToLower(user[:min(len(user), 128)]))
	}
	return keys
}

// dialledOf is a URI without its host, parameters and the rest.
func dialledOf(uri string) string {
	_, rest, ok := strings.Cut(uri, ":")
	if !ok {
		rest = uri
	}
	user, _, has := strings.Cut(rest, "@")
	if !has {
		user, _, _ = strings.Cut(rest, ";")
	}
	user, _, _ = strings.Cut(user, ";")
	return user
}

// inRanges reports whether a trunk may call from here: from its ranges, or from
// anywhere when it has none.
func (v *visitor) inRanges(t e911.Trunk) bool {
	if len(t.From)+len(t.DRFrom) == 0 {
		return true
	}
	for _, list := range [][]netip.Prefix{t.From, t.DRFrom} {
		for _, p := range list {
			if p.Contains(v.from) {
				return true
			}
		}
	}
	return false
}

// sight remembers where a neighbour proved itself. An address of a range needs no
// memory.
func (d *Door) sight(v *visitor, t e911.Trunk) {
	d.mu.Lock()
	delete(d.askers, v.from)
	if len(t.From)+len(t.DRFrom) > 0 {
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	record := d.sights.put(v.from, t.ID, v.now)
	if record {
		d.cfg.Journal.Record(journal.New(journal.TrunkProved, v.now, t.Org, "", journal.Proved{Trunk: t.ID, From: v.from}))
	}
}

// Restore takes a fact of an earlier run.
func (d *Door) Restore(f journal.Fact) error {
	if f.Kind != journal.TrunkProved || d.cfg.Now().Sub(f.At) >= remember {
		return nil
	}
	p, err := journal.Decode[journal.Proved](f)
	if err != nil {
		return err
	}
	d.sights.restore(p.From, p.Trunk, f.At)
	return nil
}

// challenge asks for credentials. Some neighbours give up when they see an
// algorithm that they do not know: who comes again without any is asked for MD5
// alone. It is the same whether or not a user exists.
func (d *Door) challenge(v *visitor) *sipedge.Response {
	list := d.verifier.Challenges(v.from, v.stale, v.now)
	if d.onlyMD5(v) {
		list = list[len(list)-1:]
	}
	r := refusal(407, "Proxy Authentication Required")
	for _, c := range list {
		r.Message.Headers = append(r.Message.Headers, sipedge.Header{Name: "Proxy-Authenticate", Value: c})
	}
	return r
}

// onlyMD5 reports whether an address came again, by another call, without an
// answer to a challenge in between.
func (d *Door) onlyMD5(v *visitor) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, ok := d.askers[v.from]
	switch {
	case v.wrong || v.stale:
		return was.md5
	case ok:
		was.md5 = was.md5 || was.callID != v.q.CallID
	case len(d.askers) >= maxAskers:
		clear(d.askers) // a flood of strangers; it costs a neighbour one more challenge
	}
	d.askers[v.from] = asker{callID: v.q.CallID, md5: was.md5}
	return was.md5
}

// once reports whether an alarm was not told for an hour.
func (d *Door) once(what string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, ok := d.told[what]; ok && now.Sub(last) < time.Hour {
		return false
	}
	if len(d.told) >= maxTold {
		clear(d.told)
	}
	d.told[what] = now
	return true
}

// tellWrong says once an hour that a trunk's credentials do not fit any more.
func (d *Door) tellWrong(v *visitor) {
	if d.once(string(v.trunk.ID), v.now) {
		d.cfg.Alarm(v.trunk.Org, journal.Alarm{
			Code: AlarmUnproved, Source: v.from.String(),
			Detail: fmt.Sprintf("the trunk %s sent an emergency call with credentials that do not fit; it went on all the same, ordinary calls are refused", v.trunk.Key),
		})
	}
}

// tellShared says once an hour, to the operator and to each organisation that calls
// from an address, that an emergency call from there is nobody's.
func (d *Door) tellShared(v *visitor) {
	if len(v.shared) == 0 || !d.once("at "+v.from.String(), v.now) {
		return
	}
	orgs := []e911.OrgID{""}
	for _, t := range v.shared {
		if !slices.Contains(orgs, t.Org) {
			orgs = append(orgs, t.Org)
		}
	}
	for _, org := range orgs {
		d.cfg.Alarm(org, journal.Alarm{
			Code: AlarmShared, Source: v.from.String(),
			Detail: "an emergency call came from an address that several organisations call from, by a number that none or several of them have in their lists: " +
				"it went on as nobody's. Put the numbers into the lists, or have the PBX write its user into From",
		})
	}
}
