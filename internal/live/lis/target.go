package lis

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// target is whose location is asked for.
type target struct {
	name   string // id of a configured device, else a stable name
	known  bool
	device e911.Device // when known
	user   e911.UserID // whose, when known
	line   e911.Number // by which it was named, else none
	mac    e911.MAC    // its hardware address, when it was told
	// other: somebody else asks for it, and the source address is not its own.
	other bool
	// shared: the name is made of an address, behind which may be many devices.
	shared bool
	// doubted: an unproved claim to be a device that has proved itself before.
	doubted bool
}

// stableName names a device that nobody configured, the same for every request
// of the same device of the same organisation.
func stableName(org e911.OrgID, kind, value string) string {
	sum := sha256.Sum256([]byte(string(org) + "|" + kind + "|" + value))
	return "unknown-" + kind + "-" + hex.EncodeToString(sum[:10])
}

// errAuthenticate is the fault of who asks for others without any proof.
var errAuthenticate = &held.Error{
	Code: held.BadIdentifier, Message: "Who asks for others must prove who asks.", Required: []string{held.IDMAC, held.IDIP},
}

func badIdentifier(msg string) *held.Error {
	return &held.Error{Code: held.BadIdentifier, Message: msg, Required: []string{held.IDMAC, held.IDIP}}
}

// target finds out whose location is asked for. Without an identity it is who
// asks (RFC 5985, section 4.1). Only a platform may name somebody else (RFC
// 6155, section 1.1).
func (s *Server) target(a *asker, req *held.Request) (target, error) {
	if a.platform() && req.Identified() {
		return s.others(a.org, req)
	}
	for _, id := range req.Identity {
		switch id.Kind {
		case held.IDMAC, held.IDDUID, held.IDUDPPort, held.IDTCPPort, held.IDSCTPPort, held.IDDCCPPort, held.IDIP:
		case held.IDNAI, held.IDFQDN, held.IDURI:
			// A phone may add its names to its own hardware address; they say who
			// uses it, not which device it is.
			if ownMAC(req) == "" {
				return target{}, s.refused(a)
			}
			if !s.own(a, req, id) {
				return target{}, s.refused(a)
			}
		default:
			return target{}, s.refused(a)
		}
	}
	if req.Flow != (held.Flow{}) && req.Flow.Target().Addr() != a.addr {
		return target{}, s.refused(a)
	}
	mac := ownMAC(req)
	if mac == "" {
		return target{name: stableName(a.org.ID(), "ip", a.addr.String()), shared: true}, nil
	}
	d, ok := a.org.DeviceByMAC(mac)
	if !ok {
		return target{name: stableName(a.org.ID(), "mac", string(mac)), mac: mac}, nil
	}
	t := target{name: string(d.ID), known: true, device: d, user: d.User, mac: mac}
	return t, nil
}

// claimed is the target of an unproved claim to be a device that has proved
// itself: whoever has no secret does not become one that has; it is still told
// where it is itself.
func claimed(a *asker, t *target) target {
	return target{name: stableName(a.org.ID(), "claim", string(t.mac)+a.addr.String()), mac: t.mac, shared: true, doubted: true}
}

// refused is the fault of who asks for others and must not.
func (s *Server) refused(a *asker) error {
	if !a.proved() {
		return errAuthenticate
	}
	return badIdentifier("You may not ask for others.")
}

// own reports whether a name that a device adds to its hardware address does not
// name somebody else's device.
func (s *Server) own(a *asker, req *held.Request, id held.Identifier) bool {
	t, err := s.byIdentifier(a.org, id)
	if err != nil {
		return id.Kind != held.IDURI // a name that means nothing here
	}
	d, ok := a.org.DeviceByMAC(ownMAC(req))
	return ok && a.proved() && t.user == d.User && d.User != ""
}

// others finds the device that a platform names. Several identifiers must name
// the same one (RFC 6155, section 3).
func (s *Server) others(o *snapshot.Org, req *held.Request) (target, error) {
	var t target
	found := false
	var addr netip.Addr
	if req.Flow != (held.Flow{}) {
		addr = req.Flow.Target().Addr()
	}
	for _, id := range req.Identity {
		if a, ok := id.Addr(); ok {
			// Addresses are where it is, and name it when nothing else does.
			if !addr.IsValid() {
				addr = a
			}
			continue
		}
		switch id.Kind {
		case held.IDUDPPort, held.IDTCPPort, held.IDSCTPPort, held.IDDCCPPort:
			continue // beside an address
		}
		next, err := s.byIdentifier(o, id)
		if err != nil {
			return target{}, err
		}
		if found && next.name != t.name {
			// A user's number and his device's hardware address are one target.
			switch {
			case t.user != "" && t.user == next.user && next.mac != "":
			case t.user != "" && t.user == next.user && t.mac != "":
				continue
			default:
				return target{}, badIdentifier("The identifiers are not of one device.")
			}
		}
		if next.line == "" {
			next.line = t.line
		}
		t, found = next, true
	}
	if !found {
		if !addr.IsValid() {
			return target{}, badIdentifier("No identifier of those that are used here.")
		}
		t = target{name: stableName(o.ID(), "ip", addr.String()), shared: true}
		if name, ok := s.devices.byAddress(o.ID(), addr); ok {
			t = s.deviceNamed(o, name)
		}
	}
	t.other = true
	return t, nil
}

// deviceNamed is the target of a device by id or stable name.
func (s *Server) deviceNamed(o *snapshot.Org, name string) target {
	if d, ok := o.Device(e911.DeviceID(name)); ok {
		return ownerOf(d)
	}
	return target{name: name, other: true}
}

// byIdentifier finds the device that one identifier names.
func (s *Server) byIdentifier(o *snapshot.Org, id held.Identifier) (target, error) {
	switch id.Kind {
	case held.IDMAC:
		m, err := e911.ParseMAC(id.Value)
		if err != nil || m.Group() {
			return target{}, badIdentifier("That is no hardware address of a device.")
		}
		if d, ok := o.DeviceByMAC(m); ok {
			return ownerOf(d), nil
		}
		return target{name: stableName(o.ID(), "mac", string(m)), mac: m, other: true}, nil
	case held.IDURI:
		return s.named(o, held.URI(id.Value))
	case held.IDMSISDN, held.IDMDN:
		digits := strings.TrimPrefix(id.Value, "+")
		if id.Kind == held.IDMDN && len(digits) == 10 {
			digits = "1" + digits // a mobile directory number of North America (RFC 6155, section 3.8)
		}
		return s.named(o, "tel:+"+digits)
	case held.IDNAI:
		nai := strings.ToLower(id.NAI())
		if u, ok := s.names(o).users[nai]; ok {
			return s.deviceOf(o, u, ""), nil
		}
		user, _, _ := strings.Cut(id.NAI(), "@")
		if u, ok := o.UserByDeviceUserID(user); ok {
			return s.deviceOf(o, u.ID, ""), nil
		}
	case held.IDFQDN:
		host := strings.TrimSuffix(strings.ToLower(id.Value), ".")
		label, _, _ := strings.Cut(host, ".")
		for _, name := range []string{host, label} {
			if d, ok := s.names(o).devices[name]; ok {
				return s.deviceNamed(o, string(d)), nil
			}
		}
	default:
		return target{}, badIdentifier("This kind of identifier is not used here.")
	}
	return target{}, badIdentifier("Nobody here is named so.")
}

// names finds users by mail address and devices by key, for one organisation.
type names struct {
	org     *snapshot.Org
	users   map[string]e911.UserID
	devices map[string]e911.DeviceID
}

// nameIndex keeps one names an organisation, made when first asked for and again
// when the organisation changed. Safe for concurrent use.
type nameIndex struct {
	mu sync.Mutex
	by map[e911.OrgID]*names
}

func (s *Server) names(o *snapshot.Org) *names {
	s.owners.mu.Lock()
	defer s.owners.mu.Unlock()
	if n := s.owners.by[o.ID()]; n != nil && n.org == o {
		return n
	}
	n := &names{org: o, users: map[string]e911.UserID{}, devices: map[string]e911.DeviceID{}}
	for u := range o.Users() {
		if u.Email != "" {
			n.users[strings.ToLower(u.Email)] = u.ID
		}
	}
	for d := range o.Devices() {
		n.devices[strings.ToLower(d.Key)] = d.ID
	}
	if s.owners.by == nil {
		s.owners.by = map[e911.OrgID]*names{}
	}
	s.owners.by[o.ID()] = n
	return n
}

// ownMAC is the hardware address that a device gives as its own.
func ownMAC(req *held.Request) e911.MAC {
	for i := range req.Identity {
		if id := &req.Identity[i]; id.Kind == held.IDMAC {
			if m, err := e911.ParseMAC(id.Value); err == nil && !m.Group() {
				return m
			}
		}
	}
	if len(req.Extras) == 0 {
		return ""
	}
	for _, name := range []string{"mac", "macAddress"} {
		if v := req.Extra(name); v != "" {
			if m, err := e911.ParseMAC(v); err == nil && !m.Group() {
				return m
			}
		}
	}
	return ""
}

func addresses(req *held.Request) []netip.Addr {
	var out []netip.Addr
	for _, id := range req.Identity {
		if a, ok := id.Addr(); ok && !a.IsMulticast() && !a.IsUnspecified() {
			out = append(out, a)
		}
	}
	return out
}

// named finds the device that a call server names by URI: a number, the user
// name that platforms send, or a hardware address, also inside a device name
// (SEP001122AABBCC).
func (s *Server) named(o *snapshot.Org, uri string) (target, error) {
	scheme, rest, _ := strings.Cut(uri, ":")
	user, _, _ := strings.Cut(rest, "@")
	user, _, _ = strings.Cut(user, ";")
	switch strings.ToLower(scheme) {
	case "mac":
		return s.byIdentifier(o, held.Identifier{Kind: held.IDMAC, Value: user})
	case "sip", "sips", "tel", "pres", "im":
		if n, err := e911.ParseNumber(user); err == nil {
			if rec, ok := o.Number(n); ok {
				return s.deviceOf(o, rec.User, n), nil
			}
		}
		if u, ok := o.UserByDeviceUserID(user); ok {
			return s.deviceOf(o, u.ID, ""), nil
		}
		const digits = 12
		if m, err := e911.ParseMAC(user[max(0, len(user)-digits):]); err == nil {
			if d, ok := o.DeviceByMAC(m); ok {
				return ownerOf(d), nil
			}
		}
	}
	return target{}, &held.Error{Code: held.BadIdentifier, Message: "Nobody here is named so.", Required: []string{held.IDURI, held.IDMAC}}
}

func ownerOf(d e911.Device) target {
	return target{name: string(d.ID), known: true, device: d, user: d.User, mac: d.MAC, other: true}
}

// deviceOf is the device of a user that last told where it is, else his first.
func (s *Server) deviceOf(o *snapshot.Org, user e911.UserID, line e911.Number) target {
	t := target{user: user, line: line, other: true}
	var seen time.Time
	for _, d := range o.DevicesOf(user) {
		e, asked := s.devices.get(key{o.ID(), string(d.ID)})
		if t.known && (!asked || !e.seen.After(seen)) {
			continue
		}
		t.name, t.known, t.device, t.mac, seen = string(d.ID), true, d, d.MAC, e.seen
	}
	if !t.known {
		t.name = stableName(o.ID(), "line", string(user)+string(line))
	}
	return t
}
