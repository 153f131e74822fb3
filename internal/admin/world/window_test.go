package world_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: F-08, D-10
func TestTheCallbackWindowOfASite(t *testing.T) {
	b := newBench(t)
	text := strings.Replace(issueShape, `ecbn: "+16175550100"`, "ecbn: \"+16175550100\"\n        callback_window: 240", 1)
	b.must(text)
	if rep := b.must(text); rep.Changes() != 0 {
		t.Errorf("the same file changes %+v", rep.Counts)
	}
	err := b.st.Read(t.Context(), func(r admin.Reader) error {
		orgs, err := r.Orgs(t.Context())
		if err != nil {
			return err
		}
		sites, err := r.List(t.Context(), admin.Query{Kind: e911.KindSite, Org: orgs[0].ID})
		if err != nil || len(sites) != 1 || sites[0].Value.(e911.Site).CallbackWindow != 240 {
			t.Errorf("sites %+v, %v", sites, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"9", "1441", "-1", "long"} {
		_, err := b.run(strings.Replace(text, "callback_window: 240", "callback_window: "+bad, 1), world.Options{})
		if err == nil || !strings.Contains(err.Error(), "callback_window") {
			t.Errorf("%s minutes: %v", bad, err)
		}
	}
}
