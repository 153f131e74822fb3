package edit_test

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// September 2020, in a form on the screen: the last PSAP that serves a building
// cannot be deleted, while another may.
//
// Proves: E15, F-23
func TestOutageOfSeptember2020ADeletionThatUnroutesABuildingIsRefused(t *testing.T) {
	d := newDesk(t)
	first, last := named(d, &d.PSAPs, "", "psap-suffolk"), named(d, &d.PSAPs, "", "psap-middlesex")
	if err := d.PSAPs.Delete(t.Context(), "ann", "", string(first.Value.ID), first.Version); err != nil {
		t.Fatalf("a PSAP whose area another has too: %v", err)
	}
	err := d.PSAPs.Delete(t.Context(), "ann", "", string(last.Value.ID), last.Version)
	faults := e911.FaultsOf(err)
	if e911.KindOf(err) != e911.Conflict || len(faults) == 0 || !strings.Contains(faults[0].Msg, "would reach the relay centre alone") {
		t.Fatalf("the last one: %v", err)
	}
	if named(d, &d.PSAPs, "", "psap-middlesex").Version != last.Version {
		t.Error("it was changed all the same")
	}
	if _, err := d.Unrouting(""); err == nil {
		t.Error("no reason is a reason")
	}
	forced, err := d.Unrouting("the county merges its centres tonight")
	if err != nil {
		t.Fatal(err)
	}
	if err := forced.PSAPs.Delete(t.Context(), "ann", "", string(last.Value.ID), last.Version); err != nil {
		t.Fatalf("with a reason: %v", err)
	}
	trail, err := d.store.Audit(t.Context(), "", 0, 1)
	if err != nil || len(trail) != 1 || trail[0].Verb != admin.Deleted || trail[0].Who != "ann; unroutes: the county merges its centres tonight" {
		t.Errorf("the audit trail says %+v, %v", trail, err)
	}
}
