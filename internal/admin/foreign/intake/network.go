package intake

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// BSSID reads a BSSID, or one whose last one or two digits are "*", which is a
// range of 16 or of 256.
func BSSID(s string) (from, to e911.MAC, err error) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(":-. ", r) {
			return -1
		}
		return r
	}, s)
	head, wild := strings.CutSuffix(digits, "*")
	if !wild {
		from, err = e911.ParseMAC(s)
		return from, "", err
	}
	if len(head) != 10 && len(head) != 11 {
		return "", "", e911.Errorf(e911.Invalid, "a * stands for the last one or two digits of a BSSID")
	}
	low, high := head+strings.Repeat("0", 12-len(head)), head+strings.Repeat("f", 12-len(head))
	if from, err = e911.ParseMAC(low); err == nil {
		to, err = e911.ParseMAC(high)
	}
	return from, to, err
}

// Wildcard writes a range of 16 or 256 BSSIDs as Teams does; false for another.
func Wildcard(from, to e911.MAC) (string, bool) {
	a, b := strings.ReplaceAll(string(from), ":", ""), strings.ReplaceAll(string(to), ":", "")
	for _, n := range []int{1, 2} {
		if len(a) == 12 && len(b) == 12 && a[:12-n] == b[:12-n] && a[12-n:] == strings.Repeat("0", n) && b[12-n:] == strings.Repeat("f", n) {
			return Dashed(a[:12-n] + "*"), true
		}
	}
	return "", false
}

// Dashed writes a hardware address as Windows does: 00-11-22-33-44-50.
func Dashed(mac string) string {
	mac = strings.ToUpper(strings.ReplaceAll(mac, ":", ""))
	var b strings.Builder
	for i, r := range mac {
		if i > 0 && i%2 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// LastDigit is the range of the 16 BSSIDs that differ from m in the last digit.
func LastDigit(m e911.MAC) (from, to e911.MAC) {
	b, err := hex.DecodeString(strings.ReplaceAll(string(m), ":", ""))
	if err != nil || len(b) != 6 {
		return m, ""
	}
	low, high := [6]byte(b), [6]byte(b)
	low[5] &= 0xf0
	high[5] |= 0x0f
	return e911.MACFrom(low), e911.MACFrom(high)
}

// Element adds a network element at the location of the key. What a single edit
// refuses is a fault of the row here.
func (o *Out) Element(r Row, from, at Col, e e911.Element, location string) bool {
	e.Location = e911.LocationID(location) // the key stands for the id that it has not yet
	e = netmap.Canonical(e)
	if faults := netmap.Faults(e); len(faults) > 0 {
		for _, f := range faults {
			o.Fault(r, from, f.Code, f.Msg, f.Fix)
		}
		return false
	}
	cells := []Cell{{"kind", string(e.Kind), from}, {"mac", string(e.MAC), from}, {"mac_to", string(e.MACTo), from}, {"chassis", e.LLDP.Chassis, from}, {"port", e.LLDP.Port, from}, {"range", rangeText(e), from}, {"name", e.Name, from}, {"mobility", string(e.Mobility), from}, {"location", location, at}}
	return o.Put(sheet.Elements, admin.ElementKey(e), r, cells...)
}

func rangeText(e e911.Element) string {
	switch {
	case e.Range.IsValid():
		return e.Range.String()
	case e.From.IsValid():
		return e.From.String() + "-" + e.To.String()
	}
	return ""
}

// Subnet reads a subnet that some products tell by its first address alone. Bits
// is its size where another file tells it; 0: the option says, or it is a fault.
func (o *Out) Subnet(r Row, from Col, text string, bits int) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		o.Fault(r, from, check.Syntax, quoted(text)+" is no subnet", "write 10.1.2.0, or 10.1.2.0/24")
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	if bits == 0 {
		bits = o.opt.SubnetBits
	}
	if bits == 0 {
		o.Fault(r, from, CodeUncertain, fmt.Sprintf("the file says where the subnet %s begins and not where it ends", a),
			"give the file that has the mask too, or --subnet-bits 24 when all have the same")
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(bits)
	if err != nil || p.Addr() != a {
		o.Fault(r, from, check.Range, fmt.Sprintf("no subnet of /%d begins at %s", bits, a), "correct the mask there")
		return netip.Prefix{}, false
	}
	return p, true
}

// Number reads a telephone number as the product writes it; what is none is a
// warning, and comes over as nothing.
func (o *Out) Number(r Row, c Col) e911.Number {
	text := r.Get(c)
	if text == "" {
		return ""
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "tel:"), "TEL:")
	text, _, _ = strings.Cut(text, ";")
	n, err := e911.ParseNumber(text)
	if err != nil {
		o.Warn(r, c, check.Syntax, quoted(text)+" is no telephone number and was left out", "write +16175550100, or ten digits")
		return ""
	}
	return n
}
