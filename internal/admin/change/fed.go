package change

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// askedOneByOne is up to how many users a directory is asked about each; of more, all
// are read.
const askedOneByOne = 200

// fed asks what directories feed of the users and numbers that a set is about (C-59).
// The set of a directory itself passes, and so does a world file, which declares.
func (p *Planner) fed(ctx context.Context, s *Set) (map[e911.OrgID]map[e911.UserID]admin.Fed, error) {
	if p.cfg.Feeds == nil || s.Directory != "" || s.Declared != "" {
		return nil, nil
	}
	steps := map[e911.OrgID][]*Step{}
	for i := range s.Steps {
		st := &s.Steps[i]
		switch ref := st.ref(); st.Value.(type) {
		case e911.User, e911.NumberRec:
			steps[ref.Org] = append(steps[ref.Org], st)
		}
	}
	out := map[e911.OrgID]map[e911.UserID]admin.Fed{}
	for org, list := range steps {
		var users []e911.UserID
		if len(list) <= askedOneByOne {
			err := p.cfg.Store.Read(ctx, func(r admin.Reader) (err error) {
				users, err = usersOf(ctx, r, org, list)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("look whose a change set is: %w", err)
			}
			if len(users) == 0 {
				continue
			}
		}
		var err error
		if out[org], err = p.cfg.Feeds.Fed(ctx, org, users...); err != nil {
			return nil, fmt.Errorf("ask what directories feed: %w", err)
		}
	}
	return out, nil
}

// usersOf are the stored users that steps are about.
func usersOf(ctx context.Context, r admin.Reader, org e911.OrgID, steps []*Step) (out []e911.UserID, err error) {
	for _, st := range steps {
		ref := st.ref()
		var now admin.Object
		have := false
		if ref.ID == "" {
			now, have, err = find(ctx, r, org, ref.Kind, admin.KeyOf(st.Value))
		} else if now, err = r.Get(ctx, ref); err == nil {
			have = true
		} else if e911.KindOf(err) == e911.NotFound {
			err = nil
		}
		if err != nil {
			return nil, err
		}
		if u := admin.UserOf(now.Value); have && u != "" {
			out = append(out, u)
		}
	}
	return out, nil
}

// overrides are the fields that a step would take from the directory that feeds them.
func (d *draft) overrides(o *op) []e911.Fault {
	faults := o.overrides(d.set.fed)
	for i := range faults {
		if col := d.set.Columns[faults[i].Path]; col > 0 && o.from.Row > 0 {
			faults[i].Row, faults[i].Col = o.from.Row, col
		}
	}
	return faults
}

func (o *op) overrides(fed map[e911.OrgID]map[e911.UserID]admin.Fed) []e911.Fault {
	f, ok := fed[o.ref.Org][admin.UserOf(o.before)]
	if !ok || o.before == nil {
		return nil
	}
	return f.Overrides(o.before, o.after)
}

// stillFree asks once more, before a plan is applied, whether it takes anything from a
// directory: somebody may have joined one since. What a directory says while the plan
// is being written is brought in step by the directory's next run.
func (p *Planner) stillFree(ctx context.Context, plan *Plan, ops []op) error {
	set := Set{Org: plan.Org, Declared: plan.Declared, Directory: plan.Directory, Steps: make([]Step, len(ops))}
	for i := range ops {
		set.Steps[i] = ops[i].again()
	}
	fed, err := p.fed(ctx, &set)
	if err != nil {
		return err
	}
	e := &e911.Error{Kind: e911.Conflict, Msg: "a directory feeds what the plan changes: plan again"}
	for i := range ops {
		for _, f := range ops[i].overrides(fed) {
			f.Path = ops[i].key + "." + f.Path
			e.Faults = append(e.Faults, f)
		}
	}
	if len(e.Faults) > 0 {
		return e
	}
	return nil
}
