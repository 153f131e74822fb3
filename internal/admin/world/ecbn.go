package world

import (
	"context"
	"fmt"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// ecbnChoice reads a choice; NONE is none.
func ecbnChoice(n node) e911.ECBNChoice {
	if s := n.text(); s != "NONE" {
		return e911.ECBNChoice(s)
	}
	return e911.ECBNNone
}

// ecbn reads {choice: LOCATION_MEMBER_NUMBER, member: "+16175550102"}.
func ecbn(n node) e911.ECBN {
	if n.null() {
		return e911.ECBN{}
	}
	f := n.object("choice", "member")
	return e911.ECBN{Choice: ecbnChoice(f["choice"]), Member: number(f["member"])}
}

func areas(n node) (out []e911.SiteArea) {
	for _, a := range n.list() {
		f := a.object("key", "name", "buildings", "locations", "ecbn")
		v := e911.SiteArea{Key: f["key"].text(), Name: f["name"].text(), ECBN: number(f["ecbn"])}
		for _, key := range f["buildings"].texts() {
			v.Buildings = append(v.Buildings, e911.BuildingID(key))
		}
		for _, key := range f["locations"].texts() {
			v.Locations = append(v.Locations, e911.LocationID(key))
		}
		out = append(out, v)
	}
	return out
}

// linkPlaces puts the ids of places where a site has their keys.
func linkPlaces(v *e911.Site, find func(path string, kind e911.ObjectKind, key string) string) {
	v.ESA = e911.LocationID(find("esa", e911.KindLocation, string(v.ESA)))
	v.Areas = slices.Clone(v.Areas)
	for i := range v.Areas {
		a := &v.Areas[i]
		a.Buildings, a.Locations = slices.Clone(a.Buildings), slices.Clone(a.Locations)
		for j, key := range a.Buildings {
			a.Buildings[j] = e911.BuildingID(find(fmt.Sprintf("areas[%d].buildings[%d]", i, j), e911.KindBuilding, string(key)))
		}
		for j, key := range a.Locations {
			a.Locations[j] = e911.LocationID(find(fmt.Sprintf("areas[%d].locations[%d]", i, j), e911.KindLocation, string(key)))
		}
	}
}

// callbacks refuses to drop numbers that are somebody's emergency callback
// number (W-06), and notes the numbers that are not recommended as one (W-05)
// the ids of users that are alike (N-20), and the extensions that begin like an
// emergency number (F-37).
func (r *resolver) callbacks(ctx context.Context, view admin.View) error {
	for n, o := range r.stored {
		v, is := o.Value.(e911.NumberRec)
		if _, stays := r.ids[n]; stays || !is {
			continue
		}
		faults, err := check.Kept(ctx, view, v)
		if err != nil {
			return err
		}
		for _, f := range faults {
			const path = "organisations"
			r.s.add(path, r.s.where(path), f.Code, f.Msg+", and the number is not in the file", f.Fix)
		}
	}
	numbers := inventory{}
	for _, it := range r.d.items {
		if v, ok := it.value.(e911.NumberRec); ok {
			numbers[ofOrg{it.org, string(v.Number)}] = v
		}
	}
	alike := map[ofOrg]e911.User{}
	countries := r.countries()
	for i, it := range r.d.items {
		for _, f := range append(advise(it, numbers, alike), check.Shadows(it.value, countries[it.org])...) {
			if r.notes == nil {
				r.notes = map[int][]e911.Fault{}
			}
			r.notes[i] = append(r.notes[i], f)
		}
	}
	return nil
}

// ofOrg is a text of one organisation's.
type ofOrg struct{ org, text string }

// inventory is the numbers of the file.
type inventory map[ofOrg]e911.NumberRec

// numbersOf is the inventory of one organisation.
type numbersOf struct {
	all inventory
	org string
}

func (n numbersOf) Number(v e911.Number) (e911.NumberRec, bool) {
	rec, ok := n.all[ofOrg{n.org, string(v)}]
	return rec, ok
}

func advise(it item, numbers inventory, alike map[ofOrg]e911.User) (out []e911.Fault) {
	grade := func(path string, n e911.Number) {
		if n == "" {
			return
		}
		g, why := identify.GradeOf(numbersOf{numbers, it.org}, n)
		if g == identify.Recommended {
			return
		}
		out = append(out, e911.Fault{
			Path: path, Code: check.Range, Msg: fmt.Sprintf("%s is %s as an emergency callback number: %s", n, g, why),
			Fix: "give a number that a person answers, and say so under numbers:",
		})
	}
	switch v := it.value.(type) {
	case e911.Site:
		path := "ecbn"
		if v.ECBNChoice == e911.ECBNMain {
			path = "main_number"
		}
		grade(path, v.Callback())
		for i, a := range v.Areas {
			grade(fmt.Sprintf("areas[%d].ecbn", i), a.ECBN)
		}
	case e911.Device:
		grade("ecbn.member", v.ECBN.Member)
	case e911.NumberRec:
		grade("ecbn.member", v.ECBN.Member)
		if v.ECBN.Choice == e911.ECBNDirect && v.Answers() != e911.OwnerVirtualLine {
			grade("number", v.Number)
		}
	case e911.User:
		grade("ecbn.member", v.ECBN.Member)
		if v.DeviceUserID == "" {
			break
		}
		k := ofOrg{it.org, identify.Fold(v.DeviceUserID)}
		if first, taken := alike[k]; taken {
			out = append(out, e911.Fault{
				Path: "device_user_id", Code: check.Ambiguous, Msg: fmt.Sprintf("%q and %q of %s differ in capitals alone, and each matches exactly (N-20)", v.DeviceUserID, first.DeviceUserID, first.Key),
				Fix: "compare both with what the platform sends",
			})
		} else {
			alike[k] = v
		}
	}
	return out
}
