package api

import (
	"context"
	"errors"
	"reflect"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/e911"
)

// Objects are the use cases of one kind of object. Of makes them of an editor's.
// Errors are e911.Errors.
type Objects interface {
	// Create gives the value an id and stores it.
	Create(ctx context.Context, who admin.Actor, value any) (admin.Object, error)
	// Update replaces the value of the same id, if it still has the version.
	Update(ctx context.Context, who admin.Actor, value any, version int64) (admin.Object, error)
	// Delete removes the object, if it still has the version.
	Delete(ctx context.Context, who admin.Actor, org e911.OrgID, id string, version int64) error
	// Get returns an object, or NotFound, also when it is another organisation's.
	Get(ctx context.Context, org e911.OrgID, id string) (admin.Object, error)
	// Find returns a page in order of id.
	Find(ctx context.Context, q admin.Query) ([]admin.Object, error)
}

// Of offers an editor's use cases of one kind, whatever its type. Objects is
// asked each time: the database may come later, and go.
func Of[T any](kind e911.ObjectKind, objects func() (*edit.Objects[T], error)) Objects {
	return of[T]{kind, objects}
}

type of[T any] struct {
	kind    e911.ObjectKind
	objects func() (*edit.Objects[T], error)
}

var errWrongType = errors.New("a value of another type")

func (o of[T]) Create(ctx context.Context, who admin.Actor, value any) (admin.Object, error) {
	v, ok := value.(T)
	if !ok {
		return admin.Object{}, errWrongType
	}
	e, err := o.objects()
	if err != nil {
		return admin.Object{}, err
	}
	s, err := e.Create(ctx, who, v)
	return o.object(s), err
}

func (o of[T]) Update(ctx context.Context, who admin.Actor, value any, version int64) (admin.Object, error) {
	v, ok := value.(T)
	if !ok {
		return admin.Object{}, errWrongType
	}
	e, err := o.objects()
	if err != nil {
		return admin.Object{}, err
	}
	s, err := e.Update(ctx, who, v, version)
	return o.object(s), err
}

func (o of[T]) Delete(ctx context.Context, who admin.Actor, org e911.OrgID, id string, version int64) error {
	e, err := o.objects()
	if err != nil {
		return err
	}
	return e.Delete(ctx, who, org, id, version)
}

func (o of[T]) Get(ctx context.Context, org e911.OrgID, id string) (admin.Object, error) {
	e, err := o.objects()
	if err != nil {
		return admin.Object{}, err
	}
	s, err := e.Get(ctx, org, id)
	return o.object(s), err
}

func (o of[T]) Find(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	e, err := o.objects()
	if err != nil {
		return nil, err
	}
	found, err := e.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]admin.Object, len(found))
	for i, s := range found {
		list[i] = o.object(s)
	}
	return list, nil
}

func (o of[T]) object(s edit.Stored[T]) admin.Object {
	if s.Version == 0 {
		return admin.Object{}
	}
	return admin.Object{Ref: admin.RefOf(s.Value), Version: s.Version, Value: s.Value, Place: s.Place}
}

// kindRow is what the API knows of one kind of object.
type kindRow struct {
	kind    e911.ObjectKind
	path    string       // last part of the collection's address
	one     string       // in the text of the document
	world   bool         // there is a collection of the world part
	org     bool         // there is one of each organisation
	fixed   bool         // read only
	value   reflect.Type // stored
	shown   reflect.Type // in the document
	fields  []admin.Field
	example map[string]any
}

func row[V, W any](kind e911.ObjectKind, path, one string, fields ...admin.Field) kindRow {
	return kindRow{
		kind: kind, path: path, one: one, org: true, value: reflect.TypeFor[V](), shown: reflect.TypeFor[W](), fields: fields,
		example: examples[kind],
	}
}

func (k kindRow) inWorld(org bool) kindRow {
	k.world, k.org = true, org
	return k
}

// kinds are the collections of the API.
func kinds() []kindRow {
	layers := row[e911.Layer, client.Layer](e911.KindLayer, "layers", "reference layer", admin.ByKey).inWorld(false)
	layers.fixed = true
	return []kindRow{
		row[e911.Site, client.Site](e911.KindSite, "sites", "site", admin.ByKey),
		row[e911.Building, client.Building](e911.KindBuilding, "buildings", "building", admin.ByKey, admin.BySite),
		row[e911.Location, client.Location](e911.KindLocation, "locations", "location", admin.ByKey, admin.ByBuilding),
		row[e911.Element, client.Element](e911.KindElement, "elements", "network element", admin.ByMAC, admin.ByBSSID, admin.ByBSSIDPrefix, admin.ByRange, admin.ByLocation, admin.ByElementKind, byChassis),
		row[e911.User, client.User](e911.KindUser, "users", "user", admin.ByKey, admin.BySite, admin.ByDeviceUserID, byEmail),
		row[e911.Device, client.Device](e911.KindDevice, "devices", "device", admin.ByKey, admin.BySite, admin.ByUser, admin.ByModel, admin.ByMAC, admin.BySIPUser),
		row[e911.NumberRec, client.Number](e911.KindNumber, "numbers", "number", admin.ByNumber, admin.BySite, admin.ByUser, admin.ByLocation),
		row[e911.Alert, client.Alert](e911.KindAlert, "alerts", "alert rule", admin.ByKey, admin.BySite),
		row[e911.PSAPOverride, client.PSAPOverride](e911.KindOverride, "psap_overrides", "choice of a PSAP", admin.ByKey, admin.BySite, admin.ByBuilding, admin.ByLocation, admin.ByPSAP),
		row[e911.Trunk, client.Trunk](e911.KindTrunk, "trunks", "trunk", admin.ByKey).inWorld(true),
		row[e911.PSAP, client.PSAP](e911.KindPSAP, "psaps", "PSAP", admin.ByKey, admin.ByTrunk).inWorld(false),
		row[e911.Model, client.Model](e911.KindModel, "models", "device model", admin.ByKey).inWorld(false),
		layers,
	}
}

// Filters that the store has no field for.
const (
	byChassis admin.Field = "chassis" // with port: a switch port; alone: the switch
	byEmail   admin.Field = "email"
)
