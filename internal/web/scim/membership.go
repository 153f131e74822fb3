package scim

import (
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// Bounds of a rolls.
const (
	rollsFor = 5 * time.Second // how late a change of another server may be seen
	rollsOf  = 16              // how many directories
)

// membership is a group that somebody is in.
type membership struct{ id, name string }

// rolls remember for a moment who is in which groups. All groups are read to find it
// out, and senders ask for one person after the other. Safe for concurrent use.
type rolls struct {
	now func() time.Time

	mu     sync.Mutex
	change int // counts changes of groups, so that what was read before one is not kept
	of     map[string]rollsAt
}

type rollsAt struct {
	at   time.Time
	list map[string][]membership // by id of a person
}

// get returns the groups of the people of a directory; read reads its groups.
func (r *rolls) get(source string, read func() ([]directory.Entry, error)) (map[string][]membership, error) {
	r.mu.Lock()
	had, change := r.of[source], r.change
	r.mu.Unlock()
	now := r.now()
	if had.list != nil && now.Sub(had.at).Abs() < rollsFor {
		return had.list, nil
	}
	all, err := read()
	if err != nil {
		return nil, err
	}
	list := map[string][]membership{}
	for i := range all {
		for _, m := range all[i].Members {
			list[m] = append(list[m], membership{all[i].ID, all[i].Name})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.change != change {
		return list, nil
	}
	if r.of == nil || len(r.of) >= rollsOf {
		r.of = map[string]rollsAt{}
	}
	r.of[source] = rollsAt{now, list}
	return list, nil
}

// forget is told of every change of a group.
func (r *rolls) forget(source string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change++
	delete(r.of, source)
}

// memberships are the groups of people, by id; nil where nobody asks for them.
func (h *Handler) memberships(q *query, t *resourceType, p pick) (map[string][]membership, error) {
	if t != users || !p.wants("groups") {
		return nil, nil
	}
	return h.rolls.get(q.src.ID, func() ([]directory.Entry, error) {
		return q.dir.List(q.r.Context(), q.src, directory.Query{Kind: directory.Group})
	})
}

// put keeps what was told.
func (h *Handler) put(q *query, e directory.Entry) (directory.Entry, error) {
	saved, err := q.dir.Put(q.r.Context(), q.src, e)
	if e.Kind == directory.Group {
		h.rolls.forget(q.src.ID)
	}
	return saved, err
}
