package setup_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/layers"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

var epoch = time.Date(2026, 3, 9, 14, 2, 11, 0, time.UTC)

// bench is a service over a store with the example in it, stage none at its sites.
type bench struct {
	*setup.Service
	t      *testing.T
	store  *sqlite.Store
	editor *edit.Editor
	org    e911.OrgID
	now    time.Time
	seq    uint64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: epoch}
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return b.now }
	if b.store, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	im, err := world.New(world.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(examples.Harbor()), `stage: "911"`, `stage: "none"`)
	if _, err := im.Import(t.Context(), "test", "harbor.yaml", []byte(text), world.Options{}); err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	if b.editor, err = edit.New(edit.Config{Store: b.store, Layer: layers.USCountyBoundary, Now: clock}); err != nil {
		t.Fatal(err)
	}
	if b.Service, err = setup.New(setup.Config{Store: b.store, Editor: b.editor, World: b.world, Now: clock}); err != nil {
		t.Fatal(err)
	}
	for o := range b.world().Orgs() {
		b.org = o.ID()
	}
	return b
}

// world is what the store has now.
func (b *bench) world() *snapshot.Snapshot {
	b.t.Helper()
	all, err := b.store.All(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	var changes []snapshot.Change
	for _, r := range all.Rows {
		changes = append(changes, snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value})
	}
	w, err := snapshot.Build(changes, b.now)
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
	return w
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
}

func (b *bench) save(calls ...report.CallRecord) {
	b.t.Helper()
	b.seq++
	b.must(b.store.SaveCalls(b.t.Context(), "n1", b.seq, calls))
}

// site is the status of one site.
func (b *bench) site(key string) setup.SiteStatus {
	b.t.Helper()
	st, err := b.Status(b.t.Context(), b.org, key)
	b.must(err)
	return st.Sites[0]
}

func (b *bench) open(key string) (out []string) {
	b.t.Helper()
	for _, i := range b.site(key).Checklist {
		if !i.Done {
			out = append(out, string(i.Step))
		}
	}
	return out
}

// good is a 933 that was read to its end, of a device in a location of a building.
func (b *bench) good(device, location string) report.CallRecord {
	b.t.Helper()
	r := report.CallRecord{
		ID: e911.NewID[e911.CallID](), Org: b.org, Class: e911.ClassTest933, ArrivedAt: b.now, EndedAt: &b.now, State: report.Ended,
		Spoken: &journal.Spoken{Whole: true},
	}
	o := b.world().Org(b.org)
	for l := range o.Locations() {
		if l.Key == location {
			p, _ := o.Place(l.ID)
			r.Place = &p
		}
	}
	for d := range o.Devices() {
		if d.Key == device {
			r.Device = &journal.Ref{ID: string(d.ID), Key: d.Key}
		}
	}
	return r
}

// From the example with nothing taken to stage 2 at one site, by the use cases alone.
//
// Proves: W-13, W-15, W-17, W-19, W-20, W-23, W-25, W-28, W-29, W-30, N-07, N-08, F-36, F-38
func TestASiteGoesFromNothingToStage2(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	if got := b.open("hq"); !slices.Equal(got, []string{"attended", "acknowledgements", "stage_1", "proofs", "stage_2"}) {
		t.Fatalf("open at first: %v\n%+v", got, b.site("hq").Checklist)
	}
	st, err := b.Status(ctx, b.org)
	b.must(err)
	if st.Banner == "" || st.Compliance != rules.NonCompliant || len(st.Sites) != 2 {
		t.Errorf("banner %q, %s, %d sites", st.Banner, st.Compliance, len(st.Sites))
	}
	_, err = b.TakeStage(ctx, "ann", b.org, "hq", e911.Stage911, "we are in a hurry")
	if faults := e911.FaultsOf(err); e911.KindOf(err) != e911.Invalid || len(faults) != 3 {
		t.Errorf("stage 2 at once: %v %v", err, faults)
	}
	_, err = b.TakeStage(ctx, "ann", b.org, "hq", e911.Stage933, "")
	b.must(err)
	b.must(b.SetDestination(ctx, "ann", b.org, setup.Destination{Key: "guard", Site: "hq", Kind: rules.Screen, Name: "guard's desk", Hours: "always"}))
	if !slices.Contains(b.open("hq"), "attended") {
		t.Error("a destination counts that nobody tested")
	}
	b.must(b.Tested(ctx, "ann", b.org, "guard", "Bo Guard"))
	for _, text := range rules.Acknowledgements() {
		if _, err := b.Acknowledge(ctx, "ann", b.org, setup.Acknowledgement{Text: text, Version: "2025-01"}); e911.KindOf(err) != e911.Invalid {
			t.Errorf("an old version of %s was accepted: %v", text, err)
		}
		a, err := b.Acknowledge(admin.WithTrail(ctx, admin.Trail{Address: "192.0.2.7"}), "ann", b.org, setup.Acknowledgement{Text: text, Version: "2026-11"})
		if err != nil || a.By != "ann" || a.Address != "192.0.2.7" || !a.At.Equal(epoch) {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if got := b.open("hq"); !slices.Equal(got, []string{"proofs", "stage_2"}) {
		t.Fatalf("open before the tests: %v", got)
	}
	half := b.good("sep001122aabbcc", "mill-1-f2-210")
	half.Spoken.Whole = false
	b.save(half, b.good("dock-phone", "mill-2-dock"))
	if got := b.open("hq"); !slices.Contains(got, "proofs") {
		t.Error("a 933 that was hung up on is a proof")
	}
	b.save(b.good("sep001122aabbcc", "mill-1-f2-210"))
	v, err := b.TakeStage(ctx, "ann", b.org, "hq", e911.Stage911, "those at the dock follow")
	b.must(err)
	if v.State != rules.SiteCompliant || v.Goes != "by the E911 path" {
		t.Errorf("%s, %s: %+v", v.State, v.Goes, v.Checklist)
	}
	b.now = b.now.AddDate(0, 0, 31)
	if b.site("hq").State != rules.SiteAlerts {
		t.Error("a test of 31 days ago still counts")
	}
	v, err = b.TakeStage(ctx, "ann", b.org, "hq", e911.StageNone, "")
	if err != nil || v.Override != nil {
		t.Errorf("back: %v, %+v", err, v.Override)
	}
}

// Proves: W-18, W-26
func TestSecretsAreShownOnceAndOverwrittenWithConsentAlone(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	made, err := b.MakeSecret(ctx, "ann", b.org, "telephones, spring")
	b.must(err)
	if len(made.Secret) != 48 || len(made.Live) != 2 {
		t.Errorf("%d characters, live %v", len(made.Secret), made.Live)
	}
	st, err := b.Status(ctx, b.org)
	b.must(err)
	if len(st.Secrets) != 2 || st.Secrets[1].Note != "telephones, spring" || st.Secrets[0].By != "" {
		t.Errorf("%+v", st.Secrets)
	}
	link := setup.Link{CompanyID: "another-id", Secret: "another-secret-0123456789abcdef"}
	if err := b.SetLink(ctx, "ann", b.org, link); e911.KindOf(err) != e911.Conflict || len(e911.FaultsOf(err)) != 2 {
		t.Errorf("a mismatch is told: %v %v", err, e911.FaultsOf(err))
	}
	b.must(b.SetLink(ctx, "ann", b.org, setup.Link{CompanyID: made.CompanyID, Secret: e911.Secret(made.Secret)}))
	link.Agree = true
	b.must(b.SetLink(ctx, "ann", b.org, link))
	st, err = b.Status(ctx, b.org)
	if err != nil || st.CompanyID != "another-id" || len(st.Secrets) != 3 {
		t.Errorf("%v, %s, %+v", err, st.CompanyID, st.Secrets)
	}
	for i, n := range st.Secrets {
		err := b.EndSecret(ctx, "ann", b.org, n.Mark, false)
		if last := i == 2; (e911.KindOf(err) == e911.Conflict) != last || !last && err != nil {
			t.Errorf("secret %d is ended: %v", i, err)
		}
	}
	entries, err := b.store.Audit(ctx, b.org, 0, 1000)
	b.must(err)
	for _, e := range entries {
		if strings.Contains(string(e.After)+string(e.Before), made.Secret) {
			t.Errorf("the audit trail has the secret: %+v", e)
		}
	}
}

// Proves: W-24, N-41, F-24
func TestOptingOutAndSuspendingGoBackToWhatWas(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	if err := b.OptOut(ctx, "ann", b.org, "", " "); e911.KindOf(err) != e911.Invalid {
		t.Errorf("without a reason: %v", err)
	}
	o, err := b.editor.Orgs.Get(ctx, b.org, string(b.org))
	b.must(err)
	o.Value.State = e911.OrgTrial
	_, err = b.editor.Orgs.Update(ctx, "test", o.Value, o.Version)
	b.must(err)
	state := func() e911.OrgState { return b.world().Org(b.org).Config().State }
	b.must(b.OptOut(ctx, "ann", b.org, "", "our carrier does it"))
	if state() != e911.OrgOptedOut || b.site("hq").State != rules.SiteOptedOut {
		t.Errorf("%s, %s", state(), b.site("hq").State)
	}
	if err := b.Suspend(ctx, "op", b.org, "unpaid"); e911.KindOf(err) != e911.Conflict {
		t.Errorf("one that opted out is suspended: %v", err)
	}
	b.must(b.OptIn(ctx, "ann", b.org, ""))
	b.must(b.Suspend(ctx, "op", b.org, "unpaid"))
	if state() != e911.OrgSuspended {
		t.Error(state())
	}
	b.must(b.Resume(ctx, "op", b.org))
	if state() != e911.OrgTrial {
		t.Errorf("it was a trial and is %q", state())
	}
}

// Proves: N-40, N-41, N-43, W-17
func TestUnregisteredCallsOfAMonthAreCountedAndPriced(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	place := &e911.Place{}
	call := func(f func(*report.CallRecord)) report.CallRecord {
		r := report.CallRecord{
			ID: e911.NewID[e911.CallID](), Org: b.org, Class: e911.ClassEmergency, ArrivedAt: epoch, State: report.Ended,
			IdentifiedBy: e911.ByLineNumber, LocatedBy: e911.ByNumber, Place: place,
		}
		f(&r)
		return r
	}
	b.save(
		call(func(*report.CallRecord) {}),
		call(func(r *report.CallRecord) { r.IdentifiedBy = e911.ByTrunkOnly }),
		call(func(r *report.CallRecord) { r.LocatedBy, r.Place, r.Relay = e911.ByNothing, nil, true }),
		call(func(r *report.CallRecord) { r.IdentifiedBy, r.Demonstration = "", true }),
		call(func(r *report.CallRecord) { r.Relay, r.ArrivedAt = true, epoch.AddDate(0, -1, 0) }),
		call(func(r *report.CallRecord) { r.IdentifiedBy, r.State, r.LastAt = "", report.Ringing, b.now }),
	)
	bill, err := b.Charges(ctx, b.org, epoch)
	b.must(err)
	if bill.Calls != 3 || len(bill.Unregistered) != 2 || bill.Amount != 200_00 || bill.Warning != rules.WarnSome || bill.Month != "2026-03" {
		t.Errorf("%+v", bill)
	}
	if s := bill.Surcharges; bill.Users != 3 || len(s) != 2 || s[0].Place != "US-MA-Boston" || s[0].Users != 1 || s[1].Place != "US-MA-Cambridge" || s[1].Users != 2 {
		t.Errorf("%+v", s)
	}
	if len(bill.Lines) != 1 || bill.Total != bill.Amount {
		t.Errorf("without a list of fees: %+v", bill.Lines)
	}
	b.must(b.SetPrices(ctx, "op", b.org, rules.Prices{Currency: "CAD", Call: 5_00, Severe: 1, Users: []rules.Rate{{Place: "US-MA-Boston", Kind: rules.FeeLocal, Name: "municipal", Cents: 3}}}))
	before, err := b.Charges(ctx, b.org, epoch.AddDate(0, -1, 0))
	if err != nil || len(before.Unregistered) != 1 || before.Amount != 5_00 || before.Warning != rules.WarnSevere || before.Total != 5_03 {
		t.Errorf("%+v, %v", before, err)
	}
}
