package heldplus

import (
	"cmp"
	"iter"

	"github.com/callbox911/callbox/internal/e911"
)

// OwnPlace is a place that a user set himself.
type OwnPlace struct {
	Org     e911.OrgID
	Place   e911.Place
	Entered e911.Civic // as he gave it
	Verdict e911.Verdict
}

// OwnPlaces lists the places that users of all organisations have set, in no
// order, as they were when it was asked.
func (s *Server) OwnPlaces() iter.Seq[OwnPlace] {
	s.book.mu.Lock()
	all := make([]OwnPlace, 0, len(s.book.owns)+len(s.book.registered))
	for _, o := range s.book.owns {
		all = append(all, OwnPlace{
			Org: o.client.org, Place: o.place, Entered: o.given(), Verdict: cmp.Or(o.validation.Verdict, e911.Verdict(o.verdict)),
		})
	}
	for u, o := range s.book.registered {
		all = append(all, OwnPlace{Org: u.org, Place: o.place, Entered: o.given(), Verdict: cmp.Or(o.validation.Verdict, e911.Verdict(o.verdict))})
	}
	s.book.mu.Unlock()
	return func(yield func(OwnPlace) bool) {
		for _, o := range all {
			if !yield(o) {
				return
			}
		}
	}
}
