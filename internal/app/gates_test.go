package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/rules/ladder"
	"github.com/callbox911/callbox/internal/rules/lint"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
)

// gates is a whole server with a PSAP, a relay centre and the gateway of a site
// behind real sockets, and a telephone that dials 911.
type gates struct {
	*asked
	org   e911.OrgID
	site  e911.SiteID
	pstn  e911.TrunkID
	token string
	seen  map[e911.CallID]bool
	calls int
}

func newGates(ctx context.Context, t *testing.T) *gates {
	t.Helper()
	g := &gates{asked: newAsked(ctx, t), seen: map[e911.CallID]bool{}}
	var wg sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	t.Cleanup(func() { stop(); wg.Wait() })
	answering := func(addr string) string {
		p, err := psap.New(psap.Config{Listen: netip.MustParseAddrPort(addr)})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { _ = p.Run(running) })
		return p.Addr().String()
	}
	relay, gateway := answering("127.0.41.23:0"), answering("127.0.41.31:0")
	g.importWorld("127.0.0.23:5071", relay, "127.0.0.23/32", "127.0.41.23/32",
		"      - {key: pbx, side: platform", `      - {key: pstn, side: local, kind: local, profile: plain, to: "sip:gw@`+gateway+`;transport=tcp", from: [127.0.41.31/32], dr_from: []}`+
			"\n      - {key: pbx, side: platform")
	g.org = orgWithKey(g.s, demoOrg)
	o := g.s.holder.Load().Org(g.org)
	for v := range o.Sites() {
		if v.Key == "hq" {
			g.site = v.ID
		}
	}
	for v := range o.Trunks() {
		if v.Key == "pstn" {
			g.pstn = v.ID
		}
	}
	g.token = g.locate(g.desk).URI
	return g
}

func (g *gates) setup() *setup.Service {
	g.t.Helper()
	svc, err := g.s.setupDesk()
	if err != nil {
		g.t.Fatal(err)
	}
	return svc
}

func (g *gates) publish(err error) {
	g.t.Helper()
	if err := g.s.published(g.ctx, err); err != nil {
		g.t.Fatal(err, e911.FaultsOf(err))
	}
}

// stand puts organisation and site into a state.
func (g *gates) stand(state e911.OrgState, stage e911.Stage, own bool) {
	g.t.Helper()
	editor := g.s.store.desk.Load().staging // a state is put here that the set-up would not take
	o, err := editor.Orgs.Get(g.ctx, g.org, string(g.org))
	if err == nil {
		o.Value.State = state
		_, err = editor.Orgs.Update(g.ctx, "test", o.Value, o.Version)
	}
	if err != nil {
		g.t.Fatal(err, e911.FaultsOf(err))
	}
	v, err := editor.Sites.Get(g.ctx, g.org, string(g.site))
	if err == nil {
		v.Value.Stage, v.Value.Local = stage, nil
		if own {
			v.Value.Local = []e911.TrunkID{g.pstn}
		}
		_, err = editor.Sites.Update(g.ctx, "test", v.Value, v.Version)
	}
	g.publish(err)
}

// dial dials a number, waits until somebody answers, hangs up and gives the record
// and the key of the trunk that the call went by.
func (g *gates) dial(number string) (report.CallRecord, string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, 15*time.Second)
	defer cancel()
	call, err := g.desk.Dial(ctx, phone.Dialling{Number: number, Location: g.token})
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		g.t.Errorf("%s reached nobody: %v", number, err)
		return report.CallRecord{}, ""
	}
	if err := call.Hangup(); err != nil {
		g.t.Fatal(err)
	}
	g.calls++
	var out report.CallRecord
	err = waitFor(ctx, 10*time.Second, "the record", func() bool {
		for _, r := range g.s.board.Calls(g.org) {
			if r.State == report.Ended && !g.seen[r.ID] {
				out = r
				return true
			}
		}
		return false
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.seen[out.ID] = true
	for _, a := range out.Attempts {
		if a.State == report.AttemptAnswered {
			return out, a.Trunk.Key
		}
	}
	return out, ""
}

// Every state of an organisation and stage of a site, with a trunk of the site's own
// and without, on a whole server over real sockets: 911 is answered each time, by
// the path that the gate says, and flagged as what it is.
//
// Proves: E1, F-24, W-24, W-29, W-30, N-02, N-41, P-15
func TestEveryGateOnAWholeServerLets911Through(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	g := newGates(ctx, t)
	for _, state := range append(e911.OrgStates(), "") {
		for _, stage := range []e911.Stage{e911.StageNone, e911.Stage933, e911.Stage911} {
			for _, own := range []bool{false, true} {
				g.stand(state, stage, own)
				name := fmt.Sprintf("organisation %q, stage %s, own trunk %v", state, stage, own)
				r, by := g.dial("911")
				closed := !state.Live() || stage != e911.Stage911
				want, flag := "carrier-a", ""
				switch {
				case closed && own:
					want, flag = "pstn", emergency.FlagSitePath
				case closed:
					flag = ladder.FlagNotSetUp
				}
				if by != want {
					t.Errorf("%s: 911 went by %q, want %q", name, by, want)
				}
				for _, f := range []string{emergency.FlagSitePath, ladder.FlagNotSetUp} {
					if slices.Contains(r.Flags, f) != (f == flag) {
						t.Errorf("%s: flags %v, want %q alone of those of gates", name, r.Flags, flag)
					}
				}
			}
		}
	}
	t.Logf("%d calls", g.calls)
}

// What the set-up machine itself closes, one after the other, and 911 after each.
//
// Proves: F-24, W-12, W-20, W-24, W-30, W-45, N-07, N-08, N-41, N-48, F-36, C-48
func TestWhatTheSetUpClosesClosesNoCall(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	g := newGates(ctx, t)
	g.stand("", e911.Stage911, true)
	svc, yesterday := g.setup(), g.clock().Add(-24*time.Hour)
	for _, c := range []struct {
		name string
		do   func() error
		by   string
	}{
		{"nothing is accepted, nobody attends, no 933 was made", func() error { return nil }, "carrier-a"},
		{"the licence has ended", func() error {
			return svc.SetLicence(ctx, "test", g.org, setup.Licence{Country: "US", Until: yesterday})
		}, "carrier-a"},
		{"the last secret is ended", func() error {
			st, err := svc.Status(ctx, g.org)
			if err == nil {
				err = svc.EndSecret(ctx, "test", g.org, st.Secrets[0].Mark, true)
			}
			return err
		}, "carrier-a"},
		{"a site is refused stage 911", func() error {
			refused, err := svc.Refuse(ctx, g.org, []e911.Site{{ID: g.site, Org: g.org, Key: "hq", Stage: e911.Stage911}})
			if err == nil && len(refused[0]) == 0 {
				t.Error("nothing keeps the site from stage 911")
			}
			return err
		}, "carrier-a"},
		{"the dial plan has findings", func() error {
			editor, err := g.s.editor()
			if err == nil {
				_, err = editor.Users.Create(ctx, "test", e911.User{Org: g.org, Site: g.site, Key: "eleven", Name: "Eleven", DeviceUserID: "11"})
			}
			g.publish(err)
			found, err := svc.Lint(ctx, g.org, "")
			if err == nil && !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Code == "outside_digit" }) {
				t.Errorf("nothing is found: %+v", found)
			}
			return err
		}, "carrier-a"},
		{"nobody can dial out, it is said", func() error { return svc.SetUse(ctx, "test", g.org, false, false) }, "carrier-a"},
		{"sign-on is forced, and nobody could sign on", func() error {
			return g.s.store.get().WriteFederation(ctx, "test", func(tx federation.Tx) error {
				return second(tx.PutPolicy(ctx, federation.Policy{Org: g.org, Force: true}))
			})
		}, "carrier-a"},
		{"nobody is a member any more", func() error {
			return g.s.store.get().WriteMembers(ctx, "test", func(tx member.Tx) error {
				all, err := tx.GrantsIn(ctx, g.org)
				for _, m := range all {
					err = errors.Join(err, tx.RemoveGrant(ctx, m.ID))
				}
				return err
			})
		}, "carrier-a"},
		{"who calls did not accept the text for users", func() error {
			u, ok := g.s.holder.Load().Org(g.org).UserByDeviceUserID("agent4711")
			if !ok {
				t.Error("the telephone is nobody's")
			}
			accepted, err := svc.UserAccepted(ctx, g.org, u.ID)
			if accepted {
				t.Error("the text is accepted")
			}
			return err
		}, "carrier-a"},
		{"back to stage 1", func() error { return second(svc.TakeStage(ctx, "test", g.org, "hq", e911.Stage933, "")) }, "pstn"},
		{"back to no stage", func() error { return second(svc.TakeStage(ctx, "test", g.org, "hq", e911.StageNone, "")) }, "pstn"},
		{"the site opts out", func() error { return svc.OptOut(ctx, "test", g.org, "hq", "the carrier does it") }, "pstn"},
		{"and in", func() error { return svc.OptIn(ctx, "test", g.org, "hq") }, "pstn"},
		{"the organisation is suspended", func() error { return svc.Suspend(ctx, "test", g.org, "unregistered calls are not paid") }, "pstn"},
		{"and resumed", func() error { return svc.Resume(ctx, "test", g.org) }, "pstn"},
		{"the organisation opts out", func() error { return svc.OptOut(ctx, "test", g.org, "", "the carrier does it") }, "pstn"},
	} {
		g.publish(c.do())
		if _, by := g.dial("911"); by != c.by {
			t.Errorf("%s: 911 went by %q, want %q", c.name, by, c.by)
		}
		if c.name == "the organisation is suspended" {
			g.crisis()
		}
	}
	if f := svc.OptOut(ctx, "test", g.org, "", "again"); e911.KindOf(f) != e911.Conflict {
		t.Errorf("it opts out twice: %v", f)
	}
}

// crisis dials 988 until the site's gateway answers. Nothing is recorded of it (W-12).
func (g *gates) crisis() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.ctx, 15*time.Second)
	defer cancel()
	call, err := g.desk.Dial(ctx, phone.Dialling{Number: "988"})
	if err == nil {
		_, err = call.WaitAnswer(ctx)
	}
	if err == nil {
		err = call.Hangup()
	}
	if err != nil {
		g.t.Errorf("988 reached nobody: %v", err)
	}
}

func second[A any](_ A, err error) error { return err }

// A world that is taken down kind by kind, to what is there before the first step
// of the checklist is done: 911 is answered after each, in a live organisation and
// in one that is behind a gate.
//
// Proves: E1, F-24, W-13, W-28
func TestAHalfConfiguredOrganisationDials911(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	g := newGates(ctx, t)
	st := g.s.store.get()
	var told []string
	for _, kind := range []e911.ObjectKind{
		"", e911.KindAlert, e911.KindElement, e911.KindNumber, e911.KindDevice, e911.KindUser, e911.KindLocation, e911.KindBuilding, e911.KindSite,
	} {
		if kind != "" {
			g.publish(st.Write(ctx, "test", func(w admin.Writer) error {
				all, err := w.List(ctx, admin.Query{Kind: kind, Org: g.org})
				if err != nil {
					return err
				}
				return w.DeleteAll(ctx, all)
			}))
		}
		for _, own := range []bool{false, true} {
			for _, stage := range []e911.Stage{e911.StageNone, e911.Stage911} {
				if kind == e911.KindSite {
					if own || stage == e911.Stage911 {
						continue
					}
				} else {
					g.stand("", stage, own)
				}
				r, by := g.dial("911")
				if by == "" {
					t.Errorf("without %s: nobody answered: %+v", kind, r.Attempts)
				}
				told = append(told, fmt.Sprintf("without %-16s own trunk %-5v stage %-4s by %-9s %s", kind, own, stage, by, strings.Join(r.Flags, " ")))
			}
		}
	}
	t.Log("\n" + strings.Join(told, "\n"))
}
