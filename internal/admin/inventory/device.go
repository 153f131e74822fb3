// Package inventory keeps which devices were ever seen and which network
// elements they showed that the network map does not know, and lets people put
// these on the map.
//
// Both are projections of the journal's facts: ApplyDevice and ApplyUnknown are
// pure and idempotent, Projector runs them into SQL at its own pace and tells
// people of a network that strands its first device. Devices compares what is
// configured with what was seen; Queue is the work list of unknown elements.
package inventory

import (
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Device is what is known of one device that asked, or was told of. Its JSON is
// what SQL keeps. Times are UTC.
type Device struct {
	Org    e911.OrgID `json:"org"`
	Device string     `json:"device"` // id of a configured device, else the stable name of an unknown one
	Known  bool       `json:"known"`  // it was configured when it was seen last
	Proved bool       `json:"proved,omitempty"`
	Via    string     `json:"via,omitempty"` // "held", "heldplus", "platform", or who observed it

	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Asked is the last time that it asked by itself, by HELD or HELD+.
	Asked time.Time `json:"asked,omitzero"`

	Source string          `json:"source,omitempty"` // address of the last request
	Says   []journal.Named `json:"says,omitempty"`
	User   e911.UserID     `json:"user,omitempty"` // who is signed in

	By         e911.LocatedBy  `json:"by,omitempty"` // none or e911.ByNothing: it is not located
	Location   e911.LocationID `json:"location,omitempty"`
	Place      string          `json:"place,omitempty"` // display
	EvidenceAt time.Time       `json:"evidence_at,omitzero"`
	// UnmappedAt is since when it answers from a place that is not on the map;
	// zero: it is located.
	UnmappedAt time.Time `json:"unmapped_at,omitzero"`

	// Applied is the highest sequence applied of each node's journal.
	Applied map[string]uint64 `json:"applied,omitempty"`
}

// ID names a device in one organisation.
type ID struct {
	Org    e911.OrgID
	Device string
}

// Located reports whether the device has a place.
func (d *Device) Located() bool { return d.By != "" && d.By != e911.ByNothing }

// asks reports whether a device is heard of in this way because it asked.
func asks(via string) bool { return via == "" || via == "held" || via == "heldplus" }

// deviceOf tells which device a fact is about.
func deviceOf(f journal.Fact) (name string, ok bool) {
	switch f.Kind {
	case journal.DeviceLocated, journal.DevicePresent, journal.DeviceSignedIn:
		b, err := journal.Decode[struct {
			Device string `json:"device"`
		}](f)
		return b.Device, err == nil && b.Device != "" && f.Org != ""
	}
	return "", false
}

// ApplyDevice folds one fact into the device and reports whether it changed it.
// A fact of another device, or one that was applied before, changes nothing; so
// does a body that cannot be read.
func ApplyDevice(d *Device, f journal.Fact) bool {
	name, ok := deviceOf(f)
	if !ok || (d.Device != "" && (d.Device != name || d.Org != f.Org)) || f.Seq <= d.Applied[f.Node] {
		return false
	}
	switch f.Kind {
	case journal.DeviceLocated:
		b, err := journal.Decode[journal.DeviceSeen](f)
		if err != nil {
			return false
		}
		d.located(f.At, b)
	case journal.DevicePresent:
		b, err := journal.Decode[journal.Presence](f)
		if err != nil {
			return false
		}
		d.seen(f.At, seen{b.Known, b.Proved, b.Via, b.Source, b.Says})
		if b.By != "" && b.By == d.By && b.EvidenceAt.After(d.EvidenceAt) {
			d.EvidenceAt = b.EvidenceAt
		}
	case journal.DeviceSignedIn:
		b, err := journal.Decode[journal.SignedIn](f)
		if err != nil {
			return false
		}
		d.User = b.User
	}
	d.Org, d.Device = f.Org, name
	if d.Applied == nil {
		d.Applied = map[string]uint64{}
	}
	d.Applied[f.Node] = f.Seq
	return true
}

type seen struct {
	known, proved bool
	via, source   string
	says          []journal.Named
}

func (d *Device) seen(at time.Time, s seen) {
	if d.First.IsZero() || at.Before(d.First) {
		d.First = at
	}
	if asks(s.via) && at.After(d.Asked) {
		d.Asked = at
	}
	if at.Before(d.Last) {
		return // another node knows newer things
	}
	d.Last, d.Known, d.Via, d.Source = at, s.known, s.via, s.source
	d.Proved = d.Proved || s.proved
	if len(s.says) > 0 {
		d.Says = s.says
	}
}

func (d *Device) located(at time.Time, b journal.DeviceSeen) {
	newest := !at.Before(d.Last)
	d.seen(at, seen{b.Known, b.Proved, b.Via, b.Source, b.Says})
	if !newest {
		return
	}
	d.By, d.Location, d.Place, d.EvidenceAt = b.By, b.Place.Location, b.Place.Display, b.EvidenceAt
	if d.Located() {
		d.UnmappedAt = time.Time{}
	} else if d.UnmappedAt.IsZero() {
		d.UnmappedAt = at
	}
}
