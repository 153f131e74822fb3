package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

var _ admin.Feeds = (*Service)(nil)

// Fed implements admin.Feeds: what a directory says of a user, whom it has not lost,
// and from which a person did not release him (C-59). Exports leave it blank.
func (s *Service) Fed(ctx context.Context, org e911.OrgID, users ...e911.UserID) (map[e911.UserID]admin.Fed, error) {
	if org == "" {
		return nil, nil
	}
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return nil, err
	}
	out := map[e911.UserID]admin.Fed{}
	for i := range all {
		if err := s.fed(ctx, &all[i], users, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fed adds what one directory feeds.
func (s *Service) fed(ctx context.Context, src *Source, users []e911.UserID, out map[e911.UserID]admin.Fed) error {
	var people []Entry
	var err error
	for first := true; first || len(users) > 0; first = false {
		part := users[:min(len(users), admin.MaxPage)]
		users = users[len(part):]
		some, err := s.entries(ctx, src, Query{Kind: User, Users: part})
		if err != nil {
			return err
		}
		people = append(people, some...)
	}
	people = slices.DeleteFunc(people, func(p Entry) bool { return p.User == "" || !p.Left.IsZero() || !p.Released.IsZero() })
	if len(people) == 0 {
		return nil
	}
	var groups []Entry
	if len(src.GroupSites) > 0 {
		if groups, err = s.entries(ctx, src, Query{Kind: Group}); err != nil {
			return err
		}
	}
	return s.cfg.Store.Read(ctx, func(r admin.Reader) error {
		f := feeder{ctx: ctx, view: r, src: src, feeds: src.Feeds(), groups: groups, places: map[string]bool{}}
		if err := each(ctx, r, e911.KindSite, src.Org, func(v any) { f.sites = append(f.sites, v.(e911.Site).Key) }); err != nil {
			return err
		}
		for i := range people {
			if _, already := out[people[i].User]; already {
				continue // the first directory that has him
			}
			fed, err := f.of(&people[i])
			if err != nil {
				return err
			}
			out[people[i].User] = fed
		}
		return nil
	})
}

// feeder finds out what a directory says of people that can be used.
type feeder struct {
	ctx    context.Context //nolint:containedctx // lives inside one call
	view   admin.View
	src    *Source
	feeds  map[Field][]string
	groups []Entry
	sites  []string        // keys
	places map[string]bool // texts: whether there is such a location
}

func (f *feeder) text(p *Entry, field Field) string {
	return strings.TrimSpace(p.Attributes.First(f.feeds[field]))
}

func (f *feeder) of(p *Entry) (admin.Fed, error) {
	out := admin.Fed{Directory: f.src.Key, Fields: []string{}}
	says := func(field Field, usable bool) {
		if usable {
			out.Fields = append(out.Fields, string(field))
		}
	}
	says(FieldName, f.text(p, FieldName) != "")
	says(FieldEmail, f.text(p, FieldEmail) != "")
	id := p.Attributes.First(f.feeds[FieldDeviceUserID])
	says(FieldDeviceUserID, id != "" && !strings.ContainsAny(id, unsendable))
	_, bad := e911.ParseNumber(f.text(p, FieldCallback))
	says(FieldCallback, bad == nil)
	lang, _, _ := strings.Cut(strings.ToLower(f.text(p, FieldLanguage)), "-")
	says(FieldLanguage, lang == "en" || lang == "fr")
	place, err := f.place(p)
	if err != nil {
		return out, err
	}
	says(FieldSite, place || f.site(p))
	out.Location = place
	for _, v := range p.Attributes.All(f.feeds[FieldNumber]) {
		if n, err := e911.ParseNumber(v); err == nil {
			out.Numbers = append(out.Numbers, n)
		}
	}
	return out, nil
}

// site reports whether the directory names a site of ours.
func (f *feeder) site(p *Entry) bool {
	for _, g := range f.src.GroupSites {
		for i := range f.groups {
			if Fold(f.groups[i].Name) == Fold(g.Group) && slices.Contains(f.groups[i].Members, p.ID) && slices.Contains(f.sites, g.Site) {
				return true
			}
		}
	}
	v := f.text(p, FieldSite)
	if v == "" {
		return false
	}
	for text, key := range f.src.Sites {
		if loose(text) == loose(v) && slices.Contains(f.sites, key) {
			return true
		}
	}
	return slices.Contains(f.sites, v)
}

// place reports whether the directory names a location of ours.
func (f *feeder) place(p *Entry) (bool, error) {
	v := f.text(p, FieldLocation)
	if v == "" {
		return false, nil
	}
	if known, asked := f.places[v]; asked {
		return known, nil
	}
	keys := []string{v}
	for text, key := range f.src.Places {
		if loose(text) == loose(v) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		found, err := f.view.List(f.ctx, admin.Query{Kind: e911.KindLocation, Org: f.src.Org, Field: admin.ByKey, Value: key, Limit: 1})
		if err != nil {
			return false, fmt.Errorf("look for a location: %w", err)
		}
		if len(found) > 0 {
			f.places[v] = true
		}
	}
	return f.places[v], nil
}

// Release has a directory feed a user no longer, named by key or id: his fields are
// his and the administrators' from then on, and he leaves the list by their hand
// alone. With again true it feeds him once more. NotFound: no directory feeds him.
func (s *Service) Release(ctx context.Context, who admin.Actor, org e911.OrgID, user string, again bool) error {
	var id e911.UserID
	err := s.cfg.Store.Read(ctx, func(r admin.Reader) error {
		found, err := r.List(ctx, admin.Query{Kind: e911.KindUser, Org: org, Field: admin.ByKey, Value: user, Limit: 1})
		if err != nil {
			return err
		}
		if id = e911.UserID(user); len(found) > 0 {
			id = found[0].Value.(e911.User).ID
		}
		return nil
	})
	if err != nil {
		return err
	}
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return err
	}
	done := false
	for i := range all {
		people, err := s.entries(ctx, &all[i], Query{Kind: User, Deleted: true, Users: []e911.UserID{id}})
		if err != nil {
			return err
		}
		for _, p := range people {
			if p.Released.IsZero() != again {
				p.Released = time.Time{}
				if !again {
					p.Released = s.now()
				}
				done = true
				if _, err := s.cfg.Store.SaveDirectoryEntries(ctx, org, all[i].ID, []Entry{p}); err != nil {
					return err
				}
				s.tell(all[i].ID)
			}
		}
	}
	if !done {
		return e911.Errorf(e911.NotFound, "no directory feeds the user %q, or that is so already", user)
	}
	s.cfg.Log.InfoContext(ctx, "a user was released from a directory, or given back", "user", id, "by", who, "again", again)
	return nil
}
