package signin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// HeldKeys are the keys of programs that somebody was shown who could not make them now.
type HeldKeys struct {
	Holder apikey.Holder
	Names  []string
}

// holderName is how people know him.
func holderName(h apikey.Holder) string {
	if h.Name != "" && h.Email != "" {
		return h.Name + " (" + h.Email + ")"
	}
	return cmp.Or(h.Email, h.Name, "somebody who is not known any more")
}

// holderWhy says what became of him.
func holderWhy(h apikey.Holder) string {
	switch h.Why {
	case apikey.WhyDisabled:
		return "may not sign in any more"
	case apikey.WhyRole:
		return "has no role any more that lets him make it"
	}
	return "is not known any more"
}

// heldTitle heads the keys of one holder.
func heldTitle(k HeldKeys) string {
	if len(k.Names) == 1 {
		return "One key is known to " + holderName(k.Holder)
	}
	return fmt.Sprintf("%d keys are known to %s", len(k.Names), holderName(k.Holder))
}

// heldKeys gathers keys by holder; rows of a page get theirs.
func heldKeys(rows []KeyRow) (out []HeldKeys) {
	for _, r := range rows {
		for _, h := range r.Holders {
			i := slices.IndexFunc(out, func(k HeldKeys) bool { return k.Holder.Identity == h.Identity })
			if i < 0 {
				out, i = append(out, HeldKeys{Holder: h}), len(out)
			}
			out[i].Names = append(out[i].Names, r.Name)
		}
	}
	return out
}

// leftKeys are the keys of the organisation that somebody holds who lost a role in it
// just now; none for who may not see keys.
func (h *Handler) leftKeys(r *http.Request, in signedIn, org e911.OrgID, identity string) ([]HeldKeys, error) {
	if h.cfg.Keys == nil {
		return nil, nil
	}
	a, err := h.askKeys(r, in, org, access.Write)
	if err != nil || !a.Allowed {
		return nil, err
	}
	all, err := h.cfg.Keys.HeldBy(r.Context(), identity)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(k apikey.Key) bool { return k.Org != org })
	holders, err := h.cfg.Keys.Holders(r.Context(), all...)
	rows := make([]KeyRow, len(all))
	for i, k := range all {
		rows[i] = KeyRow{Key: k, Holders: slices.DeleteFunc(holders[k.ID], func(o apikey.Holder) bool { return o.Identity != identity })}
	}
	return heldKeys(rows), err
}

// endHeldKeys ends every key of the organisation that somebody holds.
func (h *Handler) endHeldKeys(w http.ResponseWriter, r *http.Request, in signedIn) {
	h.changeKeys(w, r, in, KeyPage{}, func(who admin.Actor, org e911.OrgID, _ *KeyPage) (string, error) {
		ended, err := h.cfg.Keys.RevokeHeld(r.Context(), who, org, r.PostFormValue("identity"))
		if len(ended) == 1 {
			return "One key has ended: here at once, on other nodes within ten seconds.", err
		}
		return fmt.Sprintf("%d keys have ended: here at once, on other nodes within ten seconds.", len(ended)), err
	})
}
