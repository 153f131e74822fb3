package directory

import (
	"cmp"
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// keptAfterGrace is how long who left is remembered after the time of grace, so that
// it can be told that the calling platform still has him.
const keptAfterGrace = 90 * 24 * time.Hour

// Other is another directory of the same organisation, with the people whom it told of.
type Other struct {
	Source Source
	People []Entry
}

// elsewhere are the people whom the other directories of an organisation have. Who is
// in two is fed by one of them, and does not leave the list while the other has him.
type elsewhere struct {
	users                    map[e911.UserID]string // key of the directory that has the user
	employees, keys, mailbox map[string]string      // the same by what says who somebody is
}

func elsewhereOf(others []Other) *elsewhere {
	e := &elsewhere{users: map[e911.UserID]string{}, employees: map[string]string{}, keys: map[string]string{}, mailbox: map[string]string{}}
	for i := range others {
		o := &others[i]
		feeds := o.Source.Feeds()
		for j := range o.People {
			p := &o.People[j]
			if p.Deleted || !p.Left.IsZero() {
				continue
			}
			note := func(in map[string]string, text string) {
				if text != "" {
					in[text] = cmp.Or(in[text], o.Source.Key)
				}
			}
			if p.User != "" {
				e.users[p.User] = cmp.Or(e.users[p.User], o.Source.Key)
			}
			note(e.employees, p.Attributes.First(feeds[FieldDeviceUserID]))
			note(e.keys, keyOf(p.Attributes.First(feeds[FieldKey])))
			note(e.mailbox, Fold(p.Attributes.First(feeds[FieldEmail])))
		}
	}
	return e
}

// has is the key of the directory that has a user, also where that has not found out
// yet that it is he; none: no other has him.
func (e *elsewhere) has(u *e911.User) string {
	return cmp.Or(e.users[u.ID], e.employees[u.DeviceUserID], e.keys[u.Key], e.mailbox[Fold(u.Email)])
}

// others reads what the other directories of an organisation have.
func (s *Service) others(ctx context.Context, src *Source) ([]Other, error) {
	all, err := s.cfg.Store.Directories(ctx, src.Org)
	if err != nil {
		return nil, err
	}
	var out []Other
	for i := range all {
		if all[i].ID == src.ID {
			continue
		}
		people, err := s.entries(ctx, &all[i], Query{Kind: User})
		if err != nil {
			return nil, err
		}
		out = append(out, Other{all[i].Redacted(), people})
	}
	return out, nil
}

// Leavers are the people who left a directory of an organisation and are in none of
// it, also for some time after they are off the list. Who was released is none of them:
// a person says when he leaves.
func (s *Service) Leavers(ctx context.Context, org e911.OrgID) ([]admin.Leaver, error) {
	all, err := s.cfg.Store.Directories(ctx, org)
	if err != nil {
		return nil, err
	}
	var out []admin.Leaver
	var here []Other
	for i := range all {
		people, err := s.entries(ctx, &all[i], Query{Kind: User, Deleted: true})
		if err != nil {
			return nil, err
		}
		here = append(here, Other{all[i], people})
		feeds := all[i].Feeds()
		for j := range people {
			p := &people[j]
			if p.Left.IsZero() || !p.Released.IsZero() {
				continue
			}
			out = append(out, admin.Leaver{
				Directory: all[i].Key, Since: p.Left, User: p.User, Key: keyOf(p.Attributes.First(feeds[FieldKey])),
				Email: p.Attributes.First(feeds[FieldEmail]), DeviceUserID: p.Attributes.First(feeds[FieldDeviceUserID]),
			})
		}
	}
	present := elsewhereOf(here)
	gone := out[:0]
	for _, l := range out {
		if present.has(&e911.User{ID: l.User, Key: l.Key, Email: l.Email, DeviceUserID: l.DeviceUserID}) == "" {
			gone = append(gone, l)
		}
	}
	return gone, nil
}
