package inventory_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/inventory"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/snapshot"
)

const harbor e911.OrgID = "harbor"

// worldNow is an organisation with one building, two rooms and one mapped port.
func worldNow(t testing.TB, more ...snapshot.Change) *snapshot.Holder {
	t.Helper()
	c := func(kind e911.ObjectKind, id string, object any) snapshot.Change {
		org := harbor
		if kind == e911.KindModel {
			org = ""
		}
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: object}
	}
	civic := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	device := func(id, model string) snapshot.Change {
		return c(e911.KindDevice, id, e911.Device{ID: e911.DeviceID(id), Org: harbor, Site: "hq", Key: "key-" + id, Model: e911.ModelID(model), User: "u1"})
	}
	changes := []snapshot.Change{
		c(e911.KindModel, "m-held", e911.Model{ID: "m-held", Key: "8851", HELD: true, Names: []string{"CP-8851"}, Firmware: []e911.FirmwareRule{{To: "11.1", Capability: e911.CapabilityNone}}}),
		c(e911.KindModel, "m-plain", e911.Model{ID: "m-plain", Key: "analog"}),
		c(e911.KindOrg, string(harbor), e911.Org{ID: harbor, Key: "harbor", Name: "Harbor Foods"}),
		c(e911.KindSite, "hq", e911.Site{ID: "hq", Org: harbor, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone}),
		c(e911.KindBuilding, "mill", e911.Building{ID: "mill", Org: harbor, Site: "hq", Key: "mill", Name: "Mill", Address: civic}),
		c(e911.KindLocation, "room-210", e911.Location{ID: "room-210", Org: harbor, Building: "mill", Key: "room-210", Detail: e911.Civic{FLR: "2", ROOM: "210"}}),
		c(e911.KindLocation, "lobby", e911.Location{ID: "lobby", Org: harbor, Building: "mill", Key: "lobby"}),
		c(e911.KindElement, "e7", e911.Element{ID: "e7", Org: harbor, Location: "room-210", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: "0c:75:bd:00:00:01", Port: "7"}}),
		c(e911.KindUser, "u1", e911.User{ID: "u1", Org: harbor, Site: "hq", Key: "front", Name: "Front desk"}),
		device("d1", "m-held"), device("d2", "m-held"), device("d3", "m-plain"), device("d4", ""), device("d5", "m-held"),
	}
	s, err := snapshot.Build(append(changes, more...), epoch)
	if err != nil {
		t.Fatal(err)
	}
	h := &snapshot.Holder{}
	h.Store(s)
	return h
}

// memory is a store that keeps what the real ones keep.
type memory struct {
	mu      sync.Mutex
	cursor  uint64
	devices map[inventory.ID]inventory.Device
	unknown map[string]inventory.Unknown
	refuse  int // so many writes fail
}

func newMemory() *memory {
	return &memory{devices: map[inventory.ID]inventory.Device{}, unknown: map[string]inventory.Unknown{}}
}

func (m *memory) InventoryCursor(context.Context, string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursor, nil
}

func (m *memory) SeenDevices(_ context.Context, ids []inventory.ID) (out []inventory.Device, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if d, ok := m.devices[id]; ok {
			out = append(out, d)
		}
	}
	return out, nil
}

func (m *memory) AllSeenDevices(_ context.Context, org e911.OrgID) (out []inventory.Device, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, d := range m.devices {
		if id.Org == org {
			out = append(out, d)
		}
	}
	return out, nil
}

func (m *memory) UnknownElements(_ context.Context, _ e911.OrgID, ids []string) (out []inventory.Unknown, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if u, ok := m.unknown[id]; ok {
			out = append(out, u)
		}
	}
	return out, nil
}

func (m *memory) ListUnknown(_ context.Context, org e911.OrgID, state inventory.State) (out []inventory.Unknown, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range m.unknown {
		if u.Org == org && (state == "" || u.State == state) {
			out = append(out, u)
		}
	}
	return out, nil
}

func (m *memory) Unknown(_ context.Context, org e911.OrgID, id string) (inventory.Unknown, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.unknown[id]
	if !ok || u.Org != org {
		return inventory.Unknown{}, e911.Errorf(e911.NotFound, "there is no such unknown element")
	}
	return u, nil
}

func (m *memory) Decide(_ context.Context, _ e911.OrgID, id string, from []inventory.State, d inventory.Decision) (inventory.Unknown, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.unknown[id]
	if !slices.Contains(from, u.State) {
		return u, e911.Errorf(e911.Conflict, "the element is %s already", u.State)
	}
	u.Decision = d
	m.unknown[id] = u
	return u, nil
}

func (m *memory) SaveInventory(_ context.Context, _ string, upTo uint64, b inventory.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse > 0 {
		m.refuse--
		return errors.New("the disk is full")
	}
	for _, d := range b.Devices {
		m.devices[inventory.ID{Org: d.Org, Device: d.Device}] = d
	}
	for _, u := range b.Unknown {
		m.unknown[u.ID] = u
	}
	m.cursor = upTo
	return nil
}

// objects is a store of configured objects that nobody asks.
type objects struct{ admin.Store }

func newQueue(t testing.TB, st inventory.Store, h *snapshot.Holder) *inventory.Queue {
	t.Helper()
	ed, err := edit.New(edit.Config{Store: objects{}, Layer: layers.USCountyBoundary, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	q, err := inventory.NewQueue(inventory.QueueConfig{
		Store: st, Editor: ed, Snapshot: h, Now: time.Now, Log: slog.New(slog.DiscardHandler), Publish: func(context.Context) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}
