package setup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

func (b *bench) watched(do func(ctx context.Context, org e911.OrgID, now time.Time) ([]setup.AdminNotice, error), at time.Time) (codes []string, text string) {
	b.t.Helper()
	found, err := do(b.t.Context(), b.org, at)
	b.must(err)
	for _, n := range found {
		codes, text = append(codes, n.Code), text+n.Subject+"\n"+n.Text
	}
	return codes, text
}

// Proves: F-36, F-24
func TestAdministratorsAreToldOnceOfWhatRunsOutAndFallsBack(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.must(b.SetDestination(ctx, "ann", b.org, setup.Destination{Key: "guard", Site: "hq", Kind: rules.Phone, Name: "guard's desk", Hours: "always"}))
	b.must(b.Tested(ctx, "ann", b.org, "guard", "Bo Guard"))
	day := 24 * time.Hour
	for _, c := range []struct {
		name  string
		after time.Duration
		want  string
		says  string
	}{
		{"at first nothing is known of before", 0, "", ""},
		{"eight days before it runs out", 22 * day, "", ""},
		{"a week before", 23*day + time.Hour, setup.SaidRunsOut, "runs out on 2026-04-08"},
		{"a day later, again", 24 * day, "", ""},
		{"when it has run out", 31 * day, setup.SaidFellBack, "is not as far as it was: alerts"},
		{"the day after", 32 * day, "", ""},
	} {
		codes, text := b.watched(b.WatchSites, epoch.Add(c.after))
		if got := strings.Join(codes, " "); got != c.want || !strings.Contains(strings.ToLower(text), c.says) {
			t.Errorf("%s: %q, want %q: %s", c.name, got, c.want, text)
		}
	}
	b.now = epoch.Add(33 * day)
	b.must(b.Tested(ctx, "ann", b.org, "guard", "Bo Guard"))
	if codes, text := b.watched(b.WatchSites, b.now); len(codes) != 0 {
		t.Errorf("a site that is further is told of: %s", text)
	}
	if codes, text := b.watched(b.WatchSites, b.now.Add(31*day)); len(codes) != 1 || !strings.Contains(text, "911 goes ") {
		t.Errorf("it fell back again: %v %s", codes, text)
	}
}

// Proves: N-41
func TestAdministratorsAreWarnedOfUnregisteredCallsOnceAStep(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.must(b.SetPrices(ctx, "op", b.org, rules.Prices{Currency: "CAD", Call: 5_50, WarnAt: 1, Severe: 3}))
	n := 0
	call := func() {
		n++
		b.save(report.CallRecord{
			ID: e911.NewID[e911.CallID](), Org: b.org, Class: e911.ClassEmergency, ArrivedAt: epoch.Add(time.Duration(n) * time.Minute), State: report.Ended,
			LastAt: epoch.Add(time.Duration(n) * time.Minute), Relay: true,
		})
	}
	for i, want := range []string{"", "5.50 CAD", "", "16.50 CAD", ""} {
		if i > 0 && i < 4 {
			call()
		}
		codes, text := b.watched(b.WatchCalls, epoch.Add(time.Hour))
		if (len(codes) == 1) != (want != "") || !strings.Contains(text, want) || strings.Contains(text, "suspend") != (i == 3) {
			t.Errorf("after %d calls: %v %s", n, codes, text)
		}
	}
	if codes, _ := b.watched(b.WatchCalls, epoch.AddDate(0, 1, 0)); len(codes) != 0 {
		t.Errorf("in the month after: %v", codes)
	}
}
