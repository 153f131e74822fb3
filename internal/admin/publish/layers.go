package publish

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
)

// fillLayers gives the layers of a batch what they hold. A content is read and
// decoded once: what calls use now, or was read for a layer that is held back,
// is taken from there. One that cannot be read holds its layer back and nobody
// else's change (F-31); it is asked for again when the database may answer
// later.
func (p *Publisher) fillLayers(ctx context.Context, src Source, rows []admin.Row, current *snapshot.Snapshot) {
	p.again = false
	waiting := map[string]*gis.Content{}
	for i := range rows {
		l, ok := rows[i].Value.(e911.Layer)
		if !ok {
			continue
		}
		content, ok := current.LayerContent(l.Digest)
		if !ok {
			content, ok = p.waiting[l.Digest]
		}
		if !ok {
			var err error
			if content, err = readLayer(ctx, src, l.Digest); err != nil {
				p.again = p.again || e911.KindOf(err) == e911.Unavailable
				rows[i].Value, rows[i].Err = nil, err
				continue
			}
		}
		waiting[l.Digest] = content
		rows[i].Value = gis.Layer{Layer: l, Content: content}
	}
	p.waiting = waiting
}

func readLayer(ctx context.Context, src Source, digest string) (*gis.Content, error) {
	b, err := src.LayerBlob(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("read what the layer holds: %w", err)
	}
	content, err := gis.Decode(b)
	if err != nil {
		return nil, &e911.Error{Kind: e911.Internal, Msg: "what the layer holds cannot be read by this version: import it again", Err: err}
	}
	return content, nil
}

// forgetLayers keeps only the contents of layers that are held back: the others
// are in the world now.
func (p *Publisher) forgetLayers(held []Held) {
	if len(held) == 0 {
		p.waiting = nil
	}
}
