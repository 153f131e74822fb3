package discover_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/e911"
)

// FuzzDecode makes rows of arbitrary octets: which table, how the index goes
// on, which value. Whatever an agent says, the device that comes out keeps what
// it promises: addresses are canonical, ports sorted, nothing multicast.
//
// Proves: E1, F-19, W-36
func FuzzDecode(f *testing.F) {
	tables := append(discover.System(), discover.Tables(discover.OID{1, 3, 6, 1, 4, 1, 9, 1, 516})...)
	for _, vendor := range []uint32{14823, 41112, 35047} {
		tables = append(tables, discover.Tables(discover.OID{1, 3, 6, 1, 4, 1, vendor, 1})...)
	}
	row := func(table int, index []uint32, number bool, value string) []byte {
		b := []byte{byte(table), byte(len(index)), byte(len(value))}
		for _, n := range index {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		if number {
			b[2] |= 0x80
		}
		return append(b, value...)
	}
	at := func(name string) int {
		return slices.IndexFunc(tables, func(t discover.Table) bool { return t.Name == name })
	}
	f.Add(slices.Concat(
		row(at("lldpLocChassisIdSubtype"), []uint32{0}, true, "\x04"), row(at("lldpLocChassisId"), []uint32{0}, false, "\x00\xaa\xbb\xcc\x00\x01"),
		row(at("lldpLocPortIdSubtype"), []uint32{1}, true, "\x05"), row(at("lldpLocPortId"), []uint32{1}, false, "Gi1/0/1\x00"),
		row(at("lldpRemChassisIdSubtype"), []uint32{0, 1, 1}, true, "\x05"), row(at("lldpRemChassisId"), []uint32{0, 1, 1}, false, "\x01\x0a\x00\x00\x01"),
		row(at("lldpRemSysCapEnabled"), []uint32{0, 1, 1}, false, "\x24"), row(at("lldpRemPortId"), []uint32{0, 1, 1}, false, "\x00\x11\x22\x33\x44\x55"),
	))
	f.Add(row(at("dot1qTpFdbPort"), []uint32{100, 0, 17, 34, 51, 68, 300}, true, "\x01"))
	f.Add(row(at("wlanAPESSID"), []uint32{0, 11, 134, 129, 78, 168, 1, 108, 243, 127, 199, 208, 48}, false, "\xff\xfe"))
	f.Fuzz(func(t *testing.T, b []byte) {
		answers := make([]discover.Answer, len(tables))
		for i, tb := range tables {
			answers[i].Table = tb
		}
		for len(b) >= 3 {
			table, n, v := int(b[0])%len(tables), int(b[1])%20, b[2]
			b = b[3:]
			oid := slices.Clone(tables[table].Root)
			for ; n > 0 && len(b) >= 4; n-- {
				oid = append(oid, binary.BigEndian.Uint32(b))
				b = b[4:]
			}
			size := min(int(v&0x7f), len(b))
			r := discover.Row{OID: oid, Octets: append([]byte{}, b[:size]...)}
			if v&0x80 != 0 {
				r.Octets = nil
				for _, o := range b[:size] {
					r.Number = r.Number<<8 | int64(o)
				}
			}
			b = b[size:]
			answers[table].Rows = append(answers[table].Rows, r)
		}
		d := discover.Decode("x", time.Time{}, answers)
		discover.VLANs(answers)
		for _, p := range d.Ports {
			if !slices.IsSorted(p.Stations) {
				t.Errorf("stations %v", p.Stations)
			}
			for _, m := range p.Stations {
				if c, err := e911.ParseMAC(string(m)); err != nil || c != m || m.Group() {
					t.Errorf("station %q", m)
				}
			}
			if d.Chassis != "" && len(p.ID) > 4*255 {
				t.Errorf("port id of %d octets", len(p.ID))
			}
		}
		list := discover.Propose([]discover.Device{d}, nil)
		seen := map[string]bool{}
		for _, p := range list {
			k := discover.ElementKey(p.Element)
			if seen[k] {
				t.Errorf("proposed twice: %q", k)
			}
			seen[k] = true
			if p.Status == discover.Proposed && (p.Element.MAC.Local() || p.Element.MAC.VirtualRouter() || p.Element.MAC.Group()) {
				t.Errorf("proposed %+v", p.Element)
			}
		}
		discover.Moves([]discover.Device{d}, []discover.Device{d})
	})
}
