package federation_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

const (
	a, b   e911.OrgID = "org-a", "org-b"
	secret            = "ferry lamp under nine"
)

// says is a protocol whose providers say what a test sets.
type says struct {
	mu     sync.Mutex
	claims federation.Claims
}

func (s *says) Faults(federation.Provider) []e911.Fault          { return nil }
func (s *says) Probe(context.Context, federation.Provider) error { return nil }
func (s *says) Begin(_ context.Context, _ federation.Provider, st federation.Start) (string, []byte, error) {
	return "https://idp.example/?state=" + st.State, nil, nil
}

func (s *says) Finish(context.Context, federation.Provider, federation.Callback, []byte) (federation.Claims, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims, nil
}

// town has organisations A and B, each with an administrator, and Pat of the partner;
// each organisation has an identity provider that it makes say anything.
type town struct {
	*federation.Desk
	t       *testing.T
	ctx     context.Context
	members *member.Desk
	signon  *signon.Desk
	store   *sqlite.Store
	says    *says
	mu      sync.Mutex
	now     time.Time
	mails   []string
}

func (w *town) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *town) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err, e911.FaultsOf(err))
	}
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, ctx: t.Context(), says: &says{}, now: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	w.must(err)
	w.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, w.clock)
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	w.Desk, err = federation.New(federation.Config{
		Store: func() federation.Store { return w.store }, Protocols: map[federation.Via]federation.Protocol{federation.ViaOIDC: w.says}, Ring: ring,
		BaseURL: "https://callbox.example", Now: w.clock, Log: slog.New(slog.DiscardHandler),
		Mail: func(to, _, _ string) bool { w.mails = append(w.mails, to); return true },
	})
	w.must(err)
	w.members, err = member.New(member.Config{Store: func() member.Store { return w.store }, Now: w.clock, Stays: w.Stays})
	w.must(err)
	w.signon, err = signon.New(signon.Config{Store: func() signon.Store { return w.store }, Now: w.clock, Log: slog.New(slog.DiscardHandler), Issuer: "Callbox", Gate: w.Desk})
	w.must(err)
	node := func(org e911.OrgID) access.Node { return access.Node{Org: string(org)} }
	w.must(w.store.WriteMembers(w.ctx, "test", func(tx member.Tx) error {
		var all error
		for _, x := range []struct {
			id   string
			role access.Role
			at   access.Node
		}{
			{"ann", access.Organisation, node(a)},
			{"bob", access.Organisation, node(b)},
			{"pat", access.Provider, access.Node{}},
			{"both", access.Organisation, node(a)},
			{"both", access.Organisation, node(b)},
			{"uma", access.User, node(a)},
		} {
			if _, err := tx.Identity(w.ctx, x.id); e911.KindOf(err) == e911.NotFound {
				all = errors.Join(all, tx.CreateIdentity(w.ctx, member.Identity{ID: x.id, Email: x.id + "@corp.example", Name: x.id, Made: w.now}))
			}
			all = errors.Join(all, tx.AddGrant(w.ctx, member.Grant{Grant: access.Grant{ID: e911.NewID[string](), Identity: x.id, Role: x.role, At: x.at}, Made: w.now}))
		}
		return all
	}))
	for _, id := range []string{"ann", "bob", "both", "uma"} {
		w.must(w.signon.SetPassword(w.ctx, id, "", secret, "", true))
	}
	return w
}

// provider makes one of an organisation.
func (w *town) provider(org e911.OrgID, change func(*federation.Provider)) federation.Provider {
	w.t.Helper()
	p := federation.Provider{Org: org, Key: "idp", Via: federation.ViaOIDC, Name: "IdP", OIDC: &federation.OIDC{Issuer: "https://idp.example", ClientID: "c"}}
	if change != nil {
		change(&p)
	}
	p, err := w.Save(w.ctx, "test", p, org == "")
	w.must(err)
	return p
}

// in signs somebody in of whom the provider says that.
func (w *town) in(p federation.Provider, c federation.Claims) (signon.Session, error) {
	w.t.Helper()
	w.says.mu.Lock()
	w.says.claims = c
	w.says.mu.Unlock()
	begun, err := w.Begin(w.ctx, p.ID, "")
	w.must(err)
	u, err := url.Parse(begun.URL)
	w.must(err)
	got, err := w.Finish(w.ctx, federation.ViaOIDC, begun.Ticket, federation.Callback{Values: url.Values{"state": {u.Query().Get("state")}}})
	if err != nil {
		return signon.Session{}, err
	}
	s, _, err := w.signon.Admit(w.ctx, got.Identity, got.Admission)
	return s, err
}

func claims(email string) federation.Claims {
	return federation.Claims{Subject: "sub of " + email, Email: email, EmailVerified: federation.Yes}
}

func (w *town) may(s signon.Session, org e911.OrgID, v access.Verb) bool {
	w.t.Helper()
	ctx := member.Within(w.ctx, s.Scope())
	q := access.Question{At: access.Node{Org: string(org)}, Area: access.Members, Verb: v}
	x, err := w.members.Ask(ctx, s.Identity, q)
	w.must(err)
	y, err := w.members.AskStill(ctx, s.Identity, q)
	w.must(err)
	if x.Allowed != y.Allowed {
		w.t.Errorf("Ask says %v, AskStill %v", x.Allowed, y.Allowed)
	}
	return x.Allowed
}

// Proves: C-60a, E14 (what A's identity provider says is worth something in A only)
func TestWhatAnOrganisationsProviderSaysCountsInItAlone(t *testing.T) {
	w := newTown(t)
	evil := w.provider(a, nil)
	t.Run("B's administrator cannot be named in A's provider", func(t *testing.T) {
		if _, err := w.in(evil, claims("bob@corp.example")); !errors.Is(err, federation.ErrNobody) {
			t.Errorf("it says %v", err)
		}
	})
	t.Run("nor the operator's", func(t *testing.T) {
		if _, err := w.in(evil, claims("pat@corp.example")); !errors.Is(err, federation.ErrNobody) {
			t.Errorf("it says %v", err)
		}
	})
	t.Run("who is in both is in A alone", func(t *testing.T) {
		s, err := w.in(evil, claims("both@corp.example"))
		w.must(err)
		if s.Bound != a || !w.may(s, a, access.Write) || w.may(s, b, access.Read) {
			t.Errorf("the session %+v reaches B", s)
		}
		ctx := member.Within(w.ctx, s.Scope())
		if in, err := w.members.Belongs(ctx, "both", access.Node{Org: string(b)}); in || err != nil {
			t.Errorf("he belongs to B: %v, %v", in, err)
		}
		if _, has, err := w.members.Of(ctx, "both"); err != nil || len(has) != 1 {
			t.Errorf("he sees the roles %v, %v", has, err)
		}
		if _, err := w.members.Give(ctx, "both", member.Wish{Email: "eve@evil.example", Role: access.Organisation, At: access.Node{Org: string(b)}}); err == nil {
			t.Error("he made Eve an administrator of B")
		}
		if _, err := w.members.SetProfile(ctx, "both", "Somebody Else", ""); err == nil {
			t.Error("he changed what B calls him")
		}
	})
	t.Run("it changes no credentials, now or for later", func(t *testing.T) {
		for _, who := range []string{"both", "ann"} { // Ann is in A alone: B may invite her tomorrow
			s, err := w.in(evil, claims(who+"@corp.example"))
			w.must(err)
			ctx := member.Within(w.ctx, s.Scope())
			key, _ := totp.Generate(totp.GenerateOpts{Issuer: "x", AccountName: "x"})
			code, _ := totp.GenerateCode(key.Secret(), w.now)
			_, totpErr := w.signon.ConfirmTOTP(ctx, s, key.Secret(), code)
			_, beginErr := w.signon.BeginTOTP(ctx, who)
			creds, _ := w.signon.Of(ctx, who)
			for name, err := range map[string]error{
				"password": w.signon.SetPassword(ctx, who, secret, "quiet mill and a harbour", s.ID, false), "one-time codes": totpErr, "begin of codes": beginErr,
				"taking away": w.signon.Drop(ctx, s, "any"),
			} {
				if !errors.Is(err, signon.ErrBound) {
					t.Errorf("%s of %s: %v", name, who, err)
				}
			}
			if len(creds) != 0 {
				t.Errorf("it sees the credentials %v", creds)
			}
		}
	})
	t.Run("it neither sees nor ends sessions elsewhere", func(t *testing.T) {
		own, _, err := w.signon.SignIn(w.ctx, signon.Attempt{Email: "both@corp.example", Password: secret, Address: netip.MustParseAddr("198.51.100.7")})
		w.must(err)
		s, err := w.in(evil, claims("both@corp.example"))
		w.must(err)
		ctx := member.Within(w.ctx, s.Scope())
		seen, err := w.signon.Sessions(ctx, "both")
		if err != nil || slices.ContainsFunc(seen, func(x signon.Session) bool { return x.Bound != a }) {
			t.Errorf("it sees %v, %v", seen, err)
		}
		w.must(w.signon.End(ctx, "both", []string{own.ID}, false))
		w.must(w.signon.End(ctx, "both", []string{s.ID}, true))
		all, err := w.signon.Sessions(w.ctx, "both")
		if err != nil || !slices.ContainsFunc(all, func(x signon.Session) bool { return x.ID == own.ID }) {
			t.Errorf("his own session is gone: %v, %v", all, err)
		}
	})
}

// Proves: C-60a (an address at the provider is not an identity here for ever)
func TestWhoseAccountItIs(t *testing.T) {
	w := newTown(t)
	p := w.provider(a, func(p *federation.Provider) { p.Domains = []string{"corp.example"} })
	w.must(func() error { _, err := w.in(p, claims("ann@corp.example")); return err }())
	for _, x := range []struct {
		name   string
		claims federation.Claims
		says   string
	}{
		{"a user who calls himself Ann at the provider", federation.Claims{Subject: "uma's", Email: "ann@corp.example", EmailVerified: federation.Yes}, "another account"},
		{"an address that was not proved", federation.Claims{Subject: "x", Email: "uma@corp.example", EmailVerified: federation.No}, "was not proved"},
		{"an address of which nothing is said, of another domain", federation.Claims{Subject: "x", Email: "uma@else.example"}, "does not speak for the domain"},
		{"no address", federation.Claims{Subject: "x"}, "mail address"},
		{"two addresses", federation.Claims{Subject: "x", Email: "uma@corp.example, ann@corp.example", EmailVerified: federation.Yes}, "mail address"},
		{"no subject", federation.Claims{Email: "uma@corp.example", EmailVerified: federation.Yes}, "who signs in"},
		{"somebody new", claims("new@corp.example"), "no role"},
	} {
		if _, err := w.in(p, x.claims); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %q", x.name, err, x.says)
		}
	}
	// Who has another address at the provider now is still himself.
	s, err := w.in(p, federation.Claims{Subject: "sub of ann@corp.example", Email: "ann.harbor@corp.example"})
	if err != nil || s.Identity != "ann" {
		t.Errorf("Ann is %+v, %v", s, err)
	}
	t.Run("an account that was made anew is unlinked first", func(t *testing.T) {
		w.must(w.Unlink(w.ctx, "test", a, "idp", "ann@corp.example"))
		w.must(func() error {
			_, err := w.in(p, federation.Claims{Subject: "new", Email: "ann@corp.example", EmailVerified: federation.Yes})
			return err
		}())
	})
	t.Run("another issuer's accounts are other people", func(t *testing.T) {
		now, err := w.Get(w.ctx, a, "idp")
		w.must(err)
		now.OIDC.Issuer = "https://other.example"
		changed, err := w.Save(w.ctx, "test", now, false)
		w.must(err)
		if !changed.Proved.IsZero() {
			t.Error("nobody has signed in by the other issuer")
		}
		if _, err := w.in(changed, federation.Claims{Subject: "new", Email: "uma@corp.example", EmailVerified: federation.Yes}); err != nil {
			t.Errorf("the old subject still counts: %v", err)
		}
	})
	t.Run("who is disabled or has no role left is not let in", func(t *testing.T) {
		p, err := w.Get(w.ctx, a, "idp")
		w.must(err)
		w.must(func() error { _, err := w.in(p, claims("both@corp.example")); return err }())
		w.must(w.members.Disable(w.ctx, member.Operator, "both", true))
		if _, err := w.in(p, claims("both@corp.example")); !errors.Is(err, federation.ErrNobody) {
			t.Errorf("disabled: %v", err)
		}
		_, has, err := w.members.Of(w.ctx, "uma")
		w.must(err)
		w.must(w.members.Take(w.ctx, "ann", has[0].ID, "uma"))
		if _, err := w.in(p, federation.Claims{Subject: "new", Email: "uma@corp.example"}); !errors.Is(err, federation.ErrNobody) {
			t.Errorf("without a role: %v", err)
		}
	})
	t.Run("what may be used once is", func(t *testing.T) {
		p, err := w.Get(w.ctx, a, "idp")
		w.must(err)
		c := claims("ann@corp.example")
		c.Once = map[string]time.Time{"assertion 1": w.now.Add(time.Hour)}
		w.must(func() error { _, err := w.in(p, c); return err }())
		if _, err := w.in(p, c); err == nil || !strings.Contains(err.Error(), "used before") {
			t.Errorf("it says %v", err)
		}
	})
}

// Proves: C-60a (roles by group)
func TestGroupsGiveRolesAndTakeThem(t *testing.T) {
	w := newTown(t)
	p := w.provider(a, func(p *federation.Provider) {
		p.Domains, p.Create = []string{"corp.example"}, true
		p.Roles = []federation.GroupRole{{Group: "admins", Role: access.Organisation}, {Group: "guards", Role: access.Desk}}
	})
	c := claims("new@corp.example")
	c.Groups = []string{}
	if _, err := w.in(p, c); !errors.Is(err, federation.ErrNobody) {
		t.Fatalf("somebody new without a group: %v", err)
	}
	c.Groups = []string{"guards", "others"}
	s, err := w.in(p, c)
	w.must(err)
	roles := func() (out []string) {
		_, has, err := w.members.Of(w.ctx, s.Identity)
		w.must(err)
		for _, g := range has {
			out = append(out, string(g.Role))
		}
		return out
	}
	if got := roles(); !slices.Equal(got, []string{"security_desk"}) {
		t.Errorf("the groups give %v", got)
	}
	c.Groups = []string{"admins"}
	w.must(func() error { _, err := w.in(p, c); return err }())
	if got := roles(); !slices.Equal(got, []string{"organisation"}) {
		t.Errorf("after a move the groups give %v", got)
	}
	c.Groups = nil // not said at all
	w.must(func() error { _, err := w.in(p, c); return err }())
	c.Groups = []string{}
	if _, err := w.in(p, c); !errors.Is(err, federation.ErrNobody) {
		t.Errorf("who left all groups: %v", err)
	}
	c = claims("bob@corp.example") // B's administrator gets a role in A, as by an invitation, and nothing of B's
	c.Groups = []string{"guards"}
	s, err = w.in(p, c)
	w.must(err)
	if w.may(s, b, access.Read) {
		t.Error("A's provider reaches B by a group")
	}
}

// Proves: C-60a (the operator's provider signs in to everything, in its domains)
func TestTheOperatorsProvider(t *testing.T) {
	w := newTown(t)
	p := w.provider("", func(p *federation.Provider) { p.Domains = []string{"corp.example"} })
	s, err := w.in(p, claims("both@corp.example"))
	w.must(err)
	if s.Bound != "" || !w.may(s, a, access.Write) || !w.may(s, b, access.Write) {
		t.Errorf("the session is %+v", s)
	}
	if _, err := w.in(p, claims("ann@else.example")); err == nil || !strings.Contains(err.Error(), "does not speak") {
		t.Errorf("an address of another domain: %v", err)
	}
	_, err = w.Save(w.ctx, "test", federation.Provider{Key: "wide", Via: federation.ViaOIDC, Name: "X", OIDC: &federation.OIDC{}, Create: true}, true)
	if codes := len(e911.FaultsOf(err)); codes != 3 {
		t.Errorf("one without domains that makes members has the faults %v", e911.FaultsOf(err))
	}
}

// Proves: C-60a (home realm; a domain leads somewhere only when it was confirmed)
func TestWhereAnAddressLeads(t *testing.T) {
	w := newTown(t)
	p := w.provider(a, func(p *federation.Provider) { p.Domains = []string{"Corp.Example"} })
	if _, err := w.Lead(w.ctx, "anybody@corp.example"); !errors.Is(err, federation.ErrNoProvider) {
		t.Errorf("before it is confirmed: %v", err)
	}
	_, err := w.Confirm(w.ctx, "operator", a, "idp")
	w.must(err)
	for _, email := range []string{"anybody@corp.example", " ANN@CORP.example "} {
		if got, err := w.Lead(w.ctx, email); err != nil || got.ID != p.ID {
			t.Errorf("%q leads to %+v, %v", email, got, err)
		}
	}
	w.provider(b, func(p *federation.Provider) { p.Domains = []string{"corp.example"} }) // says so, and is not confirmed
	if _, err := w.Confirm(w.ctx, "operator", b, "idp"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("two have the domain: %v", err)
	}
	for _, email := range []string{"ann@sub.corp.example", "ann", "", "ann@"} {
		if _, err := w.Lead(w.ctx, email); !errors.Is(err, federation.ErrNoProvider) {
			t.Errorf("%q: %v", email, err)
		}
	}
}

func (w *town) password(who, code string) (signon.Session, error) {
	s, _, err := w.signon.SignIn(w.ctx, signon.Attempt{Email: who + "@corp.example", Password: secret, Code: code, Address: netip.MustParseAddr("198.51.100.7")})
	return s, err
}

// codes sets one-time codes up and returns what makes them.
func (w *town) codes(who string) func() string {
	w.t.Helper()
	s, err := w.password(who, "")
	w.must(err)
	e, err := w.signon.BeginTOTP(w.ctx, who)
	w.must(err)
	next := func() string {
		code, err := totp.GenerateCode(e.Secret, w.clock())
		w.must(err)
		return code
	}
	_, err = w.signon.ConfirmTOTP(w.ctx, s, e.Secret, next())
	w.must(err)
	return next
}

// Proves: C-60a (local login off, with break-glass)
func TestForcedSignOnHasABreakGlass(t *testing.T) {
	w := newTown(t)
	p := w.provider(a, nil)
	force := func(on bool, names ...string) error {
		t.Helper()
		now, err := w.Policy(w.ctx, a)
		w.must(err)
		_, err = w.SetPolicy(w.ctx, "ann", federation.Policy{Org: a, Version: now.Version, Force: on, BreakGlass: names})
		return err
	}
	fault := func(err error, code string) {
		t.Helper()
		if !slices.ContainsFunc(e911.FaultsOf(err), func(f e911.Fault) bool { return f.Code == code }) {
			t.Errorf("%v %v, want the fault %s", err, e911.FaultsOf(err), code)
		}
	}
	code := w.codes("ann")
	fault(force(true, "ann"), "unproved")
	w.must(func() error { _, err := w.in(p, claims("uma@corp.example")); return err }())
	fault(force(true), "missing")
	fault(force(true, "both"), "missing") // has no second proof
	fault(force(true, "uma", "ann"), "role")
	before := map[string]signon.Session{}
	for _, who := range []string{"uma", "both", "ann"} {
		s, err := w.password(who, map[bool]string{true: code()}[who == "ann"])
		w.must(err)
		before[who] = s
	}
	byProvider, err := w.in(p, claims("uma@corp.example"))
	w.must(err)
	w.must(force(true, "ann"))
	for _, c := range []struct {
		who  string
		id   string
		want bool
		why  string
	}{
		{"uma", before["uma"].ID, false, "a password's session goes on in A"},
		{"both", before["both"].ID, false, "a password's session goes on in A"},
		{"uma", byProvider.ID, true, "a session of the provider ended"},
		{"ann", before["ann"].ID, true, "who switched it was put out"},
	} {
		all, err := w.signon.Sessions(w.ctx, c.who)
		w.must(err)
		if got := slices.ContainsFunc(all, func(s signon.Session) bool { return s.ID == c.id }); got != c.want {
			t.Errorf("%s: %s", c.who, c.why)
		}
	}

	w.later(time.Minute)
	if _, err := w.password("uma", ""); !errors.Is(err, signon.ErrForced) {
		t.Errorf("Uma by password: %v", err)
	}
	if _, _, err := w.signon.SignIn(w.ctx, signon.Attempt{Email: "uma@corp.example", Password: "wrong", Address: netip.MustParseAddr("198.51.100.7")}); !errors.Is(err, signon.ErrWrong) {
		t.Errorf("who does not know the password learns %v", err)
	}
	w.must(func() error { _, err := w.in(p, claims("uma@corp.example")); return err }())
	s, err := w.password("ann", code())
	w.must(err)
	if !w.may(s, a, access.Write) || !slices.Contains(w.mails, "ann@corp.example") || !slices.Contains(w.mails, "both@corp.example") {
		t.Errorf("break-glass: %+v, mails to %v", s, w.mails)
	}
	s, err = w.password("both", "") // elsewhere it counts, in A not
	w.must(err)
	if w.may(s, a, access.Read) || !w.may(s, b, access.Write) {
		t.Errorf("who has a role in B got into A by a password: %+v", s)
	}

	t.Run("the last break-glass person stays", func(t *testing.T) {
		w.later(time.Minute)
		s, err := w.password("ann", code())
		w.must(err)
		creds, err := w.signon.Of(w.ctx, "ann")
		w.must(err)
		i := slices.IndexFunc(creds, func(c signon.Credential) bool { return c.Kind == signon.TOTP })
		if err := w.signon.Drop(w.ctx, s, creds[i].ID); e911.KindOf(err) != e911.Conflict {
			t.Errorf("her codes: %v", err)
		}
		_, has, err := w.members.Of(w.ctx, "ann")
		w.must(err)
		if err := w.members.Take(w.ctx, "both", has[0].ID, "ann"); e911.KindOf(err) != e911.Conflict {
			t.Errorf("her role: %v", err)
		}
		fault(force(true), "missing")
	})
	t.Run("the only provider stays", func(t *testing.T) {
		if err := w.Delete(w.ctx, "ann", a, "idp", 0); e911.KindOf(err) != e911.Conflict {
			t.Errorf("deleted: %v", err)
		}
		now, err := w.Get(w.ctx, a, "idp")
		w.must(err)
		now.Disabled = true
		if _, err := w.Save(w.ctx, "ann", now, false); e911.KindOf(err) != e911.Conflict {
			t.Errorf("switched off: %v", err)
		}
		now.Disabled, now.OIDC.Issuer = false, "https://broken.example"
		if _, err := w.Save(w.ctx, "ann", now, false); e911.KindOf(err) != e911.Conflict {
			t.Errorf("another issuer that nobody has signed in by: %v", err)
		}
	})
	t.Run("the operator lets passwords in again", func(t *testing.T) {
		w.must(func() error { _, err := w.Unforce(w.ctx, "operator", a); return err }())
		w.must(func() error { _, err := w.password("uma", ""); return err }())
	})
}

// Proves: C-60a (secrets go in and never come out)
func TestSecretsAreNotShown(t *testing.T) {
	w := newTown(t)
	p := w.provider(a, func(p *federation.Provider) { p.OIDC.ClientSecret = "hush" })
	stored := func() e911.Secret {
		var out e911.Secret
		w.must(w.store.ReadFederation(w.ctx, func(tx federation.Tx) error {
			got, err := tx.Provider(w.ctx, p.ID)
			out = got.OIDC.ClientSecret
			return err
		}))
		return out
	}
	shown, err := w.Get(w.ctx, a, "idp")
	w.must(err)
	if p.OIDC.ClientSecret != "" || shown.OIDC.ClientSecret != "" || stored() != "hush" {
		t.Errorf("shown %v, stored %v", shown.OIDC, stored())
	}
	shown.Name = "Other"
	shown, err = w.Save(w.ctx, "ann", shown, false)
	w.must(err)
	if stored() != "hush" {
		t.Error("a change without the secret lost it")
	}
	shown.OIDC.Issuer = "https://evil.example" // would be handed the secret
	_, err = w.Save(w.ctx, "ann", shown, false)
	w.must(err)
	if stored() != "" {
		t.Error("the secret goes to another address")
	}
	if _, err := w.Save(w.ctx, "bob", federation.Provider{ID: p.ID, Version: 3, Org: b, Key: "x", Via: federation.ViaOIDC, Name: "x", OIDC: &federation.OIDC{}}, false); e911.KindOf(err) != e911.NotFound {
		t.Errorf("B changes A's provider: %v", err)
	}
}
