package snmp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/admin/discover/snmp"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	ifAlias = discover.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18}
	ifName  = discover.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}
)

func incomplete(d discover.Device, table string) string {
	for _, s := range d.Incomplete {
		if s.Table == table {
			return s.Why
		}
	}
	return ""
}

// Proves: W-36, E1
func TestWhatAnOddAgentSaysCostsNoMoreThanItsLimits(t *testing.T) {
	sw := small("99999")
	for _, c := range []struct {
		name   string
		answer func(q query) []gosnmp.SnmpPDU
		table  string // which is said to be incomplete
		why    string
		ports  int
	}{
		{"an agent as it should be", sw.after, "", "", 2},
		{"one that says TooBig until it is asked for one row", func(q query) []gosnmp.SnmpPDU {
			if q.reps > 1 {
				return []gosnmp.SnmpPDU{{Name: "." + q.oid.String(), Type: gosnmp.Null}}
			}
			return sw.after(q)
		}, "", "", 2},
		{"one that goes round in circles", func(q query) []gosnmp.SnmpPDU {
			if q.oid.Below(ifAlias) {
				return []gosnmp.SnmpPDU{octets(ifAlias.String()+".7", "again"), octets(ifAlias.String()+".7", "again")}
			}
			return sw.after(q)
		}, "ifAlias", "circles", 2},
		{"one whose table never ends", func(q query) []gosnmp.SnmpPDU {
			if !q.oid.Below(ifAlias) {
				return sw.after(q)
			}
			last := uint32(0)
			if len(q.oid) > len(ifAlias) {
				last = q.oid[len(ifAlias)]
			}
			var out []gosnmp.SnmpPDU
			for i := range uint32(q.reps) {
				out = append(out, octets(fmt.Sprintf("%s.%d", ifAlias, last+1+i), "x"))
			}
			return out
		}, "ifAlias", "more rows", 2},
		{"one that falls silent in the middle", func(q query) []gosnmp.SnmpPDU {
			if q.oid.Below(ifName) {
				return nil
			}
			return sw.after(q)
		}, "ifName", "no answer", 2},
		{"one that dies in the middle", func(q query) []gosnmp.SnmpPDU {
			if q.oid.Compare(ifName) >= 0 {
				return nil
			}
			return sw.after(q)
		}, "entPhysicalClass", "stopped answering", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := listen(t, &agent{answer: c.answer})
			d, err := reader(t, func(cfg *snmp.Config) { cfg.MaxRows, cfg.Timeout = 100, 100*time.Millisecond }).Read(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			if d.Chassis != "00:aa:bb:cc:00:01" || len(d.Ports) != c.ports || d.Name != "sw1" {
				t.Errorf("got %+v", d)
			}
			if c.table == "" && len(d.Incomplete) > 0 {
				t.Errorf("incomplete: %+v", d.Incomplete)
			}
			if got := incomplete(d, c.table); !strings.Contains(got, c.why) {
				t.Errorf("of %s it says %q, want %q; %+v", c.table, got, c.why, d.Incomplete)
			}
		})
	}
}

// Proves: W-36
func TestAnAgentThatIsNotThereIsSaidSo(t *testing.T) {
	for _, c := range []struct {
		name string
		a    *agent
		why  string
	}{
		{"silence", &agent{}, "not there"},
		{"junk", &agent{raw: func(query) []byte { return []byte("\x30\x82\xff\xff\x02\x01") }}, "no answer"},
		{"an empty tree", &agent{answer: tree{}.after}, "shows nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := listen(t, c.a)
			devices, failed := reader(t, func(cfg *snmp.Config) { cfg.Timeout = 50 * time.Millisecond }).ReadAll(t.Context(), []snmp.Target{target})
			if len(devices) != 0 || len(failed) != 1 || !strings.Contains(failed[0].Why, c.why) || failed[0].Target != target.String() {
				t.Errorf("got %+v and %+v", devices, failed)
			}
		})
	}
}

// Cancel comes while the agent keeps silent and one request may take an hour;
// ReadAll returns only when all its goroutines have ended.
//
// Proves: W-36
func TestCancelEndsAReadAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("the administrator has had enough")
	sw := small("99999")
	target := listen(t, &agent{answer: func(q query) []gosnmp.SnmpPDU {
		if q.oid.Below(ifAlias) {
			cancel(stop)
			return nil
		}
		return sw.after(q)
	}})
	r := reader(t, func(cfg *snmp.Config) { cfg.Timeout, cfg.MaxTime = time.Hour, 2*time.Hour })
	devices, failed := r.ReadAll(ctx, []snmp.Target{target})
	if len(failed) != 0 || len(devices) != 1 || len(devices[0].Ports) != 2 {
		t.Fatalf("what was read before is kept: got %+v and %+v", devices, failed)
	}
	if why := incomplete(devices[0], "ifAlias"); why != stop.Error() {
		t.Errorf("ifAlias: got %q", why)
	}
}

// Proves: W-36
func TestADeviceMayTakeOnlySoLong(t *testing.T) {
	target := listen(t, &agent{})
	_, err := reader(t, func(cfg *snmp.Config) { cfg.Timeout, cfg.MaxTime = time.Hour, 50*time.Millisecond }).Read(t.Context(), target)
	if err == nil || !strings.Contains(err.Error(), "longer than one may") {
		t.Errorf("got %v", err)
	}
}

// Proves: W-36
func TestOnlySoManyDevicesAreReadAtOnce(t *testing.T) {
	const parallel, devices = 3, 9
	var mu sync.Mutex
	active, most := map[string]bool{}, 0
	full := make(chan struct{})
	sw := small("99999")
	var targets []snmp.Target
	for i := range devices {
		name := fmt.Sprint(i)
		targets = append(targets, listen(t, &agent{answer: func(q query) []gosnmp.SnmpPDU {
			mu.Lock()
			active[name] = true
			if most = max(most, len(active)); len(active) == parallel {
				select {
				case <-full:
				default:
					close(full)
				}
			}
			mu.Unlock()
			select { // nobody gets on before as many as may are there
			case <-full:
			case <-t.Context().Done():
			}
			if q.oid.Compare(discover.OID{1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 11}) == 0 { // the last table
				mu.Lock()
				delete(active, name)
				mu.Unlock()
			}
			return sw.after(q)
		}}))
	}
	got, failed := reader(t, func(cfg *snmp.Config) { cfg.Parallel, cfg.Timeout = parallel, 10*time.Second }).ReadAll(t.Context(), targets)
	if len(got) != devices || len(failed) != 0 || most != parallel {
		t.Errorf("%d devices, %d failures, %d at once", len(got), len(failed), most)
	}
	for i, d := range got {
		if d.Target != targets[i].String() {
			t.Errorf("device %d is %s, want the order of the targets", i, d.Target)
		}
	}
}

// A Cisco switch has one forwarding table for each VLAN, behind a community of
// its own.
//
// Proves: W-36
func TestTheVLANsOfACiscoSwitchAreAskedOneByOne(t *testing.T) {
	const vtpVlanState = "1.3.6.1.4.1.9.9.46.1.3.1.1.2.1"
	device := append(small("9"), number(vtpVlanState+".1", 1), number(vtpVlanState+".20", 1), number(vtpVlanState+".30", 2), number(vtpVlanState+".1003", 1))
	sortTree(device)
	vlan20 := tree{
		number("1.3.6.1.2.1.17.1.4.1.2.7", 10102),
		number("1.3.6.1.2.1.17.4.3.1.2.0.17.34.51.68.85", 7), number("1.3.6.1.2.1.17.4.3.1.3.0.17.34.51.68.85", 3),
	}
	var mu sync.Mutex
	asked := map[string]bool{}
	target := listen(t, &agent{answer: func(q query) []gosnmp.SnmpPDU {
		mu.Lock()
		asked[q.community] = true
		mu.Unlock()
		switch q.community {
		case "c":
			return device.after(q)
		case "c@20":
			return vlan20.after(q)
		}
		return tree{}.after(q)
	}})
	d, err := reader(t, nil).Read(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 3 || !asked["c@1"] || !asked["c@20"] {
		t.Errorf("asked %v: want the VLANs that are up, and none of 1002 to 1005", asked)
	}
	if len(d.Ports) != 2 || !slices.Equal(d.Ports[1].Stations, []e911.MAC{"00:11:22:33:44:55"}) {
		t.Errorf("got %+v", d.Ports)
	}
}

// Proves: W-36
func TestAConfigurationReportsAllItsFaults(t *testing.T) {
	_, err := snmp.New(snmp.Config{Credentials: snmp.Credentials{User: "u", Community: "x", Auth: "crc", Priv: "rot13"}, Parallel: 1000})
	if got := e911.FaultsOf(err); e911.KindOf(err) != e911.Invalid || len(got) < 5 {
		t.Errorf("got %v", err)
	}
	secret := snmp.Credentials{User: "u", Auth: snmp.AuthSHA, AuthKey: "topsecret1", Priv: snmp.PrivAES, PrivKey: "topsecret2", Community: "topsecret3"}
	if s := fmt.Sprintf("%v %+v %#v %s", secret, secret, secret, secret); strings.Contains(s, "topsecret") {
		t.Errorf("a secret is printed: %s", s)
	}
}

// Proves: W-36
func TestTargetsAreReadAsPeopleWriteThem(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "10.0.0.1:161": "10.0.0.1", " sw1.example:1161 ": "sw1.example:1161", "2001:db8::1": "2001:db8::1",
		"[2001:db8::1]": "2001:db8::1", "[2001:db8::1]:1161": "[2001:db8::1]:1161",
		"": "", "a b": "", "sw1:0": "", "sw1:70000": "", "user@sw1": "", "sw1/24": "",
	} {
		got, err := snmp.ParseTarget(in)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
}
