package world_test

import (
	"slices"
	"testing"

	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// Every kind of network element can be written, and coming again changes
// nothing.
// Proves: E15, F-06, F-33
func TestEveryKindOfNetworkElement(t *testing.T) {
	b := newBench(t)
	const one = "{bssid: \"00:11:22:33:44:10\"}"
	text := edit(t, harbor(), one, one+`
                  - {kind: bssid, mac: "00:11:22:34:00:00", mac_to: "00:11:22:34:00:ff"}
                  - {kind: lldp_ports, chassis: "0c75.bd00.0001", port: "Gi2/0/[1-24]"}
                  - {kind: gateway, mac: "00:1b:54:00:00:2e"}
                  - {kind: dect_base, name: "01 2345 6789"}
                  - {kind: ap, name: AP Mill 1}
                  - {kind: ata_port, mac: "00:1b:54:00:00:2f", name: FXS 1}
                  - {ip: 127.0.9.7-127.0.9.40}`)
	text = edit(t, text, "    public_ranges:", `    network:
      - {kind: vpn, range: 10.8.0.0/16}
      - {kind: sase, range: "2001:db8:1::/48"}
      - {kind: ignore, mac: "02:42:00:00:00:00", mac_to: "02:42:ff:ff:ff:ff"}
    public_ranges:`)
	before := b.must(harbor())
	after := b.must(text)
	if after.Changes() != 10 {
		t.Errorf("%+v after %+v", after, before)
	}
	if again := b.must(text); again.Changes() != 0 {
		t.Errorf("the second import reports %+v", again)
	}
	for name, c := range map[string]struct{ old, with, code string }{
		"a VPN at a place":          {one, one + "\n                  - {kind: vpn, range: 10.9.0.0/16}", "forbidden"},
		"a base without a place":    {"    network:\n", "    network:\n      - {kind: dect_base, name: \"9876543210\"}\n", "required"},
		"the kind said twice":       {one, one + "\n                  - {kind: bssid, bssid: \"00:11:22:33:44:11\"}", "forbidden"},
		"a long key without a kind": {one, one + "\n                  - {bssid: \"00:11:22:33:44:11\", mac_to: \"00:11:22:33:44:12\"}", "forbidden"},
		"a VPN as proxy too":        {"    network:\n", "    network:\n      - {kind: proxy, range: 10.8.0.0/16}\n", "duplicate"},
		"patterns in two places":    {"Gi2/0/[1-24]\"}", "Gi2/0/[1-24]\"}\n                  - {kind: lldp_ports, chassis: \"0c:75:bd:00:00:01\", port: \"Gi2/0/[1-24]\"}", "duplicate"},
	} {
		_, err := b.run(edit(t, text, c.old, c.with), world.Options{})
		if !slices.ContainsFunc(e911.FaultsOf(err), func(f e911.Fault) bool { return f.Code == c.code }) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}
