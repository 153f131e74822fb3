package trunk

import (
	"cmp"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/trunkstate"
)

// Status is a trunk as people see it.
type Status struct {
	ID       e911.TrunkID     `json:"id"`
	Org      e911.OrgID       `json:"org,omitempty"`
	Key      string           `json:"key"`
	Side     e911.TrunkSide   `json:"side"`
	State    trunkstate.State `json:"state"`
	Targets  []TargetStatus   `json:"targets"`
	Faults   []string         `json:"faults,omitempty"` // of names that are not answered for
	Capacity int              `json:"capacity,omitempty"`
	Reserved int              `json:"reserved,omitempty"`
	// Emergency and Other calls are up or being set up.
	Emergency int `json:"emergency"`
	Other     int `json:"other"`
	// Registered is nil for a trunk that does not register.
	Registered *RegistrationStatus `json:"registration,omitempty"`
}

// TargetStatus is a target as people see it.
type TargetStatus struct {
	URI       string           `json:"uri"`
	Address   string           `json:"address"`
	Transport string           `json:"transport"`
	State     trunkstate.State `json:"state"`
	Since     time.Time        `json:"since,omitzero"`
	Misses    int              `json:"misses,omitempty"`
	Why       string           `json:"why,omitempty"` // of the last miss
	Probed    bool             `json:"probed"`
	Probe     Probe            `json:"probe,omitzero"`
	// NoTCP: it does not take TCP, and calls go by UDP.
	NoTCP bool `json:"no_tcp,omitempty"`
	// Slim says why calls go without a location body first, and until when (F-16).
	Slim      string    `json:"slim,omitempty"`
	SlimUntil time.Time `json:"slim_until,omitzero"`
}

// RegistrationStatus is our registration with a neighbour.
type RegistrationStatus struct {
	Registrar string    `json:"registrar"`
	Until     time.Time `json:"until,omitzero"` // zero: never had
	Next      time.Time `json:"next,omitzero"`
	Fault     string    `json:"fault,omitempty"`
}

// List returns all trunks, by organisation and key.
func (k *Keeper) List() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sync()
	out := make([]Status, 0, len(k.trunks))
	for _, s := range k.trunks {
		out = append(out, k.status(s))
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Key, b.Key)) })
	return out
}

func (k *Keeper) status(s *state) Status {
	t := &s.trunk
	all, _ := k.sum(s)
	out := Status{
		ID: t.ID, Org: t.Org, Key: t.Key, Side: t.Side, State: all, Targets: []TargetStatus{},
		Capacity: t.Capacity, Reserved: t.Reserved, Emergency: s.calls, Other: s.others,
	}
	for _, f := range k.find(*t, nil) {
		x := s.target(f.key)
		ts := TargetStatus{
			URI: f.request, Address: f.addr.String(), Transport: f.transport, State: x.State, Since: x.Since, Misses: x.Misses, Why: x.Why,
			Probed: !t.Probe.Off, Probe: x.probe, NoTCP: x.noTCP,
		}
		if x.noTCP {
			ts.Transport = "udp"
		}
		if why, slim := x.bodies.Slim(k.cfg.Now()); slim {
			ts.Slim, ts.SlimUntil = why, x.bodies.Until
		}
		out.Targets = append(out.Targets, ts)
	}
	for _, u := range urisOf(*t) {
		if a, ok := k.cfg.Names.Targets(u.uri); a.Fault != "" {
			out.Faults = append(out.Faults, u.uri+": "+a.Fault)
		} else if !ok {
			out.Faults = append(out.Faults, u.uri+": no name server has said yet where it leads")
		}
	}
	if r := t.Register; r.Registrar != "" {
		out.Registered = &RegistrationStatus{Registrar: r.Registrar, Until: s.reg.until, Next: s.reg.due, Fault: s.reg.fault}
	}
	return out
}
