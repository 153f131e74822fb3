package netmap_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

func ports(t testing.TB, s string) netmap.Ports {
	t.Helper()
	p, err := netmap.ParsePorts(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return p
}

// Proves: W-08
func TestPatternsMatchVendorsPortsVerbatim(t *testing.T) {
	for _, c := range []struct {
		pattern, port string
		want          bool
	}{
		{"Gi1/0/[1-24]", "Gi1/0/1", true},
		{"Gi1/0/[1-24]", "Gi1/0/24", true},
		{"Gi1/0/[1-24]", "Gi1/0/25", false},
		{"Gi1/0/[1-24]", "Gi1/0/2/1", false},
		{"Gi1/0/[1-24]", "Gi1/0/01", false},
		{"Gi1/0/[1-24]", "gi1/0/1", false},
		{"Gi1/0/[1-24]", "Gi1/0/", false},
		{"Gi1/0/[1-24]", "Gi1/0/1 ", false},
		{"Gi[1-2]/0/[01-24]", "Gi2/0/07", true},
		{"Gi[1-2]/0/[01-24]", "Gi2/0/7", false},
		{"Gi2/0/*", "Gi2/0/1/3", true},
		{"Gi2/0/*", "Gi2/0/", false},
		{"Slot [1-2] / Port [1-48]", "Slot 2 / Port 48", true},
		{`\[A\]\*[1-2]`, "[A]*2", true},
		{"[1-48]", "48", true},
		{"[1-48]", "99999999999999999999", false},
	} {
		if got := ports(t, c.pattern).Match(c.port); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.port, got, c.want)
		}
	}
}

// Proves: F-19
func TestPatternsThatMeanTwoThingsAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "*", "Gi1/0/7", "Gi*/0/1", "Gi1*", "Gi[1-2]*", "Gi1[0-9]", "Gi[1-2]5", "[1-2][1-2]", "[1-", "[a-b]", "[9-1]", "[1-010]", `\x`, `a\`, "[1-9999999999]", "\xff*",
	} {
		if p, err := netmap.ParsePorts(s); err == nil {
			t.Errorf("%q is taken as %v", s, p)
		}
	}
}

// piece draws the text of a pattern together with a regular expression and a
// port that may match.
var pattern = rapid.Custom(func(t *rapid.T) string {
	var b strings.Builder
	b.WriteString(rapid.SampledFrom([]string{"Gi", "", "ge-"}).Draw(t, "head"))
	for i := range rapid.IntRange(1, 3).Draw(t, "parts") {
		if i > 0 {
			b.WriteString("/")
		}
		if lo := rapid.IntRange(0, 12).Draw(t, "lo"); rapid.Bool().Draw(t, "range") {
			width := rapid.SampledFrom([]string{"%d", "%02d"}).Draw(t, "width")
			fmt.Fprintf(&b, "["+width+"-"+width+"]", lo, lo+rapid.IntRange(0, 5).Draw(t, "n"))
		} else {
			fmt.Fprint(&b, lo)
		}
	}
	if rapid.Bool().Draw(t, "star") {
		b.WriteString("/*")
	}
	return b.String()
})

// naive lists what a pattern stands for, stars as a few words.
func naive(p string) map[string]bool {
	out := map[string]bool{"": true}
	each := regexp.MustCompile(`\[(\d+)-(\d+)\]|\*|[^\[*]+`)
	for _, m := range each.FindAllStringSubmatch(p, -1) {
		words := []string{m[0]}
		switch {
		case m[0] == "*":
			words = []string{"1", "2", "12", "0/1", "x", "/", "1/2/3"}
		case m[1] != "":
			words = nil
			var lo, hi int
			fmt.Sscan(strings.TrimLeft(m[1], "0")+" "+strings.TrimLeft(m[2], "0"), &lo, &hi)
			if strings.Trim(m[1], "0") == "" {
				lo = 0
				fmt.Sscan(strings.TrimLeft(m[2], "0"), &hi)
			}
			format := "%d"
			if len(m[1]) > 1 && m[1][0] == '0' || len(m[2]) > 1 && m[2][0] == '0' {
				format = fmt.Sprintf("%%0%dd", len(m[1]))
			}
			for n := lo; n <= hi; n++ {
				words = append(words, fmt.Sprintf(format, n))
			}
		}
		next := map[string]bool{}
		for a := range out {
			for _, w := range words {
				next[a+w] = true
			}
		}
		out = next
	}
	return out
}

// Matching, overlap and containment agree with the ports written out one by one.
// Proves: W-08
func TestPatternsAgreeWithTheirPortsWrittenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		p, err := netmap.ParsePorts(a)
		q, err2 := netmap.ParsePorts(b)
		if err != nil || err2 != nil {
			t.Skip("one port, or digits beside brackets")
		}
		in, of := naive(a), naive(b)
		common, within := false, true
		for s := range in {
			if !p.Match(s) {
				t.Fatalf("%s does not match %q", a, s)
			}
			common = common || q.Match(s)
			within = within && q.Match(s)
		}
		for s := range of {
			common = common || p.Match(s)
			if !strings.HasSuffix(a, "*") && p.Match(s) != in[s] {
				t.Fatalf("%s matches %q: %v", a, s, p.Match(s))
			}
		}
		// A star stands for more than naive writes out: the words find common
		// ports whenever there are any, and containment only one way.
		if p.Overlaps(q) != q.Overlaps(p) || common && !p.Overlaps(q) {
			t.Fatalf("%s overlaps %s: %v, in truth %v", a, b, p.Overlaps(q), common)
		}
		if !strings.Contains(a+b, "*") && (p.Overlaps(q) != common || p.Within(q) != within) {
			t.Fatalf("%s and %s: overlap %v, within %v; in truth %v, %v", a, b, p.Overlaps(q), p.Within(q), common, within)
		}
		if p.Within(q) && !within {
			t.Fatalf("%s is not within %s", a, b)
		}
	})
}

// Proves: W-08
func FuzzParsePorts(f *testing.F) {
	for _, s := range []string{"Gi1/0/[1-24]", "Gi2/0/*", `\[x\]*`, "[01-24]"} {
		f.Add(s, "Gi1/0/7")
	}
	f.Fuzz(func(t *testing.T, s, port string) {
		p, err := netmap.ParsePorts(s)
		if err != nil {
			if p.Match(port) {
				t.Fatalf("%q is refused and matches", s)
			}
			return
		}
		p.Match(port)
		if !p.Within(p) || !p.Overlaps(p) || p.String() != s {
			t.Fatalf("%q is not itself", s)
		}
	})
}

// The pieces of a range hold its addresses, each once, and no other.
// Proves: F-06
func TestARangeIsItsPieces(t *testing.T) {
	addr := rapid.Custom(func(t *rapid.T) netip.Addr {
		b := [4]byte{10, 0, rapid.Byte().Draw(t, "c"), rapid.Byte().Draw(t, "d")}
		return netip.AddrFrom4(b)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := addr.Draw(t, "from"), addr.Draw(t, "to")
		if b.Less(a) {
			a, b = b, a
		}
		s := netmap.Span{From: a, To: b}
		pieces := s.Prefixes()
		if len(pieces) == 0 || len(pieces) > 64 {
			t.Fatalf("%d pieces", len(pieces))
		}
		for range 20 {
			x := addr.Draw(t, "x")
			n := 0
			for _, p := range pieces {
				if p.Contains(x) {
					n++
				}
			}
			if in := s.Has(x); in != (n == 1) || n > 1 {
				t.Fatalf("%s in %s: %v, in %d pieces", x, s, in, n)
			}
		}
	})
	all := netmap.Span{From: netip.MustParseAddr("::"), To: netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}
	if p := all.Prefixes(); len(p) != 1 || p[0].Bits() != 0 {
		t.Errorf("all of IPv6 is %v", p)
	}
}

// Proves: F-06
func TestRangesAreReadInAnyNotation(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.0.0/16": "10.1.0.0/16", "10.1.2.3": "10.1.2.3/32", " 10.1.2.0 - 10.1.2.255 ": "10.1.2.0/24", "10.1.2.7-10.1.2.40": "10.1.2.7-10.1.2.40",
		"::ffff:10.1.2.3": "10.1.2.3/32", "::ffff:10.1.2.0/120": "10.1.2.0/24", "2001:db8::1-2001:db8::9": "2001:db8::1-2001:db8::9", "2001:db8::/32": "2001:db8::/32",
		"fe80::1%eth0": "", "10.1.2": "", "10.1.2.3-": "", "": "", "a-b": "",
	} {
		var e e911.Element
		var err error
		e.Range, e.From, e.To, err = netmap.ParseRange(text)
		s, _ := netmap.SpanOf(e)
		if (err != nil) != (want == "") || err == nil && s.String() != want {
			t.Errorf("%q is read as %v, %v; want %s", text, s, err, want)
		}
	}
}

// Proves: F-19, F-06, W-08
func TestKeysThatFindNobodyAreRefused(t *testing.T) {
	at := func(e e911.Element) e911.Element {
		if e.Kind.Places() {
			e.Location = "l"
		}
		return e
	}
	r := netip.MustParsePrefix
	for name, c := range map[string]struct {
		e    e911.Element
		want string
	}{
		"access point":                 {e911.Element{Kind: "bssid", MAC: "00:11:22:33:44:50"}, ""},
		"range of access points":       {e911.Element{Kind: "bssid", MAC: "00:11:22:33:44:50", MACTo: "00:11:22:33:44:5f"}, ""},
		"range that falls":             {e911.Element{Kind: "bssid", MAC: "00:11:22:33:44:50", MACTo: "00:11:22:33:44:4f"}, "mac_to range"},
		"range over two vendors":       {e911.Element{Kind: "bssid", MAC: "00:11:22:ff:ff:ff", MACTo: "00:11:23:00:00:01"}, "mac_to ambiguous"},
		"range of a whole vendor":      {e911.Element{Kind: "bssid", MAC: "00:11:22:00:00:00", MACTo: "00:11:22:ff:ff:ff"}, "mac_to range"},
		"locally administered BSSID":   {e911.Element{Kind: "bssid", MAC: "02:11:22:33:44:50"}, "mac ambiguous"},
		"virtual router as gateway":    {e911.Element{Kind: "gateway", MAC: "00:00:0c:07:ac:01"}, "mac ambiguous"},
		"multicast adapter":            {e911.Element{Kind: "ata_port", MAC: "01:11:22:33:44:50", Name: "1"}, "mac ambiguous"},
		"upper case":                   {e911.Element{Kind: "gateway", MAC: "00:1B:22:33:44:50"}, "mac syntax"},
		"portable":                     {e911.Element{Kind: "mac", MAC: "00:11:22:33:44:50", Mobility: "portable"}, "mobility ambiguous"},
		"RFPI":                         {e911.Element{Kind: "dect_base", Name: "0123456789"}, ""},
		"short RFPI":                   {e911.Element{Kind: "dect_base", Name: "123456789"}, "name syntax"},
		"access point without name":    {e911.Element{Kind: "ap"}, "name required"},
		"pattern":                      {e911.Element{Kind: "lldp_ports", LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/[1-24]"}}, ""},
		"pattern of one port":          {e911.Element{Kind: "lldp_ports", LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "Gi1/0/1"}}, "lldp.port syntax"},
		"chassis by name":              {e911.Element{Kind: "lldp_ports", LLDP: e911.LLDPPort{Chassis: "switch1", Port: "Gi1/0/*"}}, "lldp.chassis ambiguous"},
		"low to high":                  {e911.Element{Kind: "ip", From: netip.MustParseAddr("10.1.0.7"), To: netip.MustParseAddr("10.1.0.9")}, ""},
		"high to low":                  {e911.Element{Kind: "ip", From: netip.MustParseAddr("10.1.0.9"), To: netip.MustParseAddr("10.1.0.7")}, "range syntax"},
		"two families":                 {e911.Element{Kind: "ip", From: netip.MustParseAddr("10.1.0.9"), To: netip.MustParseAddr("2001:db8::1")}, "range syntax"},
		"narrow range over a boundary": {e911.Element{Kind: "ip", From: netip.MustParseAddr("9.255.255.250"), To: netip.MustParseAddr("10.0.0.9")}, ""},
		"everybody's range":            {e911.Element{Kind: "ip", From: netip.MustParseAddr("9.0.0.1"), To: netip.MustParseAddr("80.0.0.9")}, "range range"},
		"bits beyond the length":       {e911.Element{Kind: "vpn", Range: r("10.8.1.0/16")}, "range syntax"},
		"VPN":                          {e911.Element{Kind: "vpn", Range: r("10.8.0.0/16")}, ""},
		"VPN at a place":               {e911.Element{Kind: "vpn", Range: r("10.8.0.0/16"), Location: "l"}, "location forbidden"},
		"virtual adapters":             {e911.Element{Kind: "ignore", MAC: "02:42:00:00:00:00", MACTo: "02:42:ff:ff:ff:ff"}, ""},
		"nothing to ignore":            {e911.Element{Kind: "ignore"}, "mac required"},
		"a MAC on a range":             {e911.Element{Kind: "ip", Range: r("10.8.0.0/16"), MAC: "00:11:22:33:44:50"}, "mac forbidden"},
		"a kind of a newer version":    {e911.Element{Kind: "beacon"}, "kind syntax"},
	} {
		e := c.e
		if e.Kind.Places() || e.Location == "" {
			e = at(e)
		}
		var got []string
		for _, f := range netmap.Faults(e) {
			got = append(got, f.Path+" "+f.Code)
			if f.Msg == "" || f.Fix == "" {
				t.Errorf("%s: a fault without reason or fix: %+v", name, f)
			}
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	e := at(e911.Element{Kind: "ip", Range: r("10.1.0.0/16")})
	e.Location = ""
	if f := netmap.Faults(e); len(f) != 1 || f[0].Path != "location" {
		t.Errorf("an element without a place: %v", f)
	}
}

// Proves: F-19
func TestAnyNotationBecomesTheOneForm(t *testing.T) {
	got := netmap.Canonical(e911.Element{Kind: "dect_base", Name: " 01-23.45:67:aB "})
	if got.Name != "01234567ab" {
		t.Errorf("RFPI %q", got.Name)
	}
	for _, s := range []e911.MAC{"001B.2233.4450", "00-1B-22-33-44-50", "001b22334450", "00:1b:22:33:44:50"} {
		if e := netmap.Canonical(e911.Element{Kind: "bssid", MAC: s, MACTo: s}); e.MAC != "00:1b:22:33:44:50" || e.MACTo != "" {
			t.Errorf("%s becomes %s to %s", s, e.MAC, e.MACTo)
		}
	}
	port := e911.LLDPPort{Chassis: "0C75.BD00.0001", Port: " Slot 1 / Port 7 "}
	if e := netmap.Canonical(e911.Element{Kind: "lldp_port", LLDP: port}); e.LLDP.Port != port.Port || e.LLDP.Chassis != "0c:75:bd:00:00:01" {
		t.Errorf("port %+v", e.LLDP)
	}
}
