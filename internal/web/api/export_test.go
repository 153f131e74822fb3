package api

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// SampleOf is the body that the document shows for a kind.
func SampleOf(k e911.ObjectKind) map[string]any {
	b, err := json.Marshal(examples[k])
	if err != nil {
		panic(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	return m
}

// Kinds are the stored type of each kind and the one in the document.
func Kinds() map[e911.ObjectKind][2]reflect.Type {
	out := map[e911.ObjectKind][2]reflect.Type{}
	for _, k := range append(kinds(), orgKind) {
		out[k.kind] = [2]reflect.Type{k.value, k.shown}
	}
	return out
}

// Shown is a stored value as it is read.
func (h *Handler) Shown(ctx context.Context, k e911.ObjectKind, value any) (map[string]any, error) {
	o := admin.Object{Ref: admin.RefOf(value), Version: 1, Value: value}
	m, err := h.show(ctx, k, o, map[string]string{})
	if err != nil {
		return nil, err
	}
	return m, h.addSynced(ctx, o.Ref.Org, []admin.Object{o}, []map[string]any{m})
}
