package world_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// September 2020: a configuration error was pushed, and seven states lost 911 for
// an hour. A file after which places reach nobody, or the relay centre alone, is
// refused whole, with each of them; the last good world stays.
//
// Proves: E15, F-23, D-07
func TestOutageOfSeptember2020AFileThatUnroutesARegionIsRefused(t *testing.T) {
	middlesex := "      routes: [{trunk: carrier-a}, {trunk: carrier-b}]\n"
	for _, c := range []struct {
		name   string
		change func(t *testing.T, text string) string
		want   []string // what would be lost, in part
	}{
		{"nothing of the ways is changed", func(t *testing.T, s string) string { return edit(t, s, "Mill", "The Mill") }, nil},
		{"one route of two goes", func(t *testing.T, s string) string {
			return edit(t, s, middlesex, "      routes: [{trunk: carrier-b}]\n")
		}, nil},
		{"the PSAP goes", func(t *testing.T, s string) string {
			from, to := strings.Index(s, "    - key: psap-middlesex"), strings.Index(s, "    - key: psap-suffolk")
			return s[:from] + s[to:]
		}, []string{
			"would reach the relay centre alone; today they reach Middlesex (demonstration) by carrier-a",
		}},
		{"its boundary is moved to another county", func(t *testing.T, s string) string {
			return edit(t, s, `us_county: "25017"`, `us_county: "25003"`)
		}, []string{
			"would reach the relay centre alone; today they reach Middlesex (demonstration) by carrier-a",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.must(harbor())
			before := b.stored()
			text := c.change(t, harbor())
			for _, dry := range []bool{true, false} {
				_, err := b.run(text, world.Options{DryRun: dry})
				got := unroutedIn(err)
				switch {
				case len(c.want) == 0 && err != nil:
					t.Errorf("refused, dry %v: %v", dry, e911.FaultsOf(err))
				case len(c.want) > 0 && len(got) == 0:
					t.Errorf("taken, dry %v: %v", dry, err)
				}
				for _, want := range c.want {
					if !strings.Contains(strings.Join(got, "\n"), want) {
						t.Errorf("dry %v: the refusal does not say %q:\n%s", dry, want, strings.Join(got, "\n"))
					}
				}
				if len(c.want) > 0 {
					if diff := cmp.Diff(before, b.stored()); diff != "" {
						t.Errorf("the stored world was changed (-before +after):\n%s", diff)
					}
				}
			}
		})
	}
}

func unroutedIn(err error) (list []string) {
	for _, f := range e911.FaultsOf(err) {
		if f.Code == layer.CodeUnrouted {
			list = append(list, f.Msg+" "+f.Fix)
		}
	}
	return list
}

// With a reason it is done, what is lost is in the report, and the audit trail
// keeps the reason.
//
// Proves: E15
func TestAReasonUnroutesAndIsKept(t *testing.T) {
	b := newBench(t)
	b.must(harbor())
	text := edit(t, harbor(), `us_county: "25017"`, `us_county: "25003"`)
	const reason = "Middlesex moves to its new carrier tonight, agreed with the PSAP"
	rep, err := b.run(text, world.Options{Unroute: reason})
	if err != nil {
		t.Fatalf("with a reason: %v", e911.FaultsOf(err))
	}
	if len(rep.Unrouted) == 0 {
		t.Error("the report does not say what is unrouted")
	}
	kept := false
	trail, auditErr := b.st.Audit(context.Background(), "", 0, admin.MaxPage)
	for _, e := range trail {
		kept = kept || strings.HasSuffix(string(e.Who), "; unroutes: "+reason)
	}
	if !kept || auditErr != nil {
		t.Errorf("the reason is not kept: %v", auditErr)
	}
	if _, err := b.run(text, world.Options{Unroute: "two\nlines"}); err == nil {
		t.Error("a reason of two lines was taken")
	}
}
