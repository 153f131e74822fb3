package discover

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// accessPoint reads a column that is indexed by the access point's MAC:
// bsnAPTable by that of its radio, wlanAPTable by the wired one.
func accessPoint(set func(*AP, Row)) func(*reading, index, Row) bool {
	return func(r *reading, x index, v Row) bool {
		m := x.mac()
		if !x.done() || v.Octets == nil {
			return false
		}
		a := kept(r.aps, string(m))
		if a != nil {
			set(a, v)
		}
		return a != nil
	}
}

func (r *reading) wirelessStation(x index, _ Row) bool {
	m := x.mac()
	if !x.done() || len(r.d.Wireless) >= maxKept {
		return false
	}
	r.d.Wireless = append(r.d.Wireless, m)
	return true
}

// arubaBSSID reads wlanAPBssidTable: access point, radio, BSSID.
func (r *reading) arubaBSSID(x index, v Row) bool {
	ap, _, bssid := x.mac(), x.number(), x.mac()
	if !x.done() {
		return false
	}
	a := kept(r.aps, string(ap))
	if a == nil {
		return false
	}
	radio := Radio{From: bssid}
	text(&radio.SSID, v)
	a.Radios = append(a.Radios, radio)
	return true
}

func (r *reading) ubntSSID(x index, v Row) bool {
	x.number()
	return x.done() && text(&r.ssid, v)
}

// The modes of ubntRadioMode in which the device is an access point itself; as
// a station it would name somebody else's.
const (
	ubntAP    = 2
	ubntAPWDS = 4
)

func (r *reading) ubntBSSID(x index, v Row) bool {
	x.number()
	m := macOf(v.Octets)
	if !x.done() || m == "" {
		return false
	}
	if r.ubntMode < ubntAP || r.ubntMode > ubntAPWDS {
		return true
	}
	a := kept(r.aps, "")
	a.Name, a.Radios = r.d.Name, append(a.Radios, Radio{From: m, SSID: r.ssid})
	return true
}

func (r *reading) sangfor(x index) *AP {
	n := x.number()
	if !x.done() {
		return nil
	}
	return kept(r.aps, OID{n}.String())
}

func (r *reading) sangforName(x index, v Row) bool {
	a := r.sangfor(x)
	return a != nil && text(&a.Name, v)
}

func (r *reading) sangforGroup(x index, v Row) bool {
	a := r.sangfor(x)
	return a != nil && text(&a.Location, v)
}

// radios gives each access point of a Cisco controller its BSSIDs: the sixteen
// from the base radio MAC, of which the controller hands one to each WLAN. The
// range stops before the base of another access point.
func (r *reading) radios() {
	if len(r.d.APs) == 0 || r.d.Vendor != "Cisco" {
		return
	}
	var bases []e911.MAC
	for k := range r.aps {
		bases = append(bases, e911.MAC(k))
	}
	slices.Sort(bases)
	r.d.APs = r.d.APs[:0]
	for i, m := range bases {
		a := *r.aps[string(m)]
		if strings.EqualFold(a.Location, "default location") {
			a.Location = "" // as the controller ships it
		}
		radio := Radio{From: m}
		if to := last16(m); to != "" && (i+1 == len(bases) || bases[i+1] > to) {
			radio.To = to
		}
		a.Radios = append(a.Radios, radio)
		r.d.APs = append(r.d.APs, a)
	}
}

// last16 is the last of the sixteen that begin at m, "" when m is not the
// first of sixteen.
func last16(m e911.MAC) e911.MAC {
	b, err := hex.DecodeString(strings.ReplaceAll(string(m), ":", ""))
	if err != nil || len(b) != 6 || b[5]&0xf != 0 {
		return ""
	}
	b[5] |= 0xf
	return e911.MACFrom([6]byte(b))
}
