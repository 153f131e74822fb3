package world

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/e911"
)

// nothing is a store without objects.
type nothing struct{ admin.View }

func (nothing) Get(context.Context, admin.Ref) (admin.Object, error) {
	return admin.Object{}, e911.Errorf(e911.NotFound, "there is nothing")
}
func (nothing) List(context.Context, admin.Query) ([]admin.Object, error) { return nil, nil }
func (nothing) Orgs(context.Context) ([]e911.Org, error)                  { return nil, nil }

// held is a store that holds what a plan created.
type held struct{ *overlay.View }

func (held) Pointing(context.Context, admin.Ref, int) ([]admin.Ref, error) { return nil, nil }

func hold(values ...any) held {
	h := held{overlay.New(nothing{})}
	h.Replace("")
	for _, v := range values {
		if o, ok := v.(e911.Org); ok {
			h.Replace(o.ID)
		}
		h.Put(admin.Object{Ref: admin.RefOf(v), Value: v})
	}
	return h
}

// FuzzImport feeds arbitrary files and checks the promises of the package
// comment: no panic, every refusal says where, and what was taken once changes
// nothing when it comes again.
// Proves: E15
func FuzzImport(f *testing.F) {
	f.Add(string(examples.Harbor()))
	f.Add("world: {relay: {key: r, name: R, routes: []}}\norganisations: [{key: a}]")
	f.Add("organisations: [{key: a, sites: [{key: s, zone: UTC, ecbn: 617-555-0100, users: [{key: u, name: N}]}]}]")
	f.Add("a: &a [*a, *a]\nb: *a")
	f.Add("organisations: [{sites: [{buildings: [{locations: [{network: [{lldp: {}}]}]}]}]}]")
	f.Add("organisations: [{key: a, trunks: [{key: t, side: platform, from: [::1], dr_from: []}], bssid_masking: [{oui: 00-11-22, digits: 1}]}]")
	f.Add("? [a, b] : c\n--- 1\n...")
	f.Add("organisations: [{key: \"\\u2028\", bssid_masking: [{digits: 99999999999999999999}]}]")
	f.Add(strings.Repeat("[", 2000))
	im, err := New(Config{
		Store: noStore{}, Now: func() time.Time { return time.Unix(0, 0) },
		Layer: func(fips string) (e911.Boundary, e911.MultiPolygon, error) {
			return e911.Boundary{USCounty: fips}, e911.MultiPolygon{{{{Lat: 42, Lon: -72}, {Lat: 42, Lon: -71}, {Lat: 43, Lon: -71}}}}, nil
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := im.plan(t.Context(), hold(), input{who: "test", file: "world.yaml", text: []byte(text)})
		if err != nil {
			faults := e911.FaultsOf(err)
			if e911.KindOf(err) != e911.Invalid || len(faults) == 0 || len(faults) > maxFaults+1 {
				t.Fatalf("refused without a reason, or with %d: %v", len(faults), err)
			}
			for _, g := range faults {
				if g.File != "world.yaml" || g.Row < 1 || g.Col < 1 || g.Code == "" || g.Msg == "" || g.Fix == "" {
					t.Errorf("a fault without its place, reason or remedy: %+v", g)
				}
			}
			return
		}
		if len(p.update) > 0 || len(p.remove) > 0 {
			t.Fatalf("an empty store has nothing to change or delete: %+v", p.report.Counts)
		}
		again, err := im.plan(t.Context(), hold(p.create...), input{who: "test", file: "world.yaml", text: []byte(text)})
		if err != nil {
			t.Fatalf("the same file is refused the second time: %v", err)
		}
		if again.report.Changes() != 0 {
			t.Errorf("a second import changes %+v", again.report.Counts)
		}
	})
}

type noStore struct{ admin.Store }

func (nothing) TrunksFrom(context.Context, netip.Prefix) ([]e911.Trunk, error) { return nil, nil }
