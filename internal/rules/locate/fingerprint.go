package locate

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// NetworkID is by what a network is recognised when a device comes back to it
// (W-08): its default gateway, the name and the access points of its radio, and
// the public address that it shows. It proves no place. The zero value is of a
// network of which nothing is known. It has a compact JSON form.
type NetworkID struct {
	Gateway e911.MAC     `json:"gw,omitempty"`
	SSID    string       `json:"ssid,omitempty"`
	Radios  []e911.MAC   `json:"ap,omitempty"`  // sorted, each by its family (radioFamily)
	Shared  []e911.MAC   `json:"lap,omitempty"` // locally administered ones, verbatim
	Public  netip.Prefix `json:"pub,omitzero"`  // one IPv4 address, or an IPv6 site
}

// Bounds of a NetworkID.
const (
	maxRadios = 8
	maxSSID   = 32 // octets (IEEE 802.11, section 9.4.2.2)
	siteBits  = 56 // what providers give to a home at least (RFC 6177)
)

// Fingerprint recognises the network of a measurement. Interfaces without link
// and virtual ones do not count; behind a tunnel the source address is the
// tunnel's, and what the physical interface sees still counts (W-38). Only the
// serving access point counts: those nearby are the neighbours'. T may be nil.
func Fingerprint(t Tunnels, m Measurement) NetworkID {
	var id NetworkID
	add := func(mac e911.MAC) {
		canonical, err := e911.ParseMAC(string(mac))
		switch {
		case err != nil || canonical != mac || mac.Group() || (t != nil && t.IgnoredMAC(mac)):
		case mac.Local():
			id.Shared = append(id.Shared, mac)
		default:
			id.Radios = append(id.Radios, radioFamily(mac))
		}
	}
	for _, in := range m.interfaces() {
		if in.Down || in.Virtual || (t != nil && in.MAC != "" && t.IgnoredMAC(in.MAC)) {
			continue
		}
		if id.Gateway == "" && macFault(in.Gateway) == "" && (t == nil || !t.IgnoredMAC(in.Gateway)) {
			id.Gateway = in.Gateway
		}
		if in.Serving != "" {
			add(in.Serving)
		}
	}
	id.SSID = m.SSID[:min(len(m.SSID), maxSSID)]
	id.Radios, id.Shared = tidy(id.Radios), tidy(id.Shared)
	if !m.Tunnel {
		id.Public = publicNetwork(t, m.Source.Unmap())
	}
	return id
}

func tidy(macs []e911.MAC) []e911.MAC {
	slices.Sort(macs)
	macs = slices.Compact(macs)
	return macs[:min(len(macs), maxRadios)]
}

// radioFamily writes a BSSID without its last four bits: the radios and names of
// one access point count up there.
func radioFamily(m e911.MAC) e911.MAC { return m[:len(m)-1] + "0" }

func publicNetwork(t Tunnels, a netip.Addr) netip.Prefix {
	if !a.IsValid() || kindOf(a) == e911.ByPrivateIP || !a.IsGlobalUnicast() {
		return netip.Prefix{}
	}
	if t != nil {
		if _, pool := t.Tunnel(a); pool || t.IgnoredAddr(a) {
			return netip.Prefix{}
		}
	}
	bits := a.BitLen()
	if a.Is6() {
		bits = siteBits
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Known reports whether anything is known by which the network is found again.
func (id NetworkID) Known() bool {
	return id.Gateway != "" || len(id.Radios) > 0 || id.Public.IsValid()
}

// Same reports one network, as far as both tell. The gateway alone is enough,
// whatever address its provider gave it today; so is an access point, whichever
// of a mesh serves, when the names of the two networks do not differ. A public
// address alone is enough only between measurements that saw neither gateway
// nor radio: behind one address of a provider there may be many homes. The name
// of a radio network is never enough, and a locally administered access point,
// as telephones open them wherever they are, only with the same public address.
func (id NetworkID) Same(o NetworkID) bool {
	if id.Gateway != "" && id.Gateway == o.Gateway {
		return true
	}
	named := id.SSID != "" && id.SSID == o.SSID
	renamed := id.SSID != "" && o.SSID != "" && id.SSID != o.SSID
	if !renamed && common(id.Radios, o.Radios) {
		return true
	}
	public := id.Public.IsValid() && id.Public == o.Public
	if !public || (id.Gateway != "" && o.Gateway != "") {
		return false
	}
	if named || common(id.Shared, o.Shared) {
		return true
	}
	return id.bare() || o.bare()
}

func (id NetworkID) bare() bool {
	return id.Gateway == "" && len(id.Radios) == 0 && len(id.Shared) == 0 && id.SSID == ""
}

func common(a, b []e911.MAC) bool {
	return slices.ContainsFunc(a, func(m e911.MAC) bool { return slices.Contains(b, m) })
}

// Merge adds what a later measurement of the same network saw to what is stored
// of it, so that a mesh of access points is known one after the other; the rest
// becomes that of the later one.
func (id NetworkID) Merge(later NetworkID) NetworkID {
	out := id
	out.Radios = tidy(slices.Concat(id.Radios, later.Radios))
	out.Shared = tidy(slices.Concat(id.Shared, later.Shared))
	if later.Gateway != "" {
		out.Gateway = later.Gateway
	}
	if later.SSID != "" {
		out.SSID = later.SSID
	}
	if later.Public.IsValid() {
		out.Public = later.Public
	}
	return out
}

// Home is an address that a user confirmed for a network, or set by hand while
// he was on it.
type Home struct {
	Network NetworkID      `json:"network"`
	Place   e911.Place     `json:"place"`
	At      time.Time      `json:"at"` // when he said it
	Verdict Verdict        `json:"verdict,omitempty"`
	By      e911.LocatedBy `json:"by"` // ByConfirmed or ByUserSet
}

// FromHomes returns the candidates of ranks 5 and 6 for a device that is on a
// network (W-08): of the addresses confirmed for this network the newest, and
// the location set by hand, which is over when the network is another one
// (F-18). Known is false when none counts here: then the client asks its user.
func FromHomes(homes []Home, here NetworkID) (out []Candidate, known bool) {
	newest := map[e911.LocatedBy]Home{}
	for _, h := range homes {
		if h.By != e911.ByConfirmed && h.By != e911.ByUserSet {
			continue
		}
		if h.By == e911.ByConfirmed && !h.Network.Same(here) {
			continue
		}
		if last, ok := newest[h.By]; !ok || h.At.After(last.At) {
			newest[h.By] = h
		}
	}
	if h, ok := newest[e911.ByConfirmed]; ok {
		out = append(out, h.candidate(RankConfirmed, "address confirmed for this network"))
		known = true
	}
	if h, ok := newest[e911.ByUserSet]; ok {
		c := h.candidate(RankUserSet, "set by hand")
		if h.Network.Known() && here.Known() && !h.Network.Same(here) {
			c.Over = "over: the device is on another network than when its user set this (F-18)"
		} else {
			known = true
		}
		out = append(out, c)
	}
	return out, known
}

func (h Home) candidate(r Rank, said string) Candidate {
	return Candidate{
		Evidence: Evidence{By: h.By, At: h.At, Place: h.Place, Said: said, Who: ByDevice},
		Rank:     r, Via: "user", Verdict: h.Verdict,
	}
}

// String tells what is known of a network without telling what it is.
func (id NetworkID) String() string {
	return "network of " + strconv.Itoa(len(id.Radios)+len(id.Shared)) + " access points"
}
