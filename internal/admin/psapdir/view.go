package psapdir

import (
	"context"
	"fmt"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// view is what the checks of a PSAP ask about, with all PSAPs in memory: a
// question to the database for each of nine thousand would take minutes.
type view struct {
	admin.View
	all        []stored
	byKey      map[string]stored
	byRegistry map[string]stored
	claimed    map[string]admin.Object // by service boundary
	seen       map[e911.PSAPID]bool
}

func load(ctx context.Context, base admin.View) (*view, error) {
	v := &view{
		View: base, byKey: map[string]stored{}, byRegistry: map[string]stored{}, claimed: map[string]admin.Object{}, seen: map[e911.PSAPID]bool{},
	}
	q := admin.Query{Kind: e911.KindPSAP}
	for {
		page, err := base.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the PSAPs: %w", err)
		}
		for _, o := range page {
			p := o.Value.(e911.PSAP)
			s := stored{p, o.Version}
			v.all = append(v.all, s)
			v.byKey[p.Key] = s
			if r := p.Listing.Registry; r != "" {
				v.byRegistry[r] = s
			}
			for _, f := range p.Features {
				v.claimed[f] = o
			}
		}
		if len(page) < admin.MaxPage {
			return v, nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}

// List implements admin.View. Of all PSAPs a check of a directory's entry wants
// only those that claim boundaries: that ids of the registry stand once is seen to
// when the file is read.
func (v *view) List(ctx context.Context, q admin.Query) ([]admin.Object, error) {
	if q.Kind != e911.KindPSAP {
		return v.View.List(ctx, q)
	}
	switch q.Field {
	case admin.ByKey:
		if s, ok := v.byKey[q.Value]; ok {
			return []admin.Object{{Ref: admin.RefOf(s.value), Version: s.version, Value: s.value}}, nil
		}
		return nil, nil
	case "":
		if q.After != "" {
			return nil, nil
		}
		var out []admin.Object
		told := map[admin.Ref]bool{}
		for _, o := range v.claimed {
			if !told[o.Ref] && len(out) < admin.MaxPage-1 {
				told[o.Ref] = true
				out = append(out, o)
			}
		}
		return out, nil
	}
	return v.View.List(ctx, q)
}
