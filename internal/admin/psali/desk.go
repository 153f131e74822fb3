package psali

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// Config is what a Desk needs.
type Config struct {
	Store Store
	Now   func() time.Time
	// MSAG says what the reference layers have of a place, nothing where none has
	// it. It must answer the same for the same layers: what it says is part of
	// the records, and a record that differs is due again.
	MSAG func(place e911.Civic, demonstration bool) gis.MSAG
}

// Desk has the use cases. Safe for concurrent use.
type Desk struct{ cfg Config }

// New checks the configuration.
func New(cfg Config) (*Desk, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.MSAG == nil {
		return nil, e911.Errorf(e911.Invalid, "the desk for ALI records needs a store, a clock and what layers say of a place")
	}
	return &Desk{cfg}, nil
}

// elin is a number with its place and the record that it has now.
type elin struct {
	value   e911.NumberRec
	version int64
	key     string // of its location; empty: it has none
	form    msag.Form
	notes   []msag.Note
	digest  e911.ALIDigest
	record  Record
}

// view is what an organisation's records are made of, at one moment.
type view struct {
	org       e911.Org
	locations map[e911.LocationID]e911.Location
	buildings map[e911.BuildingID]e911.Building
	elins     []elin // in order of number
}

// look reads an organisation: its ELINs, and the numbers that were.
func (d *Desk) look(ctx context.Context, r admin.View, org string, at time.Time) (*view, error) {
	o, err := organisation(ctx, r, org)
	if err != nil {
		return nil, err
	}
	v := &view{org: o, locations: map[e911.LocationID]e911.Location{}, buildings: map[e911.BuildingID]e911.Building{}}
	err = each(ctx, r, admin.Query{Kind: e911.KindLocation, Org: o.ID}, func(x admin.Object) {
		l := x.Value.(e911.Location)
		v.locations[l.ID] = l
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, r, admin.Query{Kind: e911.KindBuilding, Org: o.ID}, func(x admin.Object) {
		b := x.Value.(e911.Building)
		v.buildings[b.ID] = b
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, r, admin.Query{Kind: e911.KindNumber, Org: o.ID, Field: admin.ByALI, Value: "1"}, func(x admin.Object) {
		v.elins = append(v.elins, d.elin(v, x, at))
	})
	slices.SortFunc(v.elins, func(a, b elin) int { return strings.Compare(string(a.value.Number), string(b.value.Number)) })
	return v, err
}

// organisation finds an organisation by its key; an empty key is the only one.
func organisation(ctx context.Context, r admin.View, key string) (e911.Org, error) {
	orgs, err := r.Orgs(ctx)
	if err != nil {
		return e911.Org{}, fmt.Errorf("read the organisations: %w", err)
	}
	if key == "" && len(orgs) == 1 {
		return orgs[0], nil
	}
	for _, o := range orgs {
		if o.Key == key {
			return o, nil
		}
	}
	if key == "" {
		return e911.Org{}, e911.Errorf(e911.NotFound, "there are %d organisations: name one by its key", len(orgs))
	}
	return e911.Org{}, e911.Errorf(e911.NotFound, "there is no organisation %q", key)
}

// each calls do for all objects that a query finds.
func each(ctx context.Context, r admin.View, q admin.Query, do func(admin.Object)) error {
	for {
		page, err := r.List(ctx, q)
		if err != nil {
			return fmt.Errorf("read each %s: %w", q.Kind, err)
		}
		for _, o := range page {
			if o.Value != nil {
				do(o)
			}
		}
		if len(page) < admin.MaxPage {
			return nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// place is the whole address of a location, as the snapshot has it: the name of
// the building is its BLD when the address has none.
func (v *view) place(l e911.Location) (e911.Civic, bool) {
	b, ok := v.buildings[l.Building]
	c := b.Address
	if c.BLD == "" {
		c.BLD = b.Name
	}
	return c.Merge(l.Detail), ok
}

func (d *Desk) elin(v *view, x admin.Object, at time.Time) elin {
	e := elin{value: x.Value.(e911.NumberRec), version: x.Version}
	if l, ok := v.locations[e.value.Location]; ok {
		place, _ := v.place(l)
		m := d.cfg.MSAG(place, v.org.Demonstration)
		e.key = l.Key
		e.form, e.notes = msag.Of(place, m)
		e.digest = alirecord.Digest(place, m)
	}
	e.record = v.record(e, at)
	if e.key != "" {
		e.digest.Record = alirecord.RecordDigest(e.record.essence())
	}
	return e
}

// record makes an ELIN's record; its function code is set by who sends it.
func (v *view) record(e elin, at time.Time) Record {
	p := e911.PSALI{}
	if v.org.PSALI != nil {
		p = *v.org.PSALI
	}
	f := e.form
	fold := func(s string) string { out, _, _ := msag.Fold(s); return out }
	return Record{
		Number: digits(e.value.Number), House: f.House, HouseSuffix: f.HouseSuffix, PreDir: f.PreDir, Street: f.Street, Suffix: f.Suffix,
		PostDir: f.PostDir, Community: f.Community, State: f.State, Location: f.Location, Customer: fold(first(p.Customer, v.org.Name)),
		Class: first(p.Class, "4"), Type: first(p.Type, "0"), Exchange: fold(p.Exchange), ESN: f.ESN, Main: digits(p.Main),
		Extract: at.UTC().Format(mmddyy), County: p.County, Company: fold(p.CompanyID), ZIP: f.ZIP, ZIP4: f.ZIP4, Code: fold(p.Code),
		Expanded: at.UTC().Format(yyyymmdd), Provider: fold(p.Provider),
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// digits are the ten digits of a North American number.
func digits(n e911.Number) string { return strings.TrimPrefix(string(n), "+1") }

// step applies an event to an ELIN and stores it.
func step(ctx context.Context, w Writer, e elin, event any) (e911.NumberRec, error) {
	next, err := alirecord.Step(e.value.Record(), event)
	if err != nil {
		return e.value, err
	}
	v := e.value
	v.ALI = &next
	if next == (e911.ALIRecord{}) {
		v.ALI = nil
	}
	if _, err := w.Update(ctx, v, e.version); err != nil {
		return v, fmt.Errorf("store the ALI record of %s: %w", v.ID, err)
	}
	return v, nil
}
