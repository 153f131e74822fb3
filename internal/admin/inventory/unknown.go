package inventory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

// State is what became of an unknown element.
type State string

// The states of an unknown element.
const (
	Open     State = "open"
	Assigned State = "assigned" // put on the map from the queue
	Mapped   State = "mapped"   // put on the map in another way; closed by itself
	Ignored  State = "ignored"  // nobody wants it on the map: a hot spot, a virtual adapter
)

// States lists them.
func States() []State { return []State{Open, Assigned, Mapped, Ignored} }

// Unknown is a network element that devices showed and the map did not know.
type Unknown struct {
	Org e911.OrgID  `json:"org"`
	ID  string      `json:"id"` // the same for the same key for ever
	Key suggest.Key `json:"key"`

	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Devices is how many different ones showed it; Stranded of them are those
	// that nothing else located then.
	Devices  int            `json:"devices"`
	Stranded int            `json:"stranded"`
	Samples  []string       `json:"samples,omitempty"`  // names of devices, at most 8
	Siblings []suggest.Key  `json:"siblings,omitempty"` // what was shown with it
	Seen     []suggest.Seen `json:"seen,omitempty"`     // where other evidence put its devices
	Source   string         `json:"source,omitempty"`   // address of the last request
	Told     time.Time      `json:"told,omitzero"`      // when people were told last

	// Applied is the highest sequence applied of each node's journal.
	Applied map[string]uint64 `json:"applied,omitempty"`

	Decision `json:"decision"`
}

// Decision is what people, or the map, say of an element. The projection never
// changes it, but that a key which is off the map again is open again.
type Decision struct {
	State    State           `json:"state"`
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at,omitzero"`
	Why      string          `json:"why,omitempty"`
	Location e911.LocationID `json:"location,omitempty"`
}

// maxSamples is how many devices of an element are named.
const maxSamples = 8

// UnknownID names a key in an organisation.
func UnknownID(k suggest.Key) string {
	h := sha256.Sum256([]byte(admin.ElementKey(Element(k))))
	return hex.EncodeToString(h[:6])
}

// Element is the network element that a key would be on the map, without id,
// organisation and location.
func Element(k suggest.Key) e911.Element {
	e := e911.Element{Kind: k.Kind, MAC: k.MAC, LLDP: k.LLDP, Name: k.Name}
	if k.Kind == e911.ElementIP {
		a := k.Addr.Unmap().WithZone("")
		e.Range = netip.PrefixFrom(a, a.BitLen())
	}
	return e
}

// KeyText says what a key is, for a person.
func KeyText(k suggest.Key) string {
	switch k.Kind {
	case e911.ElementLLDPPort:
		return fmt.Sprintf("switch port %s of %s", k.LLDP.Port, k.LLDP.Chassis)
	case e911.ElementLLDPChassis:
		return "switch " + k.LLDP.Chassis
	case e911.ElementBSSID:
		return "access point " + string(k.MAC)
	case e911.ElementGateway:
		return "default gateway " + string(k.MAC)
	case e911.ElementDECTBase:
		return "DECT base " + k.Name
	case e911.ElementAP:
		return "access point named " + k.Name
	case e911.ElementATAPort:
		return fmt.Sprintf("port %s of adapter %s", k.Name, k.MAC)
	case e911.ElementIP:
		return "address " + k.Addr.String()
	}
	return strings.TrimSpace(string(k.Kind) + " " + string(k.MAC) + k.Name)
}

func keyOf(f journal.UnknownKey) suggest.Key {
	return suggest.Key{Kind: f.Kind, MAC: f.MAC, LLDP: f.LLDP, Addr: f.Addr, Name: f.Name}
}

// unknownOf reads the key that a fact is about.
func unknownOf(f journal.Fact) (b journal.UnknownElement, id string, ok bool) {
	if f.Kind != journal.NetworkUnknown || f.Org == "" {
		return b, "", false
	}
	b, err := journal.Decode[journal.UnknownElement](f)
	if err != nil || b.Kind == "" {
		return b, "", false
	}
	return b, UnknownID(keyOf(b.UnknownKey)), true
}

// ApplyUnknown folds one fact into the element and reports whether it changed
// it, as ApplyDevice does.
func ApplyUnknown(u *Unknown, f journal.Fact) bool {
	b, id, ok := unknownOf(f)
	if !ok || (u.ID != "" && (u.ID != id || u.Org != f.Org)) || f.Seq <= u.Applied[f.Node] {
		return false
	}
	u.Org, u.ID, u.Key = f.Org, id, keyOf(b.UnknownKey)
	if u.First.IsZero() || b.First.Before(u.First) {
		u.First = b.First
	}
	if !b.Last.Before(u.Last) {
		u.Last, u.Source = b.Last, b.Source
		u.Siblings = nil
		for _, s := range b.Siblings[:min(len(b.Siblings), maxSamples)] {
			u.Siblings = append(u.Siblings, keyOf(s))
		}
	}
	u.Devices, u.Stranded = max(u.Devices, b.Devices), max(u.Stranded, b.Stranded)
	if b.Device != "" && !slices.Contains(u.Samples, b.Device) {
		u.Samples = append(u.Samples, b.Device)
		u.Samples = u.Samples[max(0, len(u.Samples)-maxSamples):]
	}
	for _, s := range b.Seen[:min(len(b.Seen), maxSamples)] {
		u.seenAt(suggest.Seen{Location: s.Location, Devices: s.Devices})
	}
	if u.State == "" {
		u.State = Open
	}
	if (u.State == Assigned || u.State == Mapped) && b.Last.After(u.At) {
		u.Decision = Decision{State: Open} // the location server says so only of what is not on the map
	}
	if u.Applied == nil {
		u.Applied = map[string]uint64{}
	}
	u.Applied[f.Node] = f.Seq
	return true
}

func (u *Unknown) seenAt(s suggest.Seen) {
	for i := range u.Seen {
		if u.Seen[i].Location == s.Location {
			u.Seen[i].Devices = max(u.Seen[i].Devices, s.Devices)
			return
		}
	}
	if len(u.Seen) < maxSamples {
		u.Seen = append(u.Seen, s)
	}
}

// rank orders a queue: those first that strand most devices, then those that
// most devices show, then the newest.
func rank(a, b Unknown) int {
	return cmp.Or(cmp.Compare(b.Stranded, a.Stranded), cmp.Compare(b.Devices, a.Devices), b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID))
}
