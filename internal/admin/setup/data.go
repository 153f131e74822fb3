package setup

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// SetLicence adds or replaces the licence of a country; with Until in the past it
// ends. No call depends on it: a site that is in a stage stays there.
func (s *Service) SetLicence(ctx context.Context, who admin.Actor, org e911.OrgID, l Licence) error {
	l.Country = strings.ToUpper(strings.TrimSpace(l.Country))
	switch {
	case !slices.Contains(rules.Served(), l.Country):
		return fault("country", "unknown", "the E911 path is not offered there", "emergency calls of other countries go by the site's own trunk (W-45)")
	case !l.Until.IsZero() && l.Until.Before(l.From):
		return fault("until", "range", "the licence ends before it begins", "correct the dates")
	}
	_, err := s.change(ctx, who, org, Note{Verb: "set_licence", Key: l.Country, Detail: l}, func(r *Record) error {
		r.Licences = slices.DeleteFunc(slices.Clone(r.Licences), func(x Licence) bool { return x.Country == l.Country })
		r.Licences = append(r.Licences, l)
		slices.SortFunc(r.Licences, func(a, b Licence) int { return cmp.Compare(a.Country, b.Country) })
		return nil
	})
	return err
}

// maxDestinations bounds those of one organisation.
const maxDestinations = 2000

// SetDestination adds or replaces who sees or hears of calls of a site; Site is a
// key or id. Another kind, name or site than before must be tested anew.
func (s *Service) SetDestination(ctx context.Context, who admin.Actor, org e911.OrgID, d Destination) error {
	o, err := s.org(org)
	if err != nil {
		return err
	}
	site, ok := siteNamed(o, string(d.Site))
	switch {
	case !ok:
		return e911.Errorf(e911.NotFound, "there is no site %s", d.Site)
	case strings.TrimSpace(d.Key) == "" || len(d.Key) > 128:
		return fault("key", "required", "the destination has no key", "name it, as guard-desk")
	case !d.Kind.Attended():
		return fault("kind", "unknown", "nobody sees or hears that at once", "screen, sms or phone; mail and webhooks belong to alerts")
	case strings.TrimSpace(d.Name) == "":
		return fault("name", "required", "nothing says who or what that is", "as guard's desk, or a number")
	}
	if _, err := rules.ParseHours(d.Hours); err != nil {
		return err
	}
	if d.Alert != "" && !slices.ContainsFunc(o.Alerts(site.ID), func(a e911.Alert) bool { return a.Key == d.Alert }) {
		return fault("alert", "unknown", "the site has no such alert", "name one of its alerts, or none")
	}
	d.Site = site.ID
	_, err = s.change(ctx, who, org, Note{Verb: "set_destination", Key: d.Key, Detail: map[string]any{"site": site.Key, "kind": d.Kind, "hours": d.Hours}}, func(r *Record) error {
		r.Destinations = slices.Clone(r.Destinations)
		i := slices.IndexFunc(r.Destinations, func(x Destination) bool { return x.Key == d.Key })
		if i < 0 {
			if len(r.Destinations) >= maxDestinations {
				return e911.Errorf(e911.Invalid, "an organisation has up to %d destinations", maxDestinations)
			}
			d.Tested, d.By, d.How, d.Test = time.Time{}, "", "", nil
			r.Destinations = append(r.Destinations, d)
			return nil
		}
		was := r.Destinations[i]
		d.Tested, d.By, d.How, d.Test = time.Time{}, "", "", nil
		if was.Site == d.Site && was.Kind == d.Kind && was.Name == d.Name {
			d.Tested, d.By, d.How, d.Test = was.Tested, was.By, was.How, was.Test
		}
		r.Destinations[i] = d
		return nil
	})
	return err
}

// DeleteDestination removes it.
func (s *Service) DeleteDestination(ctx context.Context, who admin.Actor, org e911.OrgID, key string) error {
	_, err := s.change(ctx, who, org, Note{Verb: "delete_destination", Key: key}, func(r *Record) error {
		left := slices.DeleteFunc(slices.Clone(r.Destinations), func(x Destination) bool { return x.Key == key })
		if len(left) == len(r.Destinations) {
			return e911.Errorf(e911.NotFound, "there is no destination %s", key)
		}
		r.Destinations = left
		return nil
	})
	return err
}

// Tested keeps that a person saw or heard a test at a destination now; by is that
// person. It counts for 30 days (F-36), and is marked as kept by hand.
func (s *Service) Tested(ctx context.Context, who admin.Actor, org e911.OrgID, key, by string) error {
	if by = strings.TrimSpace(by); by == "" {
		return fault("by", "required", "a person acknowledges a test", "say who saw or heard it")
	}
	now := s.reason(who, "")
	_, err := s.change(ctx, who, org, Note{Verb: "acknowledge_test", Key: key, Detail: map[string]string{"by": by, "how": string(ByHand)}}, func(r *Record) error {
		r.Destinations = slices.Clone(r.Destinations)
		i := slices.IndexFunc(r.Destinations, func(x Destination) bool { return x.Key == key })
		if i < 0 {
			return e911.Errorf(e911.NotFound, "there is no destination %s", key)
		}
		d := &r.Destinations[i]
		d.Tested, d.By, d.How, d.Test = now.At, by, ByHand, nil
		return nil
	})
	return err
}

// MarkTask keeps that a part of the roll-out is done, or with done false that it is
// not (N-48).
func (s *Service) MarkTask(ctx context.Context, who admin.Actor, org e911.OrgID, task Task, done bool, note string) error {
	if !slices.Contains(Tasks(), task) {
		return fault("task", "unknown", "there is no such task", "name one of those that the set-up lists")
	}
	_, err := s.change(ctx, who, org, Note{Verb: "mark_task", Key: string(task), Detail: map[string]any{"done": done}}, func(r *Record) error {
		if r.Tasks = maps.Clone(r.Tasks); r.Tasks == nil {
			r.Tasks = map[Task]Reason{}
		}
		delete(r.Tasks, task)
		if done {
			r.Tasks[task] = s.reason(who, note)
		}
		return nil
	})
	return err
}

// SetUse says whether people of the organisation can dial out: where none can, no
// emergency calling is needed (N-37). Calls are carried all the same.
func (s *Service) SetUse(ctx context.Context, who admin.Actor, org e911.OrgID, outbound, people bool) error {
	_, err := s.change(ctx, who, org, Note{Verb: "set_use", Detail: map[string]bool{"outbound_pstn": outbound, "human_agents": people}}, func(r *Record) error {
		r.NoOutbound, r.NoPeople = !outbound, !people
		return nil
	})
	return err
}

// SetPrices sets what unregistered calls and users cost an organisation. It is the
// operator's alone.
func (s *Service) SetPrices(ctx context.Context, who admin.Actor, org e911.OrgID, p rules.Prices) error {
	if faults := p.Faults(); len(faults) > 0 {
		return &e911.Error{Kind: e911.Invalid, Msg: "the prices cannot be used", Faults: faults}
	}
	_, err := s.change(ctx, who, org, Note{Verb: "set_prices", Detail: p}, func(r *Record) error {
		r.Prices = &p
		return nil
	})
	return err
}
