package lostd

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/foreign"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// changeSet is one planned change of the layers: what an address must have in
// it to be touched, and when (draft-ietf-ecrit-lost-planned-changes).
type changeSet struct {
	id        string
	effective time.Time
	where     e911.Civic // empty: every address
	demo      bool       // of a demonstration layer
}

// agenda is what is planned in the layers of one snapshot.
type agenda struct {
	of   []gis.Layer // whose it is
	sets []changeSet // by time, then id
}

// mostSets bounds an agenda: beyond, changes are told by community instead of
// by street, then by their time alone.
const mostSets = 4096

// agendaOf returns what is planned, made anew when the layers changed.
func (s *Server) agendaOf(snap *snapshot.Snapshot) *agenda {
	layers := snap.Layers()
	old := s.agenda.Load()
	if old != nil && slices.EqualFunc(old.of, layers, func(a, b gis.Layer) bool { return a.Content == b.Content && a.Digest == b.Digest }) {
		return old
	}
	a := newAgenda(layers)
	s.agenda.Store(a)
	return a
}

func newAgenda(layers []gis.Layer) *agenda {
	for _, width := range []func(e911.Civic) e911.Civic{street, community, anywhere} {
		sets := map[changeSet]bool{}
		for i := range layers {
			collect(sets, &layers[i], width)
		}
		if len(sets) > mostSets && width(e911.Civic{A1: "x"}) != (e911.Civic{}) {
			continue
		}
		a := &agenda{of: layers}
		for c := range sets {
			c.id = c.key()
			a.sets = append(a.sets, c)
		}
		slices.SortFunc(a.sets, func(a, b changeSet) int {
			return cmp.Or(a.effective.Compare(b.effective), strings.Compare(a.id, b.id))
		})
		return a
	}
	return &agenda{of: layers}
}

// The widths of a partial location.
func street(c e911.Civic) e911.Civic {
	out := community(c)
	for _, f := range []string{"PRM", "PRD", "STP", "STPS", "RD", "STS", "POD", "POM"} {
		out.Set(f, c.Get(f))
	}
	return out
}

func community(c e911.Civic) e911.Civic {
	return e911.Civic{Country: c.Country, A1: c.A1, A2: c.A2, A3: c.A3, A4: c.A4, A5: c.A5}
}

func anywhere(e911.Civic) e911.Civic { return e911.Civic{} }

// collect adds the beginnings and ends of the features of a layer. A boundary
// that is an area alone touches all that the addresses of the layer have in
// common.
func collect(sets map[changeSet]bool, l *gis.Layer, width func(e911.Civic) e911.Civic) {
	demo := l.Grade == e911.GradeDemonstration
	add := func(s gis.Span, where e911.Civic) {
		for _, at := range []time.Time{s.Effective, s.Expire} {
			if !at.IsZero() && len(sets) <= mostSets {
				sets[changeSet{effective: at.UTC().Truncate(time.Second), where: where, demo: demo}] = true
			}
		}
	}
	var common *e911.Civic
	l.Content.EachAddress(func(p gis.AddressPoint) bool {
		common = inCommon(common, p.Civic)
		if p.Span != (gis.Span{}) {
			add(p.Span, width(p.Civic))
		}
		return true
	})
	l.Content.EachStreet(func(st gis.Street) bool {
		for _, side := range []*gis.Side{&st.Left, &st.Right} {
			common = inCommon(common, side.Civic)
			if st.Span == (gis.Span{}) {
				continue
			}
			where := side.Civic
			for _, f := range e911.CivicFieldNames() {
				if v := st.Name.Get(f); v != "" {
					where.Set(f, v)
				}
			}
			add(st.Span, width(where))
		}
		return true
	})
	for _, b := range l.Content.Boundaries() {
		where := b.Civic
		if where == (e911.Civic{}) && common != nil {
			where = *common
		}
		add(b.Span, width(where))
	}
}

// inCommon keeps what all addresses so far have.
func inCommon(so *e911.Civic, c e911.Civic) *e911.Civic {
	c = community(c)
	if so == nil {
		return &c
	}
	for _, f := range []string{"country", "A1", "A2", "A3", "A4", "A5"} {
		if !strings.EqualFold(so.Get(f), c.Get(f)) {
			so.Set(f, "")
		}
	}
	return so
}

// key names a change for ever, so that it is the same after a restart.
func (c *changeSet) key() string {
	h := sha256.New()
	h.Write([]byte(c.effective.Format(time.RFC3339)))
	for _, f := range e911.CivicFieldNames() {
		if v := c.where.Get(f); v != "" {
			h.Write([]byte("\x00" + f + "\x01" + v))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// touches reports whether an address can be one of those that change.
func (c *changeSet) touches(a e911.Civic) bool {
	for _, f := range e911.CivicFieldNames() {
		if v := c.where.Get(f); v != "" && !strings.EqualFold(v, a.Get(f)) {
			return false
		}
	}
	return true
}

// next is the first planned change after a moment that touches an address.
func (a *agenda) next(address e911.Civic, after time.Time, demo bool) (time.Time, bool) {
	for i := range a.sets {
		if c := &a.sets[i]; c.effective.After(after) && (demo || !c.demo) && c.touches(address) {
			return c.effective, true
		}
	}
	return time.Time{}, false
}

// revalidateAfter says until when a validation holds.
func (a *agenda) revalidateAfter(address e911.Civic, now time.Time, demo bool) foreign.Element {
	text := "NO-EXPIRATION"
	if at, ok := a.next(address, now, demo); ok {
		text = at.Format(time.RFC3339)
	}
	return foreign.Element{
		Space: lost.SpacePlan, Local: "revalidateAfter",
		XML: `<p:revalidateAfter xmlns:p="` + lost.SpacePlan + `">` + text + `</p:revalidateAfter>`,
	}
}

// Where planned changes are asked for (NENA-STA-010.3).
const (
	pathPoll      = "/PlannedChangePoll"
	pathChangeSet = "/GetChangeSet"
)

// servePlanned answers the two questions about planned changes, in JSON.
func (s *Server) servePlanned(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "planned changes are asked for by GET", http.StatusMethodNotAllowed)
		return
	}
	from := s.source(r)
	if !s.trusted(from) {
		http.Error(w, "this server does not answer you", http.StatusForbidden)
		return
	}
	snap := s.cfg.Snapshot.Load()
	now, demo := s.cfg.Now(), demonstrationAllowed(snap, from)
	plan := s.agendaOf(snap)
	if r.URL.Path == pathPoll {
		list := struct {
			IDs []string `json:"PlannedChangeIdList"`
		}{[]string{}}
		for i := range plan.sets {
			if c := &plan.sets[i]; c.effective.After(now) && (demo || !c.demo) {
				list.IDs = append(list.IDs, c.id)
			}
		}
		writeJSON(w, list)
		return
	}
	id := r.URL.Query().Get("changeSetId")
	if id == "" {
		http.Error(w, "name the change: ?changeSetId=...", http.StatusBadRequest)
		return
	}
	for i := range plan.sets {
		if c := &plan.sets[i]; c.id == id && (demo || !c.demo) {
			writeJSON(w, c.document())
			return
		}
	}
	http.Error(w, "no planned change has this id", http.StatusNotFound)
}

// partialLocation is one field that the addresses of a change have.
type partialLocation struct {
	Namespace string `json:"namespace"`
	CAType    string `json:"caType"`
	Value     string `json:"value"`
}

// changeSetDocument is the answer of GetChangeSet.
type changeSetDocument struct {
	ID        string            `json:"changeSetID"`
	Effective string            `json:"changeSetEffective"`
	Where     []partialLocation `json:"partialLocationList"`
}

func (c *changeSet) document() changeSetDocument {
	// i3 wants the offset spelled out, not Z.
	out := changeSetDocument{ID: c.id, Effective: c.effective.Format("2006-01-02T15:04:05-07:00"), Where: []partialLocation{}}
	for _, f := range e911.CivicFieldNames() {
		if v := c.where.Get(f); v != "" {
			space, _ := pidflo.CivicSpace(f)
			out.Where = append(out.Where, partialLocation{Namespace: space, CAType: f, Value: v})
		}
	}
	return out
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // the client is gone when it fails, and nothing is lost
}

// plannedFor returns the asOf of the planned-changes draft when it lies ahead,
// and its time; one that is over is ignored. The answer is that of then, and
// not to be kept.
func plannedFor(list []foreign.Element, now time.Time) (foreign.Element, time.Time, error) {
	for _, x := range list {
		if x.Space != lost.SpacePlan || x.Local != "asOf" {
			continue
		}
		_, text, _ := strings.Cut(x.XML, ">")
		text, _, _ = strings.Cut(text, "<")
		at, err := pidflo.ParseTime(strings.TrimSpace(text))
		if err != nil {
			return foreign.Element{}, now, errAsOf
		}
		if at.After(now) {
			return x, at, nil
		}
	}
	return foreign.Element{}, now, nil
}
