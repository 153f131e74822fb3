package storetest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

// Inventory is what a store keeps of devices that were seen and of elements
// that are not on the map.
type Inventory interface {
	inventory.Writer
	inventory.Store
}

func seenDevice(org e911.OrgID, name string, known bool, at time.Time) inventory.Device {
	return inventory.Device{Org: org, Device: name, Known: known, Via: "held", First: at, Last: at, Asked: at, Applied: map[string]uint64{"node-1": 1}}
}

func unknownElement(org e911.OrgID, port string, stranded int) inventory.Unknown {
	k := suggest.Key{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: port}}
	return inventory.Unknown{
		Org: org, ID: inventory.UnknownID(k), Key: k, First: Epoch, Last: Epoch, Devices: stranded, Stranded: stranded,
		Samples: []string{"d1"}, Applied: map[string]uint64{"node-1": 1}, Decision: inventory.Decision{State: inventory.Open},
	}
}

func testInventory(t *testing.T, open Open) {
	st := fresh(t, open)
	ctx := t.Context()
	const harbor, quay = e911.OrgID("harbor"), e911.OrgID("quay")
	phone, stranger, other := seenDevice(harbor, "d1", true, Epoch), seenDevice(harbor, "mac:00:11:22:33:44:55", false, Epoch), seenDevice(quay, "d1", true, Epoch)
	p7, p8, away := unknownElement(harbor, "Gi1/0/7", 1), unknownElement(harbor, "Gi1/0/8", 4), unknownElement(quay, "Gi1/0/7", 2)
	batch := inventory.Batch{Devices: []inventory.Device{phone, stranger, other}, Unknown: []inventory.Unknown{p7, p8, away}}
	for range 2 { // a projector that was not told that it had succeeded
		if err := st.SaveInventory(ctx, "node-1", 9, batch); err != nil {
			t.Fatalf("save: %v", err)
		}
	}
	if at, err := st.InventoryCursor(ctx, "node-1"); err != nil || at != 9 {
		t.Errorf("cursor = %d, %v; want 9", at, err)
	}
	if at, err := st.InventoryCursor(ctx, "node-2"); err != nil || at != 0 {
		t.Errorf("cursor of another node = %d, %v; want 0", at, err)
	}
	wantKind(t, st.SaveInventory(ctx, "node-1", 3, inventory.Batch{}), e911.Conflict)

	devices, err := st.AllSeenDevices(ctx, harbor)
	if diff := cmp.Diff([]inventory.Device{phone, stranger}, devices); err != nil || diff != "" {
		t.Errorf("devices: %v (-want +got)\n%s", err, diff)
	}
	some, err := st.SeenDevices(ctx, []inventory.ID{{Org: quay, Device: "d1"}, {Org: quay, Device: "nobody"}})
	if diff := cmp.Diff([]inventory.Device{other}, some); err != nil || diff != "" {
		t.Errorf("one device: %v (-want +got)\n%s", err, diff)
	}
	list, err := st.ListUnknown(ctx, harbor, inventory.Open)
	if diff := cmp.Diff([]inventory.Unknown{p8, p7}, list, cmpopts.EquateComparable(netip.Addr{})); err != nil || diff != "" {
		t.Errorf("elements, those first that strand most: %v (-want +got)\n%s", err, diff)
	}

	// A decision is made once, and a projector that has read before leaves it.
	made := inventory.Decision{State: inventory.Assigned, By: "ann", At: Epoch.Add(time.Minute), Location: "room-210"}
	got, err := st.Decide(ctx, harbor, p7.ID, []inventory.State{inventory.Open}, made)
	if err != nil || got.Decision != made {
		t.Fatalf("decide = %+v, %v", got.Decision, err)
	}
	got, err = st.Decide(ctx, harbor, p7.ID, []inventory.State{inventory.Open}, inventory.Decision{State: inventory.Ignored, By: "bob", At: Epoch})
	wantKind(t, err, e911.Conflict)
	if got.By != "ann" {
		t.Errorf("the second of two is told %+v", got.Decision)
	}
	_, err = st.Decide(ctx, quay, p8.ID, []inventory.State{inventory.Open}, made)
	wantKind(t, err, e911.NotFound)
	if err := st.SaveInventory(ctx, "node-1", 10, inventory.Batch{Unknown: []inventory.Unknown{p7}}); err != nil {
		t.Fatalf("save: %v", err)
	}
	if got, err = st.Unknown(ctx, harbor, p7.ID); err != nil || got.State != inventory.Assigned {
		t.Errorf("after a save of what was read before: %s, %v", got.State, err)
	}
	p7.Last = Epoch.Add(time.Hour)
	if err := st.SaveInventory(ctx, "node-1", 11, inventory.Batch{Unknown: []inventory.Unknown{p7}}); err != nil {
		t.Fatalf("save: %v", err)
	}
	if got, err = st.Unknown(ctx, harbor, p7.ID); err != nil || got.State != inventory.Open || got.By != "" {
		t.Errorf("shown after it was assigned: %+v, %v; want open", got.Decision, err)
	}
	_, err = st.Unknown(ctx, quay, p8.ID)
	wantKind(t, err, e911.NotFound)
}

func testInventoryBounds(t *testing.T, open Open) {
	st := fresh(t, open)
	ctx := t.Context()
	var b inventory.Batch
	for i := range inventory.MaxOpen + 10 {
		u := unknownElement("harbor", fmt.Sprint("Gi9/0/", i), i)
		u.Last = Epoch.Add(time.Duration(i) * time.Second)
		b.Unknown = append(b.Unknown, u)
	}
	ignored := b.Unknown[0]
	if err := st.SaveInventory(ctx, "node-1", 1, inventory.Batch{Unknown: b.Unknown[:1]}); err != nil {
		t.Fatalf("save: %v", err)
	}
	if _, err := st.Decide(ctx, "harbor", ignored.ID, []inventory.State{inventory.Open}, inventory.Decision{State: inventory.Ignored, By: "ann", At: Epoch}); err != nil {
		t.Fatalf("ignore: %v", err)
	}
	if err := st.SaveInventory(ctx, "node-1", 2, b); err != nil {
		t.Fatalf("save: %v", err)
	}
	list, err := st.ListUnknown(ctx, "harbor", inventory.Open)
	if err != nil || len(list) != inventory.MaxOpen || list[0].Stranded != inventory.MaxOpen+9 || list[len(list)-1].Stranded != 10 {
		t.Fatalf("%d open elements, %v; want the %d that strand most", len(list), err, inventory.MaxOpen)
	}
	if _, err := st.Unknown(ctx, "harbor", ignored.ID); err != nil {
		t.Errorf("what a person ignored fell out: %v", err)
	}
}
