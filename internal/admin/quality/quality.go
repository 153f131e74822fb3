// Package quality says what is missing, empty or old in an organisation's data:
// the customer owns its accuracy, and a caller without a good location goes by
// the relay centre, late and at a price (N-06).
package quality

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Code says what is wrong.
type Code string

// The codes, worst first.
const (
	OrphanElement     Code = "element_without_location"    // its location is gone
	NumberNoAddress   Code = "number_without_address"      // and its user has none either
	ELINUnusable      Code = "elin_not_usable"             // a carrier that knows numbers only would show no address, or another
	UnknownElement    Code = "unknown_element"             // strands devices
	NotDispatchable   Code = "location_without_detail"     // nothing that finds a person inside
	BuildingNoPoint   Code = "building_without_point"      // nothing to route by but the names
	UserNoLocation    Code = "user_without_location"       // no device was located, no number has an address
	SiteNoCallback    Code = "site_without_callback"       // a PSAP that is cut off reaches nobody
	DeviceNoModel     Code = "device_without_model"        // what it can do is not known
	DeviceNeverSeen   Code = "device_never_seen"           // configured, never heard of
	DeviceOldLocation Code = "device_with_old_location"    // evidence of 30 days or more
	ElementUnused     Code = "element_never_seen"          // no device that is known now shows it
	LocationUnused    Code = "location_without_anything"   // no element, no number points at it
	BuildingUnused    Code = "building_without_a_location" // nobody can ever be in it
)

// Codes lists them in order.
func Codes() []Code {
	return []Code{
		OrphanElement, NumberNoAddress, ELINUnusable, UnknownElement, NotDispatchable, BuildingNoPoint, UserNoLocation, SiteNoCallback,
		DeviceNoModel, DeviceNeverSeen, DeviceOldLocation, ElementUnused, LocationUnused, BuildingUnused,
	}
}

// oldLocation is the age of evidence that is worth a look.
const oldLocation = 30 * 24 * time.Hour

// maxListed bounds the findings of one code; the count is always whole.
const maxListed = 1000

// Finding is one object with a fault.
type Finding struct {
	Code Code            `json:"code"`
	Kind e911.ObjectKind `json:"kind"`
	Key  string          `json:"key"` // of the object, as its owner calls it
	Msg  string          `json:"msg"`
	Fix  string          `json:"fix,omitempty"`
}

// Age counts the devices whose evidence is at most so old, and older than the
// one before.
type Age struct {
	UpTo    string `json:"up_to"` // "1h", "24h", "7d", "30d", "older", "never"
	Devices int    `json:"devices"`
}

// Report is the quality of an organisation's data.
type Report struct {
	Org      string         `json:"org"` // key
	At       time.Time      `json:"at"`
	Objects  map[string]int `json:"objects"` // how many there are, by kind
	Counts   map[Code]int   `json:"counts"`  // whole, also where findings are left out
	Findings []Finding      `json:"findings"`
	Omitted  int            `json:"omitted,omitempty"` // findings beyond a thousand of a code
	Ages     []Age          `json:"ages"`              // of the evidence of configured devices
}

// Question says of which organisation, and what devices showed.
type Question struct {
	Org     e911.OrgID
	Now     time.Time
	Seen    map[string]inventory.Device // by name
	InUse   iter.Seq[locate.Sighting]   // what devices show of the network; nil: not known
	Unknown []inventory.Entry           // open elements
}

// Check looks at the world as it is published.
func Check(s *snapshot.Snapshot, q Question) (Report, error) {
	o := s.Org(q.Org)
	if o == nil {
		return Report{}, e911.Errorf(e911.NotFound, "there is no such organisation")
	}
	c := &checker{o: o, s: s, q: q, used: map[e911.LocationID]bool{}, report: Report{
		Org: o.Config().Key, At: q.Now.UTC(), Objects: map[string]int{}, Counts: map[Code]int{}, Findings: []Finding{},
	}}
	c.elements()
	c.numbers()
	c.places()
	c.people()
	c.devices()
	for _, u := range q.Unknown {
		if u.Stranded > 0 {
			c.add(UnknownElement, e911.KindElement, u.ID, fmt.Sprintf("%s is not on the map and strands %d devices", u.Text, u.Stranded), "callbox unknown assign "+u.ID+" LOCATION")
		}
	}
	order := Codes()
	slices.SortStableFunc(c.report.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Code), slices.Index(order, b.Code)), cmp.Compare(a.Key, b.Key))
	})
	return c.report, nil
}

type checker struct {
	s      *snapshot.Snapshot
	o      *snapshot.Org
	q      Question
	used   map[e911.LocationID]bool
	report Report
}

func (c *checker) add(code Code, kind e911.ObjectKind, key, msg, fix string) {
	c.report.Counts[code]++
	if c.report.Counts[code] > maxListed {
		c.report.Omitted++
		return
	}
	c.report.Findings = append(c.report.Findings, Finding{Code: code, Kind: kind, Key: key, Msg: msg, Fix: fix})
}

func (c *checker) count(kind e911.ObjectKind) { c.report.Objects[string(kind)]++ }

func (c *checker) elements() {
	shown := newUsage(c.q.InUse)
	for e := range c.o.Elements() {
		c.count(e911.KindElement)
		c.used[e.Location] = true
		if !e.Kind.Places() {
			continue
		}
		key := admin.ElementKey(e)
		if _, ok := c.o.Location(e.Location); !ok {
			c.add(OrphanElement, e911.KindElement, key, "its location does not exist", "assign it anew, or delete it")
			continue
		}
		if shown != nil && !shown.has(e) {
			c.add(ElementUnused, e911.KindElement, key, "no device that is known now shows it", "is it still there? callbox discover snmp compares")
		}
	}
}

func (c *checker) numbers() {
	for n := range c.o.Numbers() {
		c.count(e911.KindNumber)
		c.elin(n)
		c.used[n.Location] = true
		if _, ok := c.o.Location(n.Location); !ok {
			c.add(NumberNoAddress, e911.KindNumber, string(n.Number), "it has no emergency service address", "give it a location")
		}
	}
}

// elin says of an ELIN why it is not usable, or with what caution.
func (c *checker) elin(n e911.NumberRec) {
	if !n.ELIN {
		return
	}
	p, _ := c.o.Place(n.Location)
	if use := alirecord.Usable(n, p.Civic); use.Why != "" {
		c.add(ELINUnusable, e911.KindNumber, string(n.Number), use.Why, "callbox psali status says what to do")
	}
}

// inside are the fields of an address that find a person in a building.
var inside = []string{"FLR", "ROOM", "UNIT", "SEAT", "LOC", "WING", "LMK"}

func (c *checker) places() {
	filled := map[e911.BuildingID]bool{}
	for l := range c.o.Locations() {
		c.count(e911.KindLocation)
		filled[l.Building] = true
		if !slices.ContainsFunc(inside, func(f string) bool { return l.Detail.Get(f) != "" }) {
			c.add(NotDispatchable, e911.KindLocation, l.Key, "nothing says where in the building it is", "give it a floor, a room or another detail")
		}
		if !c.used[l.ID] {
			c.add(LocationUnused, e911.KindLocation, l.Key, "no network element and no number points at it", "map it, or delete it")
		}
	}
	for b := range c.o.Buildings() {
		c.count(e911.KindBuilding)
		if b.Point == nil {
			c.add(BuildingNoPoint, e911.KindBuilding, b.Key, "it has no point: the PSAP is chosen by the names of state and county alone", "give it latitude and longitude")
		}
		if !filled[b.ID] {
			c.add(BuildingUnused, e911.KindBuilding, b.Key, "it has no location", "add one, such as a floor")
		}
	}
	for s := range c.o.Sites() {
		c.count(e911.KindSite)
		if s.Callback() == "" {
			c.add(SiteNoCallback, e911.KindSite, s.Key, "it has no emergency callback number", "give the number of a phone that a live person answers")
		}
	}
}

func (c *checker) people() {
	for u := range c.o.Users() {
		c.count(e911.KindUser)
		if !c.placed(u.ID) {
			c.add(UserNoLocation, e911.KindUser, u.Key, "no device of the user was located, and no number of the user has an address", "give a number an address, or see why the devices are not located")
		}
	}
}

func (c *checker) placed(u e911.UserID) bool {
	for _, n := range c.o.NumbersOf(u) {
		if _, ok := c.o.Location(n.Location); ok {
			return true
		}
	}
	for _, d := range c.o.DevicesOf(u) {
		if seen := c.q.Seen[string(d.ID)]; seen.Located() {
			return true
		}
	}
	return false
}

func (c *checker) devices() {
	limits := []struct {
		name string
		age  time.Duration
	}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}, {"30d", oldLocation}}
	ages := map[string]int{}
	for d := range c.o.Devices() {
		c.count(e911.KindDevice)
		if _, ok := c.s.Model(d.Model); !ok {
			c.add(DeviceNoModel, e911.KindDevice, d.Key, "it has no model, so what it can do is not known", "give it one: callbox model list")
		}
		seen := c.q.Seen[string(d.ID)]
		if seen.Last.IsZero() {
			c.add(DeviceNeverSeen, e911.KindDevice, d.Key, "nothing was ever heard of it", "is its location server set? is it still in use?")
		}
		if !seen.Located() || seen.EvidenceAt.IsZero() {
			ages["never"]++
			continue
		}
		age := c.q.Now.Sub(seen.EvidenceAt)
		bucket := "older"
		for _, l := range limits {
			if age <= l.age {
				bucket = l.name
				break
			}
		}
		ages[bucket]++
		if age > oldLocation {
			c.add(DeviceOldLocation, e911.KindDevice, d.Key, fmt.Sprintf("its location was told %d days ago", int(age.Hours()/24)), "is it still in use?")
		}
	}
	for _, l := range limits {
		c.report.Ages = append(c.report.Ages, Age{l.name, ages[l.name]})
	}
	c.report.Ages = append(c.report.Ages, Age{"older", ages["older"]}, Age{"never", ages["never"]})
}
