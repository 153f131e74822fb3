package inventory_test

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

var epoch = time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)

func fact(seq uint64, kind journal.Kind, at time.Duration, body any) journal.Fact {
	f := journal.New(kind, epoch.Add(at), "harbor", "", body)
	f.Node, f.Seq = "n1", seq
	return f
}

func port(n string) journal.UnknownKey {
	return journal.UnknownKey{Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: n}}
}

// story is what the location server tells of one phone and one switch port.
func story() []journal.Fact {
	place := e911.Place{Location: "room-210", Display: "795 Massachusetts Ave, 210"}
	says := []journal.Named{{Name: "deviceModel", Value: "CP-8851"}, {Name: "firmwareVersion", Value: "11.2.3"}}
	return []journal.Fact{
		fact(1, journal.DeviceSignedIn, 0, journal.SignedIn{Device: "d1", User: "u1"}),
		fact(2, journal.DeviceLocated, time.Minute, journal.DeviceSeen{Device: "d1", Known: true, By: e911.ByLLDPPort, Place: place, EvidenceAt: epoch.Add(time.Minute), Source: "10.0.0.9", Via: "held", Says: says}),
		fact(3, journal.DevicePresent, 11*time.Minute, journal.Presence{Device: "d1", Known: true, Via: "held", By: e911.ByLLDPPort, EvidenceAt: epoch.Add(11 * time.Minute), Source: "10.0.0.9"}),
		fact(4, journal.NetworkUnknown, 20*time.Minute, journal.UnknownElement{UnknownKey: port("9"), Devices: 1, Stranded: 0, First: epoch.Add(20 * time.Minute), Last: epoch.Add(20 * time.Minute), Device: "d2", Seen: []journal.SeenAt{{Location: "room-210", Devices: 1}}}),
		fact(5, journal.DeviceLocated, 21*time.Minute, journal.DeviceSeen{Device: "d1", Known: true, By: e911.ByNothing, Source: "10.0.9.9", Via: "held"}),
		fact(6, journal.NetworkUnknown, 21*time.Minute, journal.UnknownElement{UnknownKey: port("9"), Devices: 2, Stranded: 1, First: epoch.Add(20 * time.Minute), Last: epoch.Add(21 * time.Minute), Device: "d1", Source: "10.0.9.9", Siblings: []journal.UnknownKey{port("8")}}),
		fact(7, journal.DevicePresent, 40*time.Minute, journal.Presence{Device: "d1", Known: true, Via: "platform", By: e911.ByNothing, Source: "10.0.0.1"}),
	}
}

// Proves: W-47, W-49
func TestADeviceIsWhatItsFactsSay(t *testing.T) {
	var d inventory.Device
	for _, f := range story() {
		inventory.ApplyDevice(&d, f)
	}
	at := func(m int) time.Time { return epoch.Add(time.Duration(m) * time.Minute) }
	want := inventory.Device{
		Org: "harbor", Device: "d1", Known: true, Via: "platform", First: at(1), Last: at(40), Asked: at(21), Source: "10.0.0.1",
		Says: []journal.Named{{Name: "deviceModel", Value: "CP-8851"}, {Name: "firmwareVersion", Value: "11.2.3"}}, User: "u1",
		By: e911.ByNothing, UnmappedAt: at(21), Applied: map[string]uint64{"n1": 7},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Errorf("device (-want +got)\n%s", diff)
	}
}

// Proves: E5, E11
func TestFactsThatComeAgainChangeNothing(t *testing.T) {
	facts := story()
	rapid.Check(t, func(t *rapid.T) {
		var once, often inventory.Device
		var onceU, oftenU inventory.Unknown
		for i, f := range facts {
			inventory.ApplyDevice(&once, f)
			inventory.ApplyUnknown(&onceU, f)
			inventory.ApplyDevice(&often, f)
			inventory.ApplyUnknown(&oftenU, f)
			for range rapid.IntRange(0, 3).Draw(t, "again") {
				old := facts[rapid.IntRange(0, i).Draw(t, "which")]
				if inventory.ApplyDevice(&often, old) || inventory.ApplyUnknown(&oftenU, old) {
					t.Fatalf("fact %d was applied twice", old.Seq)
				}
			}
		}
		if diff := cmp.Diff(once, often); diff != "" {
			t.Fatalf("device (-once +often)\n%s", diff)
		}
		if diff := cmp.Diff(onceU, oftenU, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Fatalf("element (-once +often)\n%s", diff)
		}
	})
}

// Proves: W-57
func TestAnElementThatIsOffTheMapAgainIsOpenAgain(t *testing.T) {
	for name, c := range map[string]struct {
		state inventory.State
		last  time.Duration
		want  inventory.State
	}{
		"assigned, and shown later":               {inventory.Assigned, 2 * time.Hour, inventory.Open},
		"mapped, and shown later":                 {inventory.Mapped, 2 * time.Hour, inventory.Open},
		"assigned, and told late of before":       {inventory.Assigned, 30 * time.Minute, inventory.Assigned},
		"ignored stays so whoever shows it":       {inventory.Ignored, 2 * time.Hour, inventory.Ignored},
		"open stays open":                         {inventory.Open, 2 * time.Hour, inventory.Open},
		"an element that nobody decided on, open": {"", 2 * time.Hour, inventory.Open},
	} {
		var u inventory.Unknown
		inventory.ApplyUnknown(&u, story()[3])
		u.Decision = inventory.Decision{State: c.state, By: "ann", At: epoch.Add(time.Hour)}
		inventory.ApplyUnknown(&u, fact(9, journal.NetworkUnknown, c.last, journal.UnknownElement{UnknownKey: port("9"), Devices: 1, Stranded: 1, First: epoch, Last: epoch.Add(c.last)}))
		if u.State != c.want {
			t.Errorf("%s: state = %q, want %q", name, u.State, c.want)
		}
	}
}

// Proves: W-49
func TestFirmwareIsComparedAsMakersCount(t *testing.T) {
	order := []string{"", "11", "11.2", "11.2.3", "11.2.10", "11.2.10SR1", "11.2.10SR2", "11-3", "12.0", "12.0.1", "66.85.0.5", "66.86.0.15"}
	for i, a := range order {
		for j, b := range order {
			got, want := e911.CompareFirmware(a, b), 0
			if i != j {
				want = 1 - 2*b2i(i < j)
			}
			if got != want {
				t.Errorf("CompareFirmware(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
	m := e911.Model{Key: "8851", HELD: true, Firmware: []e911.FirmwareRule{{To: "11.9", Capability: e911.CapabilityNone}, {From: "14", Capability: e911.CapabilityHELDPlus}}}
	for version, want := range map[string]e911.Capability{"": "held", "11.2": "none", "11.9": "none", "12.0": "held", "14.1": "held+"} {
		if got := m.Capability(version); got != want {
			t.Errorf("capability of %q = %s, want %s", version, got, want)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func FuzzFacts(f *testing.F) {
	for _, s := range story() {
		f.Add(string(s.Kind), []byte(s.Body))
	}
	f.Add("network.unknown", []byte(`{"kind":"ip","addr":"::ffff:10.0.0.1"}`))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		x := journal.Fact{V: 1, Node: "n", Seq: 1, Org: "o", At: epoch, Kind: journal.Kind(kind), Body: json.RawMessage(body)}
		var d inventory.Device
		var u inventory.Unknown
		inventory.ApplyDevice(&d, x)
		if inventory.ApplyUnknown(&u, x) && (u.ID == "" || inventory.KeyText(u.Key) == "" || len(u.Samples) > 8 || len(u.Seen) > 8) {
			t.Fatalf("an element without a name, or too much of it: %+v", u)
		}
		if inventory.ApplyDevice(&d, x) || inventory.ApplyUnknown(&u, x) {
			t.Fatal("the same fact was applied twice")
		}
	})
}
