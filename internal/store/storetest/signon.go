package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

// testSignOn: credentials come back with their data and belong to their owner;
// sessions are found by hash, listed while they last, and end.
func testSignOn(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(signon.Store), t.Context()
	ann := member.Identity{ID: "i-ann", Email: "ann@example.com", Made: Epoch}
	bob := member.Identity{ID: "i-bob", Email: "bob@example.com", Made: Epoch}
	secret := signon.Credential{ID: "c-1", Identity: ann.ID, Kind: signon.Password, Name: "", Data: []byte("hash \x00\xff"), Made: Epoch}
	key := signon.Credential{ID: "c-2", Identity: ann.ID, Kind: signon.Passkey, Name: "blue key", Data: []byte{1}, Made: Epoch}
	begun := signon.Session{
		ID: "s-1", Identity: ann.ID, Made: Epoch, Seen: Epoch, Expires: Epoch.Add(time.Hour), Address: netip.MustParseAddr("2001:db8::1"), Agent: "Firefox", By: []string{"password", "totp"},
		Hash: []byte{0, 1, 255},
	}
	later := begun
	later.ID, later.Hash, later.Address = "s-2", []byte{2}, netip.Addr{}
	begun.Provider, begun.Bound = "fp-1", "o1"
	later.Without = []e911.OrgID{"o2", "o3"}
	write := func(do func(tx signon.Tx) error) {
		t.Helper()
		if err := st.WriteSignOn(ctx, "test", do); err != nil {
			t.Fatal(err)
		}
	}
	write(func(tx signon.Tx) error {
		for _, do := range []func() error{
			func() error { return tx.CreateIdentity(ctx, ann) }, func() error { return tx.CreateIdentity(ctx, bob) },
			func() error { return tx.PutCredential(ctx, secret) }, func() error { return tx.PutCredential(ctx, key) },
			func() error { return tx.AddSession(ctx, begun) }, func() error { return tx.AddSession(ctx, later) },
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	secret.Data, secret.Used = []byte("another hash"), Epoch.Add(time.Second)
	write(func(tx signon.Tx) error { return tx.PutCredential(ctx, secret) })
	write(func(tx signon.Tx) error {
		return tx.SeeSessions(ctx, map[string]time.Time{"s-1": Epoch.Add(time.Minute), "gone": Epoch})
	})
	begun.Seen = Epoch.Add(time.Minute)
	same := cmpopts.EquateComparable(netip.Addr{})

	err := st.ReadSignOn(ctx, func(tx signon.Tx) error {
		got, err := tx.CredentialsOf(ctx, ann.ID)
		if want := []signon.Credential{secret, key}; err != nil || !cmp.Equal(got, want) {
			t.Errorf("credentials, %v: %s", err, cmp.Diff(want, got))
		}
		if c, err := tx.Credential(ctx, "c-2"); err != nil || !cmp.Equal(c, key) {
			t.Errorf("one credential, %v: %s", err, cmp.Diff(key, c))
		}
		s, err := tx.Session(ctx, begun.Hash)
		if err != nil || !cmp.Equal(s, begun, same) {
			t.Errorf("a session, %v: %s", err, cmp.Diff(begun, s, same))
		}
		if all, err := tx.SessionsOf(ctx, ann.ID, Epoch); err != nil || !cmp.Equal(all, []signon.Session{later, begun}, same) {
			t.Errorf("sessions %v, %v", all, err)
		}
		if all, err := tx.SessionsOf(ctx, ann.ID, Epoch.Add(time.Hour)); err != nil || len(all) != 0 {
			t.Errorf("sessions that expired: %v, %v", all, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.WriteSignOn(ctx, "test", func(tx signon.Tx) error { return tx.DropCredential(ctx, bob.ID, "c-2") }); e911.KindOf(err) != e911.NotFound {
		t.Errorf("Bob took Ann's credential away: %v", err)
	}
	write(func(tx signon.Tx) error { return tx.EndSessions(ctx, bob.ID, nil, true, Epoch) })
	write(func(tx signon.Tx) error { return tx.EndSessions(ctx, ann.ID, []string{"s-2"}, true, Epoch) })
	write(func(tx signon.Tx) error {
		if all, err := tx.SessionsOf(ctx, ann.ID, Epoch); err != nil || len(all) != 1 || all[0].ID != "s-2" {
			t.Errorf("after the others ended: %v, %v", all, err)
		}
		return tx.EndSessions(ctx, ann.ID, []string{"s-2"}, false, Epoch)
	})
	write(func(tx signon.Tx) error {
		if all, err := tx.SessionsOf(ctx, ann.ID, Epoch); err != nil || len(all) != 0 {
			t.Errorf("after all ended: %v, %v", all, err)
		}
		return tx.DropCredential(ctx, ann.ID, "c-2")
	})
}
