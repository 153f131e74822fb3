package snmp_test

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/admin/discover/snmp"
)

// agent is an SNMP agent of version 2c whose answers a test decides.
type agent struct {
	conn net.PacketConn
	wg   sync.WaitGroup
	// answer returns the variables of one GetBulk, or nothing to stay silent.
	answer func(q query) []gosnmp.SnmpPDU
	// raw, when set, returns the octets of the answer instead.
	raw func(q query) []byte
}

type query struct {
	community string
	oid       discover.OID
	reps      int
	from      string
}

func listen(t *testing.T, a *agent) snmp.Target {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a.conn = conn
	a.wg.Go(func() { a.serve(t) })
	t.Cleanup(func() { conn.Close(); a.wg.Wait() })
	target, err := snmp.ParseTarget(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (a *agent) serve(t *testing.T) {
	buf := make([]byte, 65536)
	for {
		n, from, err := a.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		dec := &gosnmp.GoSNMP{Version: gosnmp.Version2c, Logger: gosnmp.NewLogger(nil)}
		p, err := dec.SnmpDecodePacket(slices.Clone(buf[:n]))
		if err != nil || len(p.Variables) != 1 {
			t.Errorf("the reader sent what cannot be read: %v", err)
			continue
		}
		oid, err := discover.ParseOID(p.Variables[0].Name)
		if err != nil {
			t.Error(err)
			continue
		}
		a.wg.Go(func() { a.reply(t, p, query{p.Community, oid, int(p.MaxRepetitions), from.String()}, from) })
	}
}

func (a *agent) reply(t *testing.T, p *gosnmp.SnmpPacket, q query, to net.Addr) {
	var out []byte
	if a.raw != nil {
		out = a.raw(q)
	}
	if out == nil && a.answer != nil {
		vars := a.answer(q)
		if vars == nil {
			return
		}
		r := gosnmp.SnmpPacket{Version: gosnmp.Version2c, Community: p.Community, PDUType: gosnmp.GetResponse, RequestID: p.RequestID, Variables: vars}
		if len(vars) == 1 && vars[0].Type == gosnmp.Null {
			r.Error = gosnmp.TooBig
		}
		var err error
		if out, err = r.MarshalMsg(); err != nil {
			t.Error(err)
			return
		}
	}
	if len(out) > 0 {
		_, _ = a.conn.WriteTo(out, to)
	}
}

// tree is a sorted list of objects that answers as RFC 3416 says.
type tree []gosnmp.SnmpPDU

func (t tree) after(q query) []gosnmp.SnmpPDU {
	var out []gosnmp.SnmpPDU
	for _, v := range t {
		oid, _ := discover.ParseOID(v.Name)
		if oid.Compare(q.oid) > 0 && len(out) < q.reps {
			out = append(out, v)
		}
	}
	if len(out) < q.reps {
		out = append(out, gosnmp.SnmpPDU{Name: "." + q.oid.String(), Type: gosnmp.EndOfMibView})
	}
	return out
}

func octets(oid, s string) gosnmp.SnmpPDU {
	return gosnmp.SnmpPDU{Name: "." + oid, Type: gosnmp.OctetString, Value: []byte(s)}
}

func number(oid string, n int) gosnmp.SnmpPDU {
	return gosnmp.SnmpPDU{Name: "." + oid, Type: gosnmp.Integer, Value: n}
}

func object(oid, is string) gosnmp.SnmpPDU {
	return gosnmp.SnmpPDU{Name: "." + oid, Type: gosnmp.ObjectIdentifier, Value: is}
}

// small is a switch of two ports.
func small(vendor string) tree {
	t := tree{
		number("1.0.8802.1.1.2.1.3.1.0", 4), octets("1.0.8802.1.1.2.1.3.2.0", "\x00\xaa\xbb\xcc\x00\x01"),
		number("1.0.8802.1.1.2.1.3.7.1.2.1", 5), number("1.0.8802.1.1.2.1.3.7.1.2.2", 5),
		octets("1.0.8802.1.1.2.1.3.7.1.3.1", "Gi1/0/1"), octets("1.0.8802.1.1.2.1.3.7.1.3.2", "Gi1/0/2"),
		octets("1.3.6.1.2.1.1.1.0", "a switch"), object("1.3.6.1.2.1.1.2.0", ".1.3.6.1.4.1."+vendor+".1"), octets("1.3.6.1.2.1.1.5.0", "sw1"),
		octets("1.3.6.1.2.1.31.1.1.1.1.10101", "Gi1/0/1"), octets("1.3.6.1.2.1.31.1.1.1.1.10102", "Gi1/0/2"),
		octets("1.3.6.1.2.1.31.1.1.1.18.10101", "Room 2.113"),
	}
	sortTree(t)
	return t
}

func sortTree(t tree) {
	slices.SortFunc(t, func(a, b gosnmp.SnmpPDU) int {
		x, _ := discover.ParseOID(a.Name)
		y, _ := discover.ParseOID(b.Name)
		return x.Compare(y)
	})
}

func reader(t *testing.T, change func(*snmp.Config)) *snmp.Reader {
	t.Helper()
	cfg := snmp.Config{
		Credentials: snmp.Credentials{Community: "c"}, Timeout: 300 * time.Millisecond,
		Now: func() time.Time { return time.Unix(1_800_000_000, 0).UTC() },
	}
	if change != nil {
		change(&cfg)
	}
	r, err := snmp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
