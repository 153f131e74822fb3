package snapshot

import (
	"iter"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

// Knows reports whether the network map places a key, by whatever element
// matches it.
func (o *Org) Knows(k suggest.Key) (ok bool) {
	switch k.Kind {
	case e911.ElementLLDPPort:
		_, ok = o.ByLLDPPort(k.LLDP)
	case e911.ElementLLDPChassis:
		_, ok = o.ByLLDPChassis(k.LLDP.Chassis)
	case e911.ElementBSSID:
		_, ok = o.ByBSSID(k.MAC)
	case e911.ElementGateway:
		_, ok = o.ByGateway(k.MAC)
	case e911.ElementDECTBase:
		_, ok = o.ByDECTBase(k.Name)
	case e911.ElementAP:
		_, ok = o.ByAP(k.Name)
	case e911.ElementATAPort:
		_, ok = o.ByATAPort(k.MAC, k.Name)
	case e911.ElementIP:
		_, ok = o.ByIP(k.Addr)
	}
	return ok
}

// Models lists the device models, in no order.
func (s *Snapshot) Models() iter.Seq[e911.Model] { return deref(s.models.values()) }
