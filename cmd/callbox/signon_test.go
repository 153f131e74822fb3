package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/signon/oidc/fakeidp"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var update = flag.Bool("update", false, "write transcripts into testdata; read the difference as a specification")

// shell runs commands as main does, in this process, and writes down what they say.
type shell struct {
	t    *testing.T
	data string
	said bytes.Buffer
	mask []string // what a run has, and what stands for it in a transcript
}

func (s *shell) run(line ...string) {
	s.t.Helper()
	fmt.Fprintf(&s.said, "$ callbox %s\n", strings.Join(line, " "))
	var c cli
	parser, err := kong.New(&c, kong.Name("callbox"), kong.Vars{"scopes": scopeHelp()})
	if err != nil {
		s.t.Fatal(err)
	}
	parsed, err := parser.Parse(append(line, "--data", s.data))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := parsed.Run(&env{ctx: s.t.Context(), log: slog.New(slog.DiscardHandler), stdout: &s.said, stderr: &s.said}); err != nil {
		fmt.Fprintf(&s.said, "callbox: %v\nexit %d\n", err, exitCode(err))
	}
}

var anID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func (s *shell) transcript() string {
	return anID.ReplaceAllString(strings.NewReplacer(s.mask...).Replace(s.said.String()), "ID")
}

// file is a description that a command reads.
func (s *shell) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.mask = append(s.mask, path, name)
	return path
}

// signOnTown is a data directory with one organisation: Ann administers it and has a
// complete proof, Bob has a password alone, and both sign in by a provider whose
// domain nobody has confirmed.
func signOnTown(t *testing.T) string {
	t.Helper()
	dir, ctx := t.TempDir(), t.Context()
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(filepath.Join(dir, "callbox.db"), ring, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	org := e911.Org{ID: e911.NewID[e911.OrgID](), Key: "mill", Name: "Mill", Demonstration: true}
	at, used := access.Node{Org: string(org.ID)}, time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	old := federation.Provider{ID: e911.NewID[string](), Org: org.ID, Key: "old", Via: federation.ViaOIDC, Name: "Old", Domains: []string{"old.example"}, OIDC: &federation.OIDC{Issuer: "https://login.old.example", ClientID: "callbox", ClientSecret: "hush"}}
	person := func(ctx context.Context, tx member.Tx, id string) error {
		return errors.Join(tx.CreateIdentity(ctx, member.Identity{ID: id, Email: id + "@old.example", Name: id, Made: used}),
			tx.AddGrant(ctx, member.Grant{Grant: access.Grant{ID: e911.NewID[string](), Identity: id, Role: access.Organisation, At: at}, Made: used}))
	}
	err = errors.Join(
		st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, org); return err }),
		st.WriteFederation(ctx, "test", func(tx federation.Tx) error {
			_, err := tx.PutProvider(ctx, old)
			return errors.Join(
				person(ctx, tx, "ann"), person(ctx, tx, "bob"),
				tx.PutCredential(ctx, signon.Credential{ID: "p1", Identity: "ann", Kind: signon.Password, Data: []byte("x"), Made: used}),
				tx.PutCredential(ctx, signon.Credential{ID: "t1", Identity: "ann", Kind: signon.TOTP, Data: []byte("x"), Made: used}),
				tx.PutCredential(ctx, signon.Credential{ID: "p2", Identity: "bob", Kind: signon.Password, Data: []byte("x"), Made: used}),
				err,
			)
		}),
		st.WriteFederation(ctx, "test", func(tx federation.Tx) error {
			return errors.Join(tx.PutIdentityLink(ctx, federation.Link{Provider: old.ID, Subject: "s1", Identity: "ann", Made: used, Used: used}), tx.Prove(ctx, old.ID, used))
		}),
		st.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// serve runs a server over a data directory until the test ends, and returns once it
// answers what the command line asks.
func serve(t *testing.T, dir string) {
	t.Helper()
	free := netip.MustParseAddrPort("127.0.0.1:0")
	cfg := app.Default()
	cfg.DataDir, cfg.HELD, cfg.Web = dir, "127.0.0.1:0", "127.0.0.1:0"
	cfg.SIP = []sipedge.Listener{{Network: "udp", Addr: free}}
	s, err := app.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	ready := func() bool {
		_, err := app.AskSignOn(t.Context(), dir, app.SignOnRequest{Do: "list", Org: "mill"}, cfg.Log)
		return err == nil
	}
	tick, late := time.NewTicker(20*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the server does not answer")
		}
	}
}

// The operator adds, looks at, tests, confirms, forces and forgets identity providers:
// in one transcript, whether a server runs or the database is opened.
//
// Proves: C-60a, D-14, D-12
func TestIdentityProvidersOnTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		name   string
		served bool
	}{{"asks the running server", true}, {"opens the database", false}} {
		t.Run(c.name, func(t *testing.T) {
			s := &shell{t: t, data: signOnTown(t)}
			idp := fakeidp.New(t, time.Now, nil)
			s.mask = append(s.mask, idp.URL, "https://login.mill.example")
			if c.served {
				serve(t, s.data)
			}
			s.signOn(idp.URL)
			golden := filepath.Join("testdata", "sso.txt")
			got := s.transcript()
			if strings.Contains(got, "hush") {
				t.Error("a client secret is told")
			}
			if *update && !c.served {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the transcript has changed (-update writes it):\n%s", diff)
			}
		})
	}
}

func (s *shell) signOn(issuer string) {
	corporate := s.file("corporate.json", `{"key": "corporate", "protocol": "oidc", "name": "Mill", "domains": ["mill.example"],
		"oidc": {"issuer": "`+issuer+`", "client_id": "callbox", "client_secret": "hush"}, "roles": [{"group": "guards", "role": "security_desk"}]}`)
	org := func(line ...string) { s.run(append(append([]string{"sso"}, line...), "--org", "mill")...) }
	org("list")
	org("save", s.file("misspelt.json", `{"key": "corporate", "protocl": "oidc"}`))
	org("save", s.file("cut.json", `{"key": "corp`))
	org("save", s.file("bare.json", `{"key": "Two words", "protocol": "oidc", "oidc": {"issuer": "http://login.mill.example"}}`))
	org("save", corporate)
	org("list")
	org("show", "corporate")
	org("show", "nobody")
	org("test", "corporate")
	org("test", "nobody")
	org("confirm", "old")
	org("unlink", "old", "ann@old.example")
	org("unlink", "old", "ann@old.example")

	org("force")
	org("force", "on")
	org("force", "on", "--break-glass", "bob@old.example")
	org("force", "on", "--break-glass", "typo@old.example")
	org("force", "on", "--break-glass", "ann@old.example")
	org("force", "show", "--json")
	org("delete", "old")
	org("force", "off")
	org("delete", "old")
	org("list")

	s.run("sso", "save", "--operator", corporate)
	staff := s.file("staff.json", `{"key": "staff", "protocol": "oidc", "name": "Our staff", "domains": ["ops.example"], "oidc": {"issuer": "`+issuer+`", "client_id": "callbox"}}`)
	s.run("sso", "save", "--operator", staff)
	s.run("sso", "list", "--operator")
	s.run("sso", "test", "--operator", "staff")
	s.run("sso", "force", "on", "--operator")
	org("show", "staff")
	s.run("sso", "delete", "--operator", "staff")
	s.run("sso", "list", "--operator", "--json")
	s.run("sso", "list", "--org", "quay")
}
