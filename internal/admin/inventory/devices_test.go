package inventory_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Proves: W-47, W-49
func TestDevicesAreComparedWithWhatWasSeen(t *testing.T) {
	now := epoch.Add(30 * 24 * time.Hour)
	st := newMemory()
	keep := func(d inventory.Device) {
		d.Org = harbor
		st.devices[inventory.ID{Org: harbor, Device: d.Device}] = d
	}
	says := func(model, firmware string) []journal.Named {
		return []journal.Named{{Name: "deviceModel", Value: model}, {Name: "swVersion", Value: firmware}}
	}
	recent := now.Add(-time.Hour)
	keep(inventory.Device{Device: "d1", Known: true, Via: "held", First: epoch, Last: recent, Asked: recent, By: e911.ByLLDPPort, Location: "room-210", Place: "Mill, 210", EvidenceAt: recent, Says: says("CP-8851", "12.0"), User: "u1"})
	keep(inventory.Device{Device: "d2", Known: true, Via: "platform", First: epoch, Last: now.Add(-9 * 24 * time.Hour), By: e911.ByNothing, Says: says("CP-8851", "11.0")})
	keep(inventory.Device{Device: "d3", Known: true, Via: "held", Last: recent, Asked: recent, By: e911.ByNothing, Says: says("CP-8851", "12.0")})
	keep(inventory.Device{Device: "d4", User: "u1"}) // only signed in
	keep(inventory.Device{Device: "mac:00:11:22:33:44:55", Via: "held", Last: recent, Asked: recent, By: e911.ByNothing, UnmappedAt: recent})
	live := []inventory.Device{{Org: harbor, Device: "d5", Known: true, Via: "heldplus", Last: now, Asked: now, By: e911.ByBSSID, Location: "lobby", EvidenceAt: now}}

	inv, err := inventory.Devices(t.Context(), st, worldNow(t).Load(), inventory.Question{Org: harbor, Now: now, Live: slices.Values(live)})
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Capability e911.Capability
		Location   string
		Flags      []inventory.Flag
	}
	got := map[string]seen{}
	for _, r := range inv.Devices {
		got[r.Device] = seen{r.Capability, r.Location, r.Flags}
	}
	want := map[string]seen{
		"d1":                    {"held", "room-210", []inventory.Flag{}},
		"d2":                    {"none", "", []inventory.Flag{inventory.FlagUnmapped, inventory.FlagStale}},
		"d3":                    {"none", "", []inventory.Flag{inventory.FlagModelDiffers, inventory.FlagUnmapped}},
		"d4":                    {"", "", []inventory.Flag{inventory.FlagNoModel, inventory.FlagNeverSeen}},
		"d5":                    {"held", "lobby", []inventory.Flag{}},
		"mac:00:11:22:33:44:55": {"held", "", []inventory.Flag{inventory.FlagUnknown, inventory.FlagUnmapped}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("devices (-want +got)\n%s", diff)
	}
	if inv.Configured != 5 || inv.Seen != 5 || inv.Counts[inventory.FlagUnmapped] != 3 {
		t.Errorf("counts = %d configured, %d seen, %v", inv.Configured, inv.Seen, inv.Counts)
	}

	// Until its first request, and only then, a capable device is pending.
	delete(st.devices, inventory.ID{Org: harbor, Device: "d1"})
	inv, err = inventory.Devices(t.Context(), st, worldNow(t).Load(), inventory.Question{Org: harbor, Now: now, Filter: inventory.FlagPending})
	if err != nil || len(inv.Devices) != 2 || inv.Devices[0].Device != "d1" || inv.Devices[1].Device != "d5" {
		t.Errorf("pending = %+v, %v; want d1 and d5", inv.Devices, err)
	}
	if _, err := inventory.Devices(t.Context(), st, worldNow(t).Load(), inventory.Question{Org: "quay", Now: now}); e911.KindOf(err) != e911.NotFound {
		t.Errorf("another organisation: %v", err)
	}
}

func FuzzParseFlag(f *testing.F) {
	f.Add("never-seen")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		flag, err := inventory.ParseFlag(s)
		if err == nil && flag != "" && !slices.Contains(inventory.Flags(), flag) {
			t.Errorf("%q was read as %q", s, flag)
		}
	})
}
