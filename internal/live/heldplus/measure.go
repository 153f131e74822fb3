package heldplus

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Bounds of what is looked at of one report.
const (
	maxInterfaces = 32
	maxAddresses  = 16
	maxLLDP       = 4
	maxHeard      = 64
	maxAhead      = 2 * time.Minute
	oldest        = time.Hour // a measurement that is older was not taken for this report
)

// The kinds of interface.
const (
	kindVirtual = "virtual"
	kindVPN     = "vpn"
)

// reader turns a report into a measurement. What is broken is left out and told.
type reader struct {
	q       *request
	org     *snapshot.Org
	m       locate.Measurement
	ignored []Ignored
	skew    time.Duration
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func (r *reader) bad(field, msg, fix string) { r.q.left(field, "format", msg, fix) }

func (r *reader) ignore(name, addr, why string) {
	if len(r.ignored) < maxWarnings {
		r.ignored = append(r.ignored, Ignored{Interface: clip(name, 64), Address: addr, Why: why})
	}
}

// read takes a report in.
func (r *reader) read(in *ReportRequest) {
	now := r.q.now
	r.m = locate.Measurement{At: now, SourceAt: now, Source: r.q.source, Who: locate.ByDevice, Tunnel: in.Tunnel}
	if !in.At.IsZero() {
		r.clock(in.At, now)
	}
	for i := range in.Interfaces {
		if in.Interfaces[i].Kind == kindVPN && in.Interfaces[i].Up {
			r.m.Tunnel = true
		}
	}
	if kind, ok := r.org.Tunnel(r.q.source); ok {
		r.ignore("", r.q.source.String(), "the request comes through a "+string(kind)+", which may be anywhere")
	}
	for i := range in.Interfaces {
		if i == maxInterfaces {
			r.q.left("interfaces", "limit", "32 interfaces are looked at", "leave out those without link")
			break
		}
		r.one(at("interfaces", i), &in.Interfaces[i])
	}
}

// clock takes the client's time of the measurement where its clock can be right.
func (r *reader) clock(told, now time.Time) {
	r.skew = told.Sub(now)
	switch {
	case told.Year() < 2024:
		r.q.left("at", "clock", "the client's clock was never set; the time of arrival counts", "set the clock")
	case r.skew > maxAhead:
		r.q.left("at", "clock", "the client's clock is ahead of ours; the time of arrival counts", "set the clock")
	case r.skew < -oldest:
		r.q.left("at", "clock", "the measurement is older than an hour, or the client's clock is behind; the time of arrival counts", "measure anew, set the clock")
	case told.Before(now):
		r.m.At = told.UTC().Truncate(time.Millisecond)
	}
}

func (r *reader) one(field string, in *Interface) {
	out := locate.Interface{Name: clip(in.Name, 64), Down: !in.Up}
	if out.Name == "" {
		r.q.left(field+".name", "required", "an interface needs its name", "as the system names it")
		out.Name = field
	}
	out.MAC = r.mac(field+".mac", in.MAC)
	switch {
	case in.Kind == kindVPN:
		out.Virtual = true
		r.ignore(in.Name, "", "a VPN may end anywhere (W-38)")
	case in.Kind == kindVirtual:
		out.Virtual = true
		r.ignore(in.Name, "", "it is virtual: what stands behind it is no place (W-38)")
	case out.MAC != "" && r.org.IgnoredMAC(out.MAC):
		out.Virtual = true
		r.ignore(in.Name, "", "it has the hardware address of a virtual adapter (W-38)")
	case out.Down:
		r.ignore(in.Name, "", "it has no link (F-19)")
	case in.Kind != "ethernet" && in.Kind != "wifi" && in.Kind != "cellular" && in.Kind != "other":
		r.bad(field+".kind", "there is no such kind; the interface counts as other", "ethernet, wifi, cellular, virtual, vpn or other")
	}
	if out.Virtual || out.Down {
		r.m.Interfaces = append(r.m.Interfaces, out)
		return
	}
	out.Gateway = r.mac(field+".gateway_mac", in.GatewayMAC)
	if r.m.Tunnel && (out.Gateway != "" || len(in.Addresses) > 0) {
		r.ignore(in.Name, "", "addresses and gateway prove no place while a tunnel is up (F-06); they still tell one network from another")
	}
	r.addresses(field, in, &out)
	for i := range in.LLDP {
		if i == maxLLDP {
			r.q.left(field+".lldp", "limit", "4 neighbours are looked at", "")
			break
		}
		r.neighbor(at(field+".lldp", i), &in.LLDP[i], &out)
	}
	if in.WiFi != nil {
		r.wifi(field+".wifi", in.WiFi, &out)
	}
	r.m.Interfaces = append(r.m.Interfaces, out)
}

// mac reads a hardware address; empty when there is none.
func (r *reader) mac(field, text string) e911.MAC {
	if text == "" {
		return ""
	}
	m, err := e911.ParseMAC(text)
	if err != nil || len(text) > 32 {
		r.bad(field, "this is no hardware address", "write 00:11:22:33:44:55")
		return ""
	}
	if m.Group() {
		r.bad(field, "a multicast address is no device's", "")
		return ""
	}
	return m
}

func (r *reader) addresses(field string, in *Interface, out *locate.Interface) {
	for i, text := range in.Addresses {
		f := at(field+".addresses", i)
		if i == maxAddresses {
			r.q.left(field+".addresses", "limit", "16 addresses are looked at", "")
			break
		}
		a, err := netip.ParseAddr(text)
		if err != nil {
			r.bad(f, "this is no IP address", "write 192.0.2.7 or 2001:db8::7, without a length")
			continue
		}
		a = a.Unmap().WithZone("")
		_, pool := r.org.Tunnel(a)
		switch {
		case a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
			r.ignore(in.Name, a.String(), "an address of this kind tells no network")
		case r.org.IgnoredAddr(a):
			r.ignore(in.Name, a.String(), "it belongs to a virtual adapter (W-38)")
		case pool:
			r.ignore(in.Name, a.String(), "it comes from the pool of a tunnel (F-06)")
		default:
			out.Addrs = append(out.Addrs, a)
		}
	}
	if in.GatewayIP != "" {
		if _, err := netip.ParseAddr(in.GatewayIP); err != nil {
			r.bad(field+".gateway_ip", "this is no IP address", "write 192.0.2.1")
		}
	}
}

func (r *reader) neighbor(field string, in *Neighbor, out *locate.Interface) {
	n := locate.Neighbour{Chassis: clip(in.Chassis, 255), Port: clip(in.Port, 255), ChassisSubtype: in.ChassisSubtype}
	if in.ChassisSubtype < 0 || in.ChassisSubtype > 7 {
		r.bad(field+".chassis_subtype", "subtypes are 1 to 7; it counts as unknown", "see IEEE 802.1AB, table 8-2")
		n.ChassisSubtype = 0
	}
	if n.Chassis == "" && n.Port == "" {
		r.q.left(field, "required", "a neighbour needs its chassis id", "")
		return
	}
	if m, err := e911.ParseMAC(n.Chassis); err == nil {
		n.Chassis = string(m)
	}
	out.LLDP = append(out.LLDP, n)
}

func (r *reader) wifi(field string, in *WiFi, out *locate.Interface) {
	out.Serving = r.mac(field+".bssid", in.BSSID)
	if r.m.SSID == "" {
		// An SSID is octets; what a client could not write as text comes as it is.
		r.m.SSID = in.SSID[:min(len(in.SSID), 32)]
	}
	for i := range in.Neighbours {
		if i == maxHeard {
			r.q.left(field+".neighbours", "limit", "64 access points are looked at, in the order told", "tell the strongest first")
			break
		}
		if m := r.mac(at(field+".neighbours", i)+".bssid", in.Neighbours[i].BSSID); m != "" {
			out.Neighbours = append(out.Neighbours, m)
		}
	}
}

// position reads what the operating system knows; nil when it is none.
func (r *reader) position(in *Position) (*e911.Area, time.Time) {
	if in == nil {
		return nil, time.Time{}
	}
	finite := func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
	const coarsest = 100_000 // metres; what is less exact finds no PSAP
	switch {
	case !finite(in.Lat) || !finite(in.Lon) || math.Abs(in.Lat) > 90 || math.Abs(in.Lon) > 180 || (in.Lat == 0 && in.Lon == 0):
		r.bad("position", "there is no such place on earth", "degrees of WGS 84, latitude first")
		return nil, time.Time{}
	case !finite(in.UncertaintyM) || in.UncertaintyM <= 0 || in.UncertaintyM > coarsest:
		r.bad("position.uncertainty_m", "a position needs its uncertainty, below 100 km", "radius at 95 % confidence, metres")
		return nil, time.Time{}
	}
	when := r.q.now
	if !in.At.IsZero() && in.At.Before(when) && in.At.Year() >= 2024 {
		when = in.At.UTC().Truncate(time.Millisecond)
	}
	return &e911.Area{Point: e911.Point{Lat: in.Lat, Lon: in.Lon}, RadiusM: in.UncertaintyM}, when
}

func display(a *e911.Area) string {
	return fmt.Sprintf("%.5f, %.5f within %.0f m", a.Lat, a.Lon, a.RadiusM)
}
