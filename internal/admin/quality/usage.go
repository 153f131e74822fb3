package quality

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// usage is what devices show of the network, laid out to be asked by element.
type usage struct {
	ports map[string]map[string]bool // by chassis
	addrs []netip.Addr               // own and source addresses, sorted
	radio []e911.MAC                 // BSSIDs, sorted
	names map[string]bool            // kind and name, kind and hardware address
}

// newUsage reads sightings; nil when nothing is known.
func newUsage(shown iter.Seq[locate.Sighting]) *usage {
	if shown == nil {
		return nil
	}
	u := &usage{ports: map[string]map[string]bool{}, names: map[string]bool{}}
	for s := range shown {
		u.take(s)
	}
	slices.SortFunc(u.addrs, netip.Addr.Compare)
	slices.Sort(u.radio)
	return u
}

func (u *usage) take(s locate.Sighting) {
	switch s.Layer {
	case locate.LayerLLDP:
		for i := 0; i+2 < len(s.Keys); i += 3 { // chassis, subtype, port
			if u.ports[s.Keys[i]] == nil {
				u.ports[s.Keys[i]] = map[string]bool{}
			}
			u.ports[s.Keys[i]][s.Keys[i+2]] = true
		}
	case locate.LayerServing, locate.LayerNearby:
		for _, k := range s.Keys {
			if m, err := e911.ParseMAC(k); err == nil {
				u.radio = append(u.radio, m)
			}
		}
	case locate.LayerOwn, locate.LayerSource:
		for _, k := range s.Keys {
			if a, err := netip.ParseAddr(k); err == nil {
				u.addrs = append(u.addrs, a.Unmap().WithZone(""))
			}
		}
	case locate.LayerATA:
		if len(s.Keys) > 1 {
			u.names[named(e911.ElementATAPort, s.Keys[0]+" "+s.Keys[1])] = true
		}
	case locate.LayerMAC, locate.LayerGateway, locate.LayerDECT, locate.LayerWLC:
		kind := map[locate.Layer]e911.ElementKind{
			locate.LayerMAC: e911.ElementMAC, locate.LayerGateway: e911.ElementGateway,
			locate.LayerDECT: e911.ElementDECTBase, locate.LayerWLC: e911.ElementAP,
		}[s.Layer]
		for _, k := range s.Keys {
			u.names[named(kind, k)] = true
		}
	}
}

func named(kind e911.ElementKind, name string) string {
	return string(kind) + " " + strings.ToLower(name)
}

// has reports whether a device shows the element.
func (u *usage) has(e e911.Element) bool {
	switch e.Kind {
	case e911.ElementLLDPPort:
		return u.ports[e.LLDP.Chassis][e.LLDP.Port]
	case e911.ElementLLDPChassis:
		return len(u.ports[e.LLDP.Chassis]) > 0
	case e911.ElementLLDPPorts:
		p, err := netmap.ParsePorts(e.LLDP.Port)
		if err != nil {
			return false
		}
		for port := range u.ports[e.LLDP.Chassis] {
			if p.Match(port) {
				return true
			}
		}
		return false
	case e911.ElementBSSID:
		to := e.MACTo
		if to == "" {
			to = e.MAC
		}
		i, _ := slices.BinarySearch(u.radio, e.MAC)
		return i < len(u.radio) && u.radio[i] <= to
	case e911.ElementIP:
		s, ok := netmap.SpanOf(e)
		if !ok {
			return false
		}
		i, _ := slices.BinarySearchFunc(u.addrs, s.From, netip.Addr.Compare)
		return i < len(u.addrs) && u.addrs[i].Compare(s.To) <= 0
	case e911.ElementATAPort:
		return u.names[named(e.Kind, string(e.MAC)+" "+e.Name)]
	case e911.ElementMAC, e911.ElementGateway:
		return u.names[named(e.Kind, string(e.MAC))]
	}
	return u.names[named(e.Kind, e.Name)]
}
