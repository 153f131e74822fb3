package layer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

var _ check.Layers = (*Shelf)(nil)

// Shelf reads the stored layers with what they hold, each content once. Safe
// for concurrent use.
type Shelf struct {
	blobs  admin.LayerBlobs
	cached func(digest string) (*gis.Content, bool)
	postal civic.Postal

	published func() *lvf.Index

	mu     sync.Mutex
	layers []gis.Layer
	index  *lvf.Index
}

// NewShelf makes a Shelf. cached gives contents that are in memory already,
// those of the published world, and postal is a table of postal codes for what
// no layer covers; both may be nil.
func NewShelf(blobs admin.LayerBlobs, cached func(digest string) (*gis.Content, bool), postal civic.Postal) *Shelf {
	return &Shelf{blobs: blobs, cached: cached, postal: postal}
}

// Over makes the Shelf take over what the index of the published world knows of
// contents that both have: an index is larger than its content. It is set before
// the first use; the Shelf is returned.
func (s *Shelf) Over(published func() *lvf.Index) *Shelf {
	s.published = published
	return s
}

// judges validates by other layers; what stays is not indexed again.
func (s *Shelf) judges(layers []gis.Layer) check.Addresses {
	s.mu.Lock()
	defer s.mu.Unlock()
	return judge{s.base().Replace(layers), s.postal}
}

func (s *Shelf) base() *lvf.Index {
	if s.published != nil {
		return s.published()
	}
	return s.index
}

// Layers returns the layers that the view has, by key. One whose content is
// lost or damaged is left out, as it is from calls; package publish says so.
func (s *Shelf) Layers(ctx context.Context, view admin.View) ([]gis.Layer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.refresh(ctx, view)
	return s.layers, err
}

// Addresses implements check.Layers.
func (s *Shelf) Addresses(ctx context.Context, view admin.View) (check.Addresses, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, view); err != nil {
		return nil, err
	}
	return judge{s.index, s.postal}, nil
}

// judge validates by layers and, where none covers the place, by a table.
type judge struct {
	layers *lvf.Index
	postal civic.Postal
}

// Validate implements check.Addresses.
func (j judge) Validate(c e911.Civic, o lvf.Options) lvf.Result {
	o.Postal = j.postal
	return j.layers.Validate(c, o)
}

func (s *Shelf) refresh(ctx context.Context, view admin.View) error {
	stored, err := list[e911.Layer](ctx, view, e911.KindLayer, "")
	if err != nil {
		return err
	}
	slices.SortFunc(stored, func(a, b e911.Layer) int { return strings.Compare(a.Key, b.Key) })
	var next []gis.Layer
	for _, l := range stored {
		content, err := s.content(ctx, l.Digest)
		switch e911.KindOf(err) {
		case e911.NotFound, e911.Invalid:
			continue
		case e911.Internal:
			if err != nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		next = append(next, gis.Layer{Layer: l, Content: content})
	}
	if s.index == nil || !slices.EqualFunc(next, s.layers, func(a, b gis.Layer) bool { return a == b }) {
		s.layers, s.index = next, s.base().Replace(next)
	}
	return nil
}

func (s *Shelf) content(ctx context.Context, digest string) (*gis.Content, error) {
	// The published one first: one content in memory, not two.
	if s.cached != nil {
		if c, ok := s.cached(digest); ok {
			return c, nil
		}
	}
	for _, l := range s.layers {
		if l.Layer.Digest == digest {
			return l.Content, nil
		}
	}
	b, err := s.blobs.LayerBlob(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("read what a layer holds: %w", err)
	}
	c, err := gis.Decode(b)
	if err != nil {
		return nil, &e911.Error{Kind: e911.Internal, Msg: "what a layer holds cannot be read by this version: import it again", Err: err}
	}
	return c, nil
}

// list reads all objects of a kind.
func list[T any](ctx context.Context, view admin.View, kind e911.ObjectKind, org e911.OrgID) ([]T, error) {
	objects, err := listObjects(ctx, view, kind, org)
	if err != nil {
		return nil, err
	}
	out := make([]T, len(objects))
	for i, o := range objects {
		out[i] = o.Value.(T)
	}
	return out, nil
}

func listObjects(ctx context.Context, view admin.View, kind e911.ObjectKind, org e911.OrgID) ([]admin.Object, error) {
	var out []admin.Object
	q := admin.Query{Kind: kind, Org: org}
	for {
		page, err := view.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read what is stored: %w", err)
		}
		out = append(out, page...)
		if len(page) < admin.MaxPage {
			return out, nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}
