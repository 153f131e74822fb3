package e2e

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/admin/quality"
	"github.com/callbox911/callbox/internal/sim/phone"
)

// ask runs a command that prints JSON. It reports whether the answer could be
// read.
func (s *site) ask(into any, args ...string) bool {
	s.t.Helper()
	out, err := s.command(append(args, "--data", s.data, "--json")...)
	return err == nil && json.Unmarshal([]byte(out), into) == nil
}

// queue lists the unknown elements in a state.
func (s *site) queue(state string) (list []inventory.Entry) {
	s.t.Helper()
	s.await("the queue", func() bool { return s.ask(&list, "unknown", "list", "--state", state) })
	return list
}

// devices lists the devices with a flag, by key.
func (s *site) devices(filter string) (keys []string) {
	s.t.Helper()
	var inv inventory.Inventory
	s.await("the devices", func() bool { return s.ask(&inv, "devices", "--filter", filter) })
	for _, r := range inv.Devices {
		keys = append(keys, r.Key)
	}
	return keys
}

// Proves: W-47, W-49, W-57, N-06, E11
func TestAnUnknownSwitchPortIsToldAssignedAndUsed(t *testing.T) {
	s := newSite(t)
	s.world = strings.Replace(s.world, "on: [emergency, test]", "on: [emergency, test, unknown_network]", 1)
	s.start()
	if got := s.devices("held-config-pending"); !slices.Equal(got, []string{"d1"}) {
		t.Errorf("devices that can ask and never did = %v, want d1", got)
	}
	p := s.phone(func(c *phone.Config) {
		c.LLDPPort, c.BSSID, c.HELDFrom = "Gi1/0/9", "", netip.MustParseAddr(s.ip(40))
	})
	if _, err := p.Locate(s.ctx); err == nil {
		t.Fatal("a port that is not on the map has a location")
	}

	var port inventory.Entry
	s.await("the port in the queue", func() bool {
		list := s.queue("open")
		i := slices.IndexFunc(list, func(e inventory.Entry) bool { return e.Key.LLDP.Port == "Gi1/0/9" })
		if i >= 0 {
			port = list[i]
		}
		return i >= 0
	})
	if port.Stranded != 1 || len(port.Suggestions) == 0 || port.Suggestions[0].Key != "room-210" || !slices.Contains(port.DeviceNames, "d1 (Front desk)") {
		t.Errorf("the entry = %+v; want one stranded device, d1, and room-210 as the likely place", port)
	}
	if got := s.devices("unmapped"); !slices.Equal(got, []string{"d1"}) {
		t.Errorf("devices that are nowhere on the map = %v, want d1", got)
	}
	if got := s.devices("held-config-pending"); len(got) != 0 {
		t.Errorf("devices that never asked = %v, want none", got)
	}
	s.await("the mail", func() bool {
		for _, m := range s.mail.Received() {
			if strings.HasPrefix(m.Subject, "Undefined network location: d1 (Front desk), switch port Gi1/0/9") &&
				strings.Contains(m.Text, "callbox unknown assign "+port.ID+" room-210 --org works") {
				return true
			}
		}
		return false
	})

	// Two administrators at once: one is told what the other did.
	out, failed := [2]string{}, [2]bool{}
	var wg sync.WaitGroup
	for i, room := range []string{"room-210", "room-310"} {
		wg.Go(func() {
			text, err := s.command("unknown", "assign", port.ID, room, "--data", s.data)
			out[i], failed[i] = text, err != nil
		})
	}
	wg.Wait()
	if failed[0] == failed[1] {
		t.Fatalf("of two assignments one is made, got:\n%s\n%s", out[0], out[1])
	}
	loser := out[0]
	if failed[1] {
		loser = out[1]
	}
	if !strings.Contains(loser, "was assigned to room-") {
		t.Errorf("the second administrator is told %q", loser)
	}
	if where, err := p.Locate(s.ctx); err != nil || where.URI == "" {
		t.Errorf("the next request: %v", err)
	}

	// A restart keeps it all.
	s.stop()
	s.launch()
	closed := s.queue("assigned")
	if len(closed) != 1 || closed[0].ID != port.ID || closed[0].By == "" || closed[0].LocationKey == "" {
		t.Errorf("after a restart the assigned elements are %+v", closed)
	}
	if got := s.devices(""); !slices.Equal(got, []string{"d1", "d2"}) {
		t.Errorf("devices after a restart = %v", got)
	}
	var q quality.Report
	s.await("the quality of the data", func() bool { return s.ask(&q, "check", "data") })
	if q.Counts[quality.DeviceNeverSeen] != 1 || q.Objects["device"] != 2 {
		t.Errorf("quality = %+v, want one device that was never seen", q.Counts)
	}
}
