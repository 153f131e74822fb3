package admin

import (
	"encoding/json"
	"fmt"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/netmap"
)

// Ref names one object. Org is empty for the world part; an organisation's own
// Ref has its id in both places.
type Ref struct {
	Kind e911.ObjectKind `json:"kind"`
	Org  e911.OrgID      `json:"org,omitempty"`
	ID   string          `json:"id"`
}

// String names the object for a log line: kind and id, nothing personal.
func (r Ref) String() string { return string(r.Kind) + " " + r.ID }

// Kinds lists the kinds of object so that what is pointed at comes before what
// points at it. Deletions go the other way.
func Kinds() []e911.ObjectKind {
	return []e911.ObjectKind{
		e911.KindTokenKey, e911.KindModel, e911.KindLayer, e911.KindOrg, e911.KindTrunk, e911.KindPSAP, e911.KindSite,
		e911.KindBuilding, e911.KindLocation, e911.KindOverride, e911.KindElement, e911.KindUser, e911.KindDevice,
		e911.KindNumber, e911.KindAlert,
	}
}

// identity is what every value can tell about itself.
type identity struct {
	ref  Ref
	key  string // what the customer names it by, unique in organisation and kind
	with func(id string) any
}

// identify reads one of the e911 values. Other types are a bug and panic.
func identify(value any) identity {
	of := func(kind e911.ObjectKind, org e911.OrgID, id, key string, with func(string) any) identity {
		return identity{Ref{Kind: kind, Org: org, ID: id}, key, with}
	}
	switch v := value.(type) {
	case e911.TokenKey:
		return of(e911.KindTokenKey, "", v.ID, v.ID, func(id string) any { v.ID = id; return v })
	case e911.Model:
		return of(e911.KindModel, "", string(v.ID), v.Key, func(id string) any { v.ID = e911.ModelID(id); return v })
	case e911.Trunk:
		return of(e911.KindTrunk, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.TrunkID(id); return v })
	case e911.PSAP:
		return of(e911.KindPSAP, "", string(v.ID), v.Key, func(id string) any { v.ID = e911.PSAPID(id); return v })
	case e911.Layer:
		return of(e911.KindLayer, "", string(v.ID), v.Key, func(id string) any { v.ID = e911.LayerID(id); return v })
	case e911.Org:
		return of(e911.KindOrg, v.ID, string(v.ID), v.Key, func(id string) any { v.ID = e911.OrgID(id); return v })
	case e911.Site:
		return of(e911.KindSite, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.SiteID(id); return v })
	case e911.Building:
		return of(e911.KindBuilding, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.BuildingID(id); return v })
	case e911.Location:
		return of(e911.KindLocation, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.LocationID(id); return v })
	case e911.Element:
		return of(e911.KindElement, v.Org, string(v.ID), ElementKey(v), func(id string) any { v.ID = e911.ElementID(id); return v })
	case e911.User:
		return of(e911.KindUser, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.UserID(id); return v })
	case e911.Device:
		return of(e911.KindDevice, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.DeviceID(id); return v })
	case e911.NumberRec:
		return of(e911.KindNumber, v.Org, string(v.ID), string(v.Number), func(id string) any { v.ID = e911.NumberID(id); return v })
	case e911.Alert:
		return of(e911.KindAlert, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.AlertID(id); return v })
	case e911.PSAPOverride:
		return of(e911.KindOverride, v.Org, string(v.ID), v.Key, func(id string) any { v.ID = e911.OverrideID(id); return v })
	}
	panic(fmt.Sprintf("admin: %T is not a configured object", value))
}

// RefOf names the value.
func RefOf(value any) Ref { return identify(value).ref }

// KeyOf returns what the customer names the value by inside its organisation
// and kind: its external key, an element's ElementKey, a number itself.
func KeyOf(value any) string { return identify(value).key }

// WithID returns the value under another id.
func WithID(value any, id string) any { return identify(value).with(id) }

// ElementKey is what a network element is recognised by, in one text: kind and
// address. Two elements of an organisation never have the same one.
func ElementKey(e e911.Element) string {
	switch e.Kind {
	case e911.ElementLLDPPort, e911.ElementLLDPChassis:
		return LLDPKey(e.LLDP)
	case e911.ElementLLDPPorts:
		return PatternsPrefix(e.LLDP.Chassis) + e.LLDP.Port
	case e911.ElementDECTBase:
		return "dect_base " + e.Name
	case e911.ElementAP:
		return "ap " + netmap.APKey(e.Name)
	case e911.ElementATAPort:
		return "ata_port " + string(e.MAC) + " " + e.Name
	case e911.ElementIP:
		return "ip " + rangeText(e)
	case e911.ElementVPN, e911.ElementProxy, e911.ElementSASE:
		return "tunnel " + rangeText(e)
	case e911.ElementIgnore:
		if e.MAC != "" {
			return "ignore " + string(e.MAC) + "-" + string(e.MACTo)
		}
		return "ignore " + rangeText(e)
	case e911.ElementBSSID:
		if e.MACTo != "" {
			return BSSIDsPrefix(e.MAC[:0]) + string(e.MAC) + "-" + string(e.MACTo)
		}
	}
	return string(e.Kind) + " " + string(e.MAC)
}

// PatternsPrefix is what the ElementKeys of the port patterns of one switch
// begin with.
func PatternsPrefix(chassis string) string { return fmt.Sprintf("lldp_ports %q ", chassis) }

// BSSIDsPrefix is what the ElementKeys of ranges of BSSIDs begin with, whose
// first begins so.
func BSSIDsPrefix(start e911.MAC) string { return "bssids " + string(start) }

func rangeText(e e911.Element) string {
	if s, ok := netmap.SpanOf(e); ok {
		return s.String()
	}
	return fmt.Sprint(e.Range, e.From, e.To)
}

// LLDPKey is the ElementKey of a switch port, or of the chassis when there is
// no port. The chassis is quoted, because it may hold any text.
func LLDPKey(p e911.LLDPPort) string { return fmt.Sprintf("lldp %q %s", p.Chassis, p.Port) }

// Same compares two values of a kind as they are stored.
func Same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
