package lis

import (
	"bytes"
	"sync"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/internal/snapshot"
)

// templates are shared by the devices of a place. Safe for concurrent use.
type templates struct {
	mu sync.Mutex
	by map[templateKey]*template
	// same are the parts that most templates have in common, each once: what
	// differs is the place alone.
	same map[string][]byte
}

type templateKey struct {
	org      *snapshot.Org
	snap     *snapshot.Snapshot
	location e911.LocationID
	by       e911.LocatedBy
	method   string
	who      locate.Witness
	proved   bool
	shape    shape
}

// maxTemplates bounds them; when it is reached they are made anew, and those
// of maps that nobody uses any more go.
const maxTemplates = 32768

func (ts *templates) get(s *Server, q *question, c *conclusion) *template {
	k := templateKey{
		org: q.org, location: c.Place.Location, by: c.By, method: c.Method, who: c.Who, proved: q.proved, shape: q.shape,
	}
	if q.shape.routing != "" {
		k.snap = q.snap
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t, ok := ts.by[k]; ok {
		return t
	}
	if ts.by == nil || len(ts.by) >= maxTemplates {
		ts.by = map[templateKey]*template{}
	}
	t := s.template(q, c)
	ts.share(t)
	ts.by[k] = t
	return t
}

// maxSame bounds the parts that are shared.
const maxSame = 1024

// share gives every part a place of its own size, and those that are not of the
// place the same one in all templates.
func (ts *templates) share(t *template) {
	if t == nil {
		return
	}
	if ts.same == nil || len(ts.same) >= maxSame {
		ts.same = map[string][]byte{}
	}
	for i, part := range t.parts {
		if bytes.Contains(part, placeStart) {
			t.parts[i] = bytes.Clone(part)
			continue
		}
		kept, ok := ts.same[string(part)]
		if !ok {
			kept = bytes.Clone(part)
			ts.same[string(part)] = kept
		}
		t.parts[i] = kept
	}
}
