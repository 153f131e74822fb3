package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/seal"
)

// edit makes the next Snapshot in three passes over the changes: take out what
// was there, put in what comes, look at what is pointed at. So the order of
// changes means nothing, and two objects may swap a key.
type edit struct {
	old    *Snapshot
	models *tableEdit[e911.ModelID, *e911.Model]
	trunks *tableEdit[e911.TrunkID, *e911.Trunk]
	psaps  *tableEdit[e911.PSAPID, *e911.PSAP]
	keys   *tableEdit[string, *e911.TokenKey]
	layers *tableEdit[e911.LayerID, *gis.Layer]
	refs   *tableEdit[target, int]

	companies *tableEdit[string, e911.OrgID]
	domains   *tableEdit[string, e911.OrgID]
	sources   *prefixEdit[e911.TrunkID]
	recovery  *prefixEdit[[]e911.TrunkID]
	proofs    *tableEdit[string, e911.TrunkID]
	shares    *sharesEdit

	orgs map[e911.OrgID]*orgEdit

	faults   []e911.Fault
	rejected []Object
	named    map[Object]bool
}

// apply is Apply for changes that name each object once.
func (s *Snapshot) apply(changes []Change, at time.Time) (*Snapshot, error) {
	return s.applyMaps(changes, nil, at)
}

// applyMaps is apply with parts of network maps, for an s that has none.
func (s *Snapshot) applyMaps(changes []Change, maps []*packed, at time.Time) (*Snapshot, error) {
	e := &edit{
		old: s, models: s.models.edit(), trunks: s.trunks.edit(), psaps: s.psaps.edit(), keys: s.keys.edit(),
		layers: s.layers.edit(), refs: s.refs.edit(), companies: s.companies.edit(), domains: s.domains.edit(),
		sources: editPrefixes(s.sources), recovery: editPrefixes(s.recovery), proofs: s.proofs.edit(), shares: s.shares.edit(),
		orgs: map[e911.OrgID]*orgEdit{}, named: map[Object]bool{},
	}
	e.reserve(changes)
	type read struct {
		name Object
		obj  any // pointer to a copy; nil for a deletion
	}
	all := make([]read, 0, len(changes))
	for _, c := range changes {
		if obj, ok := e.read(c); ok {
			all = append(all, read{c.object(), obj})
			e.take(c)
		}
	}
	// Organisations first: their masks say which access points are the same.
	for _, orgs := range []bool{true, false} {
		for _, r := range all {
			if r.obj != nil && (r.name.Kind == e911.KindOrg) == orgs {
				e.put(r.name, r.obj)
			}
		}
	}
	for _, p := range maps {
		e.putPacked(p)
	}
	for _, o := range e.orgs {
		o.settle()
	}
	for _, r := range all {
		e.look(r.name, r.obj)
	}
	if len(e.rejected) > 0 {
		return nil, rejection(e.faults, e.rejected)
	}
	return e.finish(at), nil
}

// reserve makes room for a large change set, a whole world for instance.
func (e *edit) reserve(changes []Change) {
	type part struct {
		org  e911.OrgID
		kind e911.ObjectKind
	}
	const large = 4 * perPart
	if len(changes) < large {
		return
	}
	n := map[part]int{}
	for _, c := range changes {
		if c.Object != nil && c.Org != "" {
			n[part{c.Org, c.Kind}]++
		}
	}
	for p, n := range n {
		if n < large {
			continue
		}
		o := e.org(p.org)
		switch p.kind {
		case e911.KindLocation:
			o.locations.reserve(n)
			o.refs.reserve(n)
		case e911.KindElement:
			o.net.reserve(n)
		case e911.KindUser:
			o.users.reserve(n)
		case e911.KindDevice:
			o.devices.reserve(n)
			o.byDeviceMAC.reserve(n)
			o.userDevices.reserve(n)
		case e911.KindNumber:
			o.numbers.reserve(n)
			o.byNumber.reserve(n)
			o.userNumbers.reserve(n)
		}
	}
}

// fault says what is wrong with an object of the change set.
func (e *edit) fault(o Object, field, code, msg, fix string) {
	path := fmt.Sprintf("%s[%s]", o.Kind, o.ID)
	if field != "" {
		path += "." + field
	}
	e.faults = append(e.faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	if !e.named[o] {
		e.named[o] = true
		e.rejected = append(e.rejected, o)
	}
}

func rejection(faults []e911.Fault, objects []Object) error {
	return &e911.Error{
		Kind: e911.Invalid, Msg: "the change set does not pass its checks",
		Faults: faults, Err: &Rejected{Objects: objects},
	}
}

func rejectedBy(err error) ([]Object, bool) {
	r, ok := errors.AsType[*Rejected](err)
	if !ok {
		return nil, false
	}
	return r.Objects, true
}

// read checks that a change is what it says and returns a pointer to a copy of
// its object; nil for a deletion.
func (e *edit) read(c Change) (any, bool) {
	if c.ID == "" {
		e.fault(c.object(), "", "id", "an object needs an id", "")
		return nil, false
	}
	if !slices.Contains(kinds, c.Kind) {
		e.fault(c.object(), "", "kind", "this version does not know objects of this kind", "")
		return nil, false
	}
	world := c.Kind == e911.KindModel || c.Kind == e911.KindPSAP || c.Kind == e911.KindTokenKey || c.Kind == e911.KindLayer
	switch {
	case world && c.Org != "":
		e.fault(c.object(), "org", "org", "an object of the world belongs to no organisation", "")
		return nil, false
	case c.Kind == e911.KindOrg && string(c.Org) != c.ID:
		e.fault(c.object(), "org", "org", "an organisation is its own", "")
		return nil, false
	case !world && c.Kind != e911.KindTrunk && c.Org == "":
		e.fault(c.object(), "org", "org", "the object needs its organisation", "")
		return nil, false
	}
	if c.Object == nil {
		return nil, true
	}
	obj, kind, org, id := pointer(c.Object)
	if kind != c.Kind || org != c.Org || id != c.ID {
		e.fault(c.object(), "", "kind", fmt.Sprintf("the object inside is a %s of another name", kind), "")
		return nil, false
	}
	return obj, true
}

var kinds = []e911.ObjectKind{
	e911.KindModel, e911.KindTrunk, e911.KindPSAP, e911.KindTokenKey, e911.KindOrg, e911.KindSite, e911.KindBuilding,
	e911.KindLocation, e911.KindElement, e911.KindUser, e911.KindDevice, e911.KindNumber, e911.KindAlert,
	e911.KindOverride, e911.KindLayer,
}

// pointer copies a value of e911 and tells its identity. What comes as a pointer,
// from a snapshot file, is ours already.
func pointer(object any) (ptr any, kind e911.ObjectKind, org e911.OrgID, id string) {
	switch v := object.(type) {
	case e911.Model:
		return &v, e911.KindModel, "", string(v.ID)
	case e911.Trunk:
		return &v, e911.KindTrunk, v.Org, string(v.ID)
	case e911.PSAP:
		return &v, e911.KindPSAP, "", string(v.ID)
	case gis.Layer:
		return &v, e911.KindLayer, "", string(v.Layer.ID)
	case e911.TokenKey:
		return &v, e911.KindTokenKey, "", v.ID
	case e911.Org:
		return &v, e911.KindOrg, v.ID, string(v.ID)
	case e911.Site:
		return &v, e911.KindSite, v.Org, string(v.ID)
	case e911.Building:
		return &v, e911.KindBuilding, v.Org, string(v.ID)
	case e911.Location:
		return &v, e911.KindLocation, v.Org, string(v.ID)
	case e911.Element:
		return &v, e911.KindElement, v.Org, string(v.ID)
	case *e911.Element:
		return v, e911.KindElement, v.Org, string(v.ID)
	case e911.User:
		return &v, e911.KindUser, v.Org, string(v.ID)
	case e911.Device:
		return &v, e911.KindDevice, v.Org, string(v.ID)
	case e911.NumberRec:
		return &v, e911.KindNumber, v.Org, string(v.ID)
	case e911.Alert:
		return &v, e911.KindAlert, v.Org, string(v.ID)
	case e911.PSAPOverride:
		return &v, e911.KindOverride, v.Org, string(v.ID)
	}
	return nil, e911.ObjectKind(fmt.Sprintf("%T", object)), "", ""
}

// org returns the edit of one organisation, which need not exist yet.
func (e *edit) org(id e911.OrgID) *orgEdit {
	o, ok := e.orgs[id]
	if !ok {
		o = newOrgEdit(e, id, e.old.Org(id))
		e.orgs[id] = o
	}
	return o
}

// take takes out what stands under the change's name now.
func (e *edit) take(c Change) {
	switch c.Kind {
	case e911.KindModel:
		drop(e.models, e911.ModelID(c.ID))
	case e911.KindTokenKey:
		drop(e.keys, c.ID)
	case e911.KindLayer:
		drop(e.layers, e911.LayerID(c.ID))
	case e911.KindPSAP:
		if p := drop(e.psaps, e911.PSAPID(c.ID)); p != nil {
			e.count(p, -1)
		}
	case e911.KindTrunk:
		if c.Org != "" {
			e.org(c.Org)
		}
		if t := drop(e.trunks, e911.TrunkID(c.ID)); t != nil {
			e.takeTrunk(t)
		}
	default:
		e.org(c.Org).take(c)
	}
}

func drop[K comparable, V any](t *tableEdit[K, *V], k K) *V {
	v, ok := t.get(k)
	if !ok {
		return nil
	}
	t.del(k)
	return v
}

// count adds to how often the world's objects are pointed at.
func (e *edit) count(obj any, by int) {
	for r := range pointsAt(obj) {
		if r.world && r.id != "" {
			counted(e.refs, r.target, by)
		}
	}
}

func counted(refs *tableEdit[target, int], t target, by int) {
	refs.update(t, func(n int) (int, bool) { return n + by, n+by != 0 })
}

// put puts in one object; what it points at is looked at when all are in.
func (e *edit) put(o Object, obj any) {
	switch v := obj.(type) {
	case *e911.Model:
		e.models.set(v.ID, v)
	case *e911.TokenKey:
		if _, err := seal.NewRing(seal.Key{ID: v.ID, Secret: v.Secret}); err != nil {
			e.fault(o, "secret", "invalid", "no usable key: "+err.Error(), "")
		}
		e.keys.set(v.ID, v)
	case *gis.Layer:
		e.putLayer(o, v)
	case *e911.PSAP:
		e.checkPSAP(o, v)
		e.psaps.set(v.ID, v)
		e.count(v, 1)
	case *e911.Trunk:
		e.putTrunk(o, v)
	default:
		e.orgs[o.Org].put(o, obj)
	}
}

// look checks what a new object points at, and that a deleted one is not
// pointed at any more.
func (e *edit) look(o Object, obj any) {
	if obj == nil {
		e.lookDeleted(o)
		return
	}
	if o.Org != "" && e.orgs[o.Org].config == nil {
		e.fault(o, "org", "dangling", "its organisation does not exist", "")
		return
	}
	if el, ok := obj.(*e911.Element); ok {
		e.orgs[o.Org].lookElement(o, el)
		return
	}
	for r := range pointsAt(obj) {
		switch {
		case r.id == "" && r.required:
			e.fault(o, r.field, "required", fmt.Sprintf("a %s needs a %s", o.Kind, r.kind), "")
		case r.id != "" && !e.exists(o.Org, r):
			e.fault(o, r.field, "dangling", fmt.Sprintf("the %s %s does not exist", r.kind, r.id), "")
		}
	}
	switch v := obj.(type) {
	case *e911.PSAP:
		e.lookTrunks(o, "routes", v.Routes)
	case *e911.Org:
		e.lookTrunks(o, "carriers", v.Carriers)
	case *e911.Site:
		e.lookTrunks(o, "local", v.Local)
		e.lookOwn(o, "local", v.Local)
	}
}

func (e *edit) exists(org e911.OrgID, r pointed) bool {
	if r.world {
		return e.existsInWorld(r.target)
	}
	return e.orgs[org].exists(r.target)
}

func (e *edit) existsInWorld(t target) bool {
	switch t.kind {
	case e911.KindModel:
		_, ok := e.models.get(e911.ModelID(t.id))
		return ok
	case e911.KindTrunk:
		_, ok := e.trunks.get(e911.TrunkID(t.id))
		return ok
	case e911.KindPSAP:
		_, ok := e.psaps.get(e911.PSAPID(t.id))
		return ok
	}
	return false
}

// lookDeleted finds what still points at an object that is gone.
func (e *edit) lookDeleted(o Object) {
	if o.Kind == e911.KindOrg {
		if n := e.orgs[o.Org].objects(); n > 0 {
			e.fault(o, "", "in_use", fmt.Sprintf("%d objects still belong to it", n), "delete them first, or in the same change")
		}
		return
	}
	t := target{o.Kind, o.ID}
	var n int
	switch {
	case o.Kind == e911.KindModel || o.Kind == e911.KindTrunk || o.Kind == e911.KindPSAP:
		n, _ = e.refs.get(t)
		if n > 0 && e.existsInWorld(t) {
			return // it came back under another organisation
		}
	case o.Org != "":
		org := e.orgs[o.Org]
		n, _ = org.refs.get(t)
		if o.Kind == e911.KindLocation {
			n += org.net.network.places.uses(o.ID)
		}
	}
	if n > 0 {
		e.fault(o, "", "in_use", fmt.Sprintf("%d objects still point at it", n), "change or delete them first, or in the same change")
	}
}

// finish builds the Snapshot of a change set that passed.
func (e *edit) finish(at time.Time) *Snapshot {
	s := &Snapshot{
		Version: e.old.Version + 1, At: at,
		models: e.models.done(), trunks: e.trunks.done(), psaps: e.psaps.done(), keys: e.keys.done(), refs: e.refs.done(),
		layers: e.layers.done(), lvf: e.old.lvf,
		companies: e.companies.done(), domains: e.domains.done(), sources: e.sources.t, recovery: e.recovery.t, proofs: e.proofs.done(), shares: e.shares.done(),
		relays: e.old.relays, index: e.old.index, ring: e.old.ring,
	}
	orgs := e.old.orgs.edit()
	for id, o := range e.orgs {
		if o.config == nil {
			orgs.del(id)
		} else {
			orgs.set(id, o.finish())
		}
	}
	s.orgs = orgs.done()
	if e.layers.touched {
		s.lvf = e.old.lvf.Replace(s.Layers()) // what stays is not indexed again
	}
	if e.psaps.touched || e.layers.touched {
		s.relays = nil
		var all []e911.PSAP
		for p := range s.psaps.values() {
			all = append(all, *p)
			if p.Relay {
				s.relays = append(s.relays, *p)
			}
		}
		slices.SortFunc(s.relays, byCountries)
		s.index = e.old.index.Replace(all, s.Layers())
	}
	if e.keys.touched {
		s.ring = ringOf(slices.Collect(s.keys.values()))
	}
	return s
}

// ringOf seals with the newest key. Each key passed its check.
func ringOf(keys []*e911.TokenKey) *seal.Ring {
	slices.SortFunc(keys, func(a, b *e911.TokenKey) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	list := make([]seal.Key, len(keys))
	for i, k := range keys {
		list[i] = seal.Key{ID: k.ID, Secret: k.Secret}
	}
	ring, err := seal.NewRing(list...)
	if err != nil {
		return nil // cannot be: read checked each of them
	}
	return ring
}
