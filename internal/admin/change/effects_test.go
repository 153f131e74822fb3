package change_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/change"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// seen makes devices that showed an access point a minute ago.
func seen(d *desk, at map[string]string) {
	ids := map[string]string{}
	for key, bssid := range at {
		v, _ := stored[e911.Device](d, e911.KindDevice, key)
		ids[string(v.ID)] = bssid
	}
	d.memory = func(org e911.OrgID, device string) locate.Memory {
		if ids[device] == "" || org != d.org {
			return locate.Memory{}
		}
		return locate.Memory{Sightings: []locate.Sighting{{Layer: locate.LayerServing, Keys: []string{ids[device]}, At: epoch, Since: epoch}}}
	}
}

// A device that was seen in the network goes where its access point goes.
// Proves: N-19
func TestDevicesGoWhereTheirAccessPointsGo(t *testing.T) {
	d := newDesk(t)
	seen(d, map[string]string{"sep001122aabbcc": "00:11:22:33:44:50"})
	pier, _ := stored[e911.Location](d, e911.KindLocation, "pier-4-f5")
	e, _ := stored[e911.Element](d, e911.KindElement, "bssid 00:11:22:33:44:50")
	e.Location = pier.ID
	p := d.plan(d.build("the access point moves", func(b *change.Builder) { b.Put(e, change.Origin{}) }))
	if p.Effects.Devices != 1 || p.Effects.Elements != 1 || p.Effects.By[change.AspectPSAP] < 2 {
		t.Errorf("effects: %+v", p.Effects)
	}
	golden(t, "an_access_point_moves", p.Text())
}

// Whose calls are looked at by what is changed is everybody whose calls change: the
// effects are those that comparing everybody gives.
// Proves: N-19
func TestEffectsAreThoseOfEverybody(t *testing.T) {
	d := newDesk(t)
	seen(d, map[string]string{"sep001122aabbcc": "00:11:22:33:44:50", "sep001122aabbee": "00:11:22:33:45:00", "dock-phone": "00:11:22:33:44:10"})
	content := d.content()
	byKind := map[e911.ObjectKind][]any{}
	for _, kind := range []e911.ObjectKind{e911.KindElement, e911.KindLocation, e911.KindBuilding, e911.KindUser, e911.KindDevice, e911.KindNumber, e911.KindSite} {
		for ref, v := range content {
			if ref.Kind == kind {
				byKind[kind] = append(byKind[kind], v)
			}
		}
	}
	changed := 0
	rapid.Check(t, func(r *rapid.T) {
		pick := func(kind e911.ObjectKind, name string) any {
			return byKind[kind][rapid.IntRange(0, len(byKind[kind])-1).Draw(r, name)]
		}
		set := change.Set{Org: d.org, Partial: true, Unroute: "a test"}
		for i, n := 0, rapid.IntRange(1, 3).Draw(r, "steps"); i < n; i++ {
			var v any
			switch rapid.IntRange(0, 6).Draw(r, "what") {
			case 0:
				e := pick(e911.KindElement, "element").(e911.Element)
				if e.Location != "" {
					e.Location = pick(e911.KindLocation, "to").(e911.Location).ID
				}
				v = e
			case 1:
				b := pick(e911.KindBuilding, "building").(e911.Building)
				b.Point = &e911.Point{Lat: 42.36, Lon: -71.05}
				v = b
			case 2:
				u := pick(e911.KindUser, "user").(e911.User)
				u.Callback = "+16175550100"
				v = u
			case 3:
				x := pick(e911.KindDevice, "device").(e911.Device)
				x.User = pick(e911.KindUser, "owner").(e911.User).ID
				v = x
			case 4:
				x := pick(e911.KindNumber, "number").(e911.NumberRec)
				x.Location = pick(e911.KindLocation, "at").(e911.Location).ID
				v = x
			case 5:
				x := pick(e911.KindSite, "site").(e911.Site)
				x.ECBN = "+16175550112"
				v = x
			default:
				e := pick(e911.KindElement, "gone").(e911.Element)
				set.Steps = append(set.Steps, change.Step{Verb: admin.Deleted, Ref: admin.RefOf(e)})
				continue
			}
			set.Steps = append(set.Steps, change.Step{Verb: change.Put, Value: v})
		}
		p := d.plan(set)
		if !p.Applicable {
			return
		}
		want := d.EffectsOfEverybody(t.Context(), t, p)
		got := p.Effects
		got.Lost = nil
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("effects (-everybody +plan):\n%s", diff)
		}
		if len(got.Groups) > 0 {
			changed++
		}
	})
	if changed == 0 {
		t.Error("no set changed a call: the test says nothing")
	}
}

// A large set is planned and applied in seconds.
// Proves: N-19, C-62
func TestALargeSetIsPlannedInSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("a large set")
	}
	d := newDesk(t)
	n := 1000
	if s := os.Getenv("CALLBOX_LARGE"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	began := time.Now()
	said := func(what string) { t.Logf("%s: %.1f s", what, time.Since(began).Seconds()); began = time.Now() }
	set := d.build("many", func(b *change.Builder) {
		site, _, _ := b.ID(e911.KindSite, "hq")
		at, _, _ := b.ID(e911.KindLocation, "mill-1-f1")
		for i := range n {
			b.Put(e911.User{Org: d.org, Site: e911.SiteID(site), Key: fmt.Sprintf("user-%d", i), Name: "N"}, change.Origin{Row: i + 2})
			b.Put(e911.Element{
				Org: d.org, Location: e911.LocationID(at), Kind: e911.ElementBSSID,
				MAC: e911.MAC(fmt.Sprintf("00:11:33:%02x:%02x:%02x", i>>16, i>>8&255, i&255)),
			}, change.Origin{Row: i + 2})
		}
	})
	said("built")
	p := d.plan(set)
	said("planned")
	if !p.Applicable || len(p.Changes) != change.MaxListed || p.More != 2*n-change.MaxListed {
		t.Fatalf("the plan: %s", p.Text())
	}
	page, err := d.Changes(t.Context(), d.org, p.ID, 990, 20)
	if err != nil || len(page) != 20 {
		t.Errorf("changes across pieces: %d, %v", len(page), err)
	}
	a := d.apply(p)
	said("applied")
	undo, err := d.Undo(t.Context(), "ann", d.org, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	said("undo planned")
	d.apply(undo)
	said("undone")
}
