package app

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/signon/saml/samltest"
)

// Administrators are written to once of a key that somebody knows who left, and of
// metadata that ends, whichever node looks, and however often.
//
// Proves: C-60a, E14, N-42
func TestAdministratorsAreToldOnceOfKeysAndOfWhatEnds(t *testing.T) {
	ctx := t.Context()
	now := time.Now().UTC()
	cfg := Default()
	cfg.DataDir, cfg.HELD, cfg.Web, cfg.Mail.Server = t.TempDir(), "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:25"
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:0")}}
	cfg.Mail.From = "callbox@example.com"
	cfg.Now = func() time.Time { return now }
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(context.WithoutCancel(ctx))
	stop()
	defer func() { _ = s.Run(stopped) }()
	st, err := openDatabase(ctx, databaseConfig{Dir: cfg.DataDir, Ring: s.ring, Now: cfg.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.store.p.Store(st)
	defer func() { s.store.p.Store(nil); _ = st.Close() }()
	org := e911.Org{ID: e911.NewID[e911.OrgID](), Key: "mill", Name: "Mill", Demonstration: true}
	key := func(id, by string, of e911.OrgID) error {
		return st.CreateAPIKey(ctx, apikey.Key{
			ID: id, Org: of, Name: "key of " + by, Scopes: []apikey.Scope{apikey.ScopeKeys}, Made: now, By: admin.Actor(by), Version: 1,
			Secrets: []apikey.Secret{{ID: "1", Made: now, By: admin.Actor(by), Hash: []byte{1}}},
		})
	}
	err = errors.Join(
		st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, org); return err }),
		st.WriteMembers(ctx, "test", func(tx member.Tx) error {
			var all []error
			for _, x := range []struct {
				id   string
				role access.Role
				at   access.Node
			}{{"root", access.Provider, access.Node{}}, {"ann", access.Organisation, access.Node{Org: string(org.ID)}}, {"bob", access.Organisation, access.Node{Org: string(org.ID)}}} {
				all = append(all, tx.CreateIdentity(ctx, member.Identity{ID: x.id, Email: x.id + "@example.com", Name: x.id, Made: now}),
					tx.AddGrant(ctx, member.Grant{Grant: access.Grant{ID: e911.NewID[string](), Identity: x.id, Role: x.role, At: x.at}, Made: now}))
			}
			return errors.Join(all...)
		}),
		key("00000000000000a1", "bob", org.ID), key("00000000000000a2", "ann", org.ID), key("00000000000000a3", "bob", ""),
	)
	if err != nil {
		t.Fatal(err)
	}
	letters := func() (out []letter) {
		for {
			select {
			case l := <-s.access.letters:
				out = append(out, l)
			default:
				return out
			}
		}
	}
	s.lookAtKeys(ctx)
	if got := letters(); len(got) != 1 || got[0].to != "root@example.com" || !strings.Contains(got[0].text, "key of bob (00000000000000a3)") {
		t.Errorf("an administrator of an organisation never could make the operator's key: %+v", got) // a3 alone
	}
	if err := s.access.members.Disable(ctx, "root", "bob", true); err != nil {
		t.Fatal(err)
	}
	s.lookAtKeys(ctx)
	got := letters()
	if len(got) != 1 || got[0].to != "ann@example.com" || !strings.Contains(got[0].subject, "bob@example.com") ||
		!strings.Contains(got[0].text, "may not sign in any more") || !strings.Contains(got[0].text, "00000000000000a1") || strings.Contains(got[0].text, "a2") {
		t.Errorf("told of a key that bob knows: %+v", got)
	}
	s.lookAtKeys(ctx)
	if got := letters(); len(got) != 0 {
		t.Errorf("told again: %+v", got)
	}

	idp := samltest.New(t) // its metadata counts for two days
	p, err := s.access.providers.desk.Save(ctx, "test", federation.Provider{
		Key: "staff", Via: federation.ViaSAML, Name: "Staff", Domains: []string{"ops.example"}, SAML: &federation.SAML{MetadataURL: idp.MetadataURL()},
	}, true)
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	var told []string
	for range 2 { // a week's notice at once, and no more of it
		s.lookAtProviders(ctx)
		for _, l := range letters() {
			if l.to != "root@example.com" {
				t.Errorf("to %s", l.to)
			}
			told = append(told, l.subject)
		}
	}
	for range 4 {
		now = now.Add(24 * time.Hour)
		s.lookAtProviders(ctx)
		for _, l := range letters() {
			told = append(told, l.subject)
		}
	}
	var blocked int
	for _, text := range told {
		if strings.Contains(text, "provider Staff") {
			blocked++
		}
	}
	if blocked < 3 {
		t.Errorf("ahead, the day before, and when it has ended: %q", told)
	}
	if _, err := s.access.providers.desk.Begin(ctx, p.ID, ""); e911.KindOf(err) != e911.Invalid || !strings.Contains(err.Error(), "was valid until") {
		t.Errorf("after its end: %v", err)
	}
}
