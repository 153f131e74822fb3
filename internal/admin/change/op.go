package change

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// op is a step that was resolved: what happens to one object.
type op struct {
	verb          admin.Verb // none: nothing happens
	ref           admin.Ref
	key           string
	version       int64 // of what is changed or deleted
	before, after any
	from          Origin
	step          int // its number in the set
}

// stored is the form in which an op is kept.
type stored struct {
	Verb    admin.Verb      `json:"v"`
	Ref     admin.Ref       `json:"r"`
	Version int64           `json:"n,omitempty"`
	Before  json.RawMessage `json:"b,omitempty"`
	After   json.RawMessage `json:"a,omitempty"`
	From    Origin          `json:"f,omitzero"`
}

// perPiece is how many ops one piece holds.
const perPiece = 1000

// pack encodes ops for the store, in pieces.
func pack(ops []op) ([][]byte, error) {
	var out [][]byte
	for part := range slices.Chunk(ops, perPiece) {
		list := make([]stored, len(part))
		for i := range part {
			o := &part[i]
			list[i] = stored{Verb: o.verb, Ref: o.ref, Version: o.version, From: o.from}
			var err error
			if list[i].Before, err = encode(o.before); err == nil {
				list[i].After, err = encode(o.after)
			}
			if err != nil {
				return nil, fmt.Errorf("encode a change of %s: %w", o.ref, err)
			}
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if err := json.NewEncoder(z).Encode(list); err != nil {
			return nil, fmt.Errorf("encode changes: %w", err)
		}
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("encode changes: %w", err)
		}
		out = append(out, b.Bytes())
	}
	return out, nil
}

func encode(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// unpack decodes a piece. Its octets were sealed: they are ours.
func unpack(piece []byte) ([]op, error) {
	z, err := gzip.NewReader(bytes.NewReader(piece))
	if err != nil {
		return nil, fmt.Errorf("decode changes: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("decode changes: %w", err)
	}
	var list []stored
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("decode changes: %w", err)
	}
	out := make([]op, len(list))
	for i, s := range list {
		o := op{verb: s.Verb, ref: s.Ref, version: s.Version, from: s.From, step: i}
		if o.before, err = decode(s.Ref.Kind, s.Before); err == nil {
			o.after, err = decode(s.Ref.Kind, s.After)
		}
		if err != nil {
			return nil, fmt.Errorf("decode a change of %s: %w", s.Ref, err)
		}
		for _, v := range []any{o.before, o.after} {
			if v != nil {
				o.key = admin.KeyOf(v)
			}
		}
		out[i] = o
	}
	return out, nil
}

// types are the Go types of the kinds of objects.
var types = func() map[e911.ObjectKind]reflect.Type {
	out := map[e911.ObjectKind]reflect.Type{}
	for _, v := range admin.Examples() {
		out[admin.RefOf(v).Kind] = reflect.TypeOf(v)
	}
	return out
}()

func decode(kind e911.ObjectKind, text json.RawMessage) (any, error) {
	if len(text) == 0 {
		return nil, nil
	}
	t, ok := types[kind]
	if !ok {
		return nil, e911.Errorf(e911.Internal, "there are no objects of kind %s", kind)
	}
	p := reflect.New(t)
	if err := json.Unmarshal(text, p.Interface()); err != nil {
		return nil, err
	}
	return p.Elem().Interface(), nil
}

// told is the op as a plan tells it.
func (o *op) told() Change {
	return Change{Verb: o.verb, Ref: o.ref, Key: o.key, Version: o.version, Fields: admin.Diff(o.before, o.after), From: o.from}
}

// inverse is the step that takes an applied op back.
func (o *op) inverse() Step {
	s := Step{Ref: o.ref, Key: o.key, From: o.from}
	switch o.verb {
	case admin.Created:
		s.Verb, s.Version = admin.Deleted, 1
	case admin.Changed:
		s.Verb, s.Value, s.Version = admin.Changed, o.before, o.version+1
	case admin.Deleted:
		s.Verb, s.Value = admin.Created, o.before
	}
	return s
}

// again is the step that the op was made from, on the very version.
func (o *op) again() Step {
	return Step{Verb: o.verb, Value: o.after, Ref: o.ref, Key: o.key, Version: o.version, From: o.from}
}

// order is that in which ops are done: what goes first, so that keys are free; then
// what is pointed at before what points at it.
func order(ops []op) []op {
	kinds := admin.Kinds()
	rank := func(o op) int {
		k := slices.Index(kinds, o.ref.Kind)
		switch o.verb {
		case admin.Deleted:
			return -1000 - k
		case admin.Created:
			return k
		}
		return 1000 + k
	}
	out := slices.Clone(ops)
	slices.SortStableFunc(out, func(a, b op) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(string(a.ref.Org), string(b.ref.Org)))
	})
	return out
}
