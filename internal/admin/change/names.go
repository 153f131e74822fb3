package change

import (
	"encoding/json"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// refers are the fields that name another object by its id.
var refers = map[string]e911.ObjectKind{
	"site": e911.KindSite, "building": e911.KindBuilding, "location": e911.KindLocation, "esa": e911.KindLocation,
	"user": e911.KindUser, "model": e911.KindModel, "psap": e911.KindPSAP,
}

// names finds the keys of what listed changes name, by id: a person knows the
// building by its key. What is not found stays an id.
func (d *draft) names(list []Change) map[string]string {
	out := map[string]string{}
	for i := range list {
		if list[i].Verb != admin.Changed {
			continue
		}
		for _, f := range list[i].Fields {
			kind, ok := refers[f.Name]
			if !ok {
				continue
			}
			ref := admin.Ref{Kind: kind, Org: list[i].Ref.Org}
			if ofWorld(kind) {
				ref.Org = ""
			}
			for _, v := range []json.RawMessage{f.Before, f.After} {
				if len(v) == 0 || json.Unmarshal(v, &ref.ID) != nil || ref.ID == "" {
					continue
				}
				o, err := d.post.Get(d.ctx, ref)
				if err != nil {
					o, err = d.pre.Get(d.ctx, ref) // it goes
				}
				if err == nil {
					out[ref.ID] = admin.KeyOf(o.Value)
				}
			}
		}
	}
	return out
}
