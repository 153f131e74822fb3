package locate

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Plausible reports whether an answer that stands on e may be given to a request
// that nobody authenticated. What such a device tells of its network is its
// word: with made-up access points it could ask where each of them is. So the
// answer must fit the source address, which the device cannot make up and still
// get an answer (RFC 7105, "Security Considerations"):
//
//   - the source is on the map: e is at the same site, or agrees with it;
//   - the source is of a tunnel of the organisation, of its public ranges, or
//     private: it came from inside, where no place follows from it: any;
//   - any other source: nothing that the device itself says.
//
// What the map tells of the source itself, and what the network told us, is
// always plausible. When it is not, the caller answers with the evidence of
// AtSource, or that nothing is known.
func Plausible(m Measurement, e Evidence, n Map) (ok bool, why string) {
	if e.Who == ByServer || e.Who == ByNetwork {
		return true, "it does not stand on the device's word"
	}
	switch e.By {
	case e911.ByNumber, e911.ByRegistered, e911.BySiteDefault, e911.ByNothing:
		return true, "it does not stand on the device's word"
	}
	source := m.Source.Unmap()
	if !source.IsValid() {
		return false, "the source address of the request is not known"
	}
	if kind, tunnel := n.Tunnel(source); tunnel {
		return true, "the request comes through a " + string(kind) + " of the organisation"
	}
	if at, known := AtSource(source, n); known {
		same := at.Place.Site != "" && at.Place.Site == e.Place.Site
		if same || relate(at, e) != disjoint {
			return true, "it is where the source address is, or at the same site"
		}
		return false, "it is far from where the source address is: " + at.Place.Display
	}
	if n.InPublicRange(source) || kindOf(source) == e911.ByPrivateIP {
		return true, "the request comes from the organisation's own network"
	}
	return false, "the request comes from an address that is none of the organisation's"
}

// AtSource is the evidence of a source address alone; false when it is not on
// the map, or a tunnel's. Its time is left to the caller.
func AtSource(source netip.Addr, n Map) (Evidence, bool) {
	source = source.Unmap()
	if _, tunnel := n.Tunnel(source); !source.IsValid() || tunnel || n.IgnoredAddr(source) {
		return Evidence{}, false
	}
	id, ok := n.ByIP(source)
	if !ok {
		return Evidence{}, false
	}
	e, ok := FromLocation(n, id, kindOf(source), time.Time{})
	e.Said, e.Who = "source address "+source.String(), ByServer
	return e, ok
}
