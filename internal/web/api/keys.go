package api

import (
	"net/http"
	"reflect"
	"time"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

// keyOperations are the keys of an organisation, and the operator's own.
func keyOperations() (ops []operation) {
	for _, base := range []string{"/organisations/{org}", ""} {
		world, tag := base == "", "organisations"
		id := func(verb string) string { return verb + "_keys" }
		if world {
			tag = "world"
			id = func(verb string) string { return verb + "_world_keys" }
		}
		scopes := []apikey.Scope{apikey.ScopeKeys}
		shown := reflect.TypeFor[client.Key]()
		ops = append(ops,
			operation{
				method: http.MethodGet, path: base + "/keys", id: id("list"), tag: tag, scopes: scopes, operator: world, summary: "List API keys",
				params: []parameter{limitParam, cursorParam}, result: listOf(shown), do: (*Handler).listKeys,
			},
			operation{
				method: http.MethodPost, path: base + "/keys", id: id("create"), tag: tag, scopes: scopes, operator: world, once: true, summary: "Make an API key",
				about: "The answer has the key itself, once; with public_key it has none, and the program signs statements (RFC 7523). Nobody gives a scope that he does not have.", body: reflect.TypeFor[client.KeyWish](),
				example: map[string]any{"name": "nightly import", "scopes": []any{"read"}}, status: http.StatusCreated, result: shown, do: (*Handler).createKey,
			},
			operation{
				method: http.MethodGet, path: base + "/keys/{id}", id: id("get"), tag: tag, scopes: scopes, operator: world, summary: "Read what is known of an API key",
				result: shown, do: (*Handler).getKey,
			},
			operation{
				method: http.MethodDelete, path: base + "/keys/{id}", id: id("revoke"), tag: tag, scopes: scopes, operator: world, summary: "Revoke an API key",
				about: "It ends at once here and within ten seconds at other nodes, with its tokens, and stays in the list.", status: http.StatusNoContent, do: (*Handler).revokeKey,
			},
			operation{
				method: http.MethodPost, path: base + "/keys/{id}/secrets", id: id("rotate"), tag: tag, scopes: scopes, operator: world, once: true, summary: "Give an API key a new secret",
				about: "The answer has the key itself with it, once. The older secrets go on for keep_hours, so that programs can be changed over one by one; a key has 5 at most.",
				body:  reflect.TypeFor[client.KeyRotation](), example: map[string]any{"keep_hours": 24}, status: http.StatusCreated, result: shown, errors: []int{409}, do: (*Handler).rotateKey,
			},
			operation{
				method: http.MethodDelete, path: base + "/keys/{id}/secrets/{secret}", id: id("end_secret_of"), tag: tag, scopes: scopes, operator: world, summary: "End one secret of an API key",
				about: "It and the tokens that it was exchanged for end at once here and within ten seconds at other nodes. 409: it is the only one.", status: http.StatusNoContent, errors: []int{409}, do: (*Handler).endSecret,
			},
			operation{
				method: http.MethodPost, path: base + "/keys:revoke_held", id: id("revoke_held"), tag: tag, scopes: scopes, operator: world, summary: "Revoke every API key that somebody holds",
				about: "Those of which he was shown a secret that counts, or that a key of his made. The answer lists them.", body: reflect.TypeFor[client.KeysHeldBy](),
				example: map[string]any{"identity": "0198aaaa-0000-7000-8000-000000000000"}, result: listOf(shown), do: (*Handler).revokeHeld,
			},
		)
	}
	return ops
}

// ShowKey is a key as the API shows it, with its holders.
func ShowKey(k apikey.Key, holders []apikey.Holder) client.Key {
	out := shownKey(k)
	for _, h := range holders {
		out.Holders = append(out.Holders, client.KeyHolder{Identity: h.Identity, Email: h.Email, Name: h.Name, Why: string(h.Why), Through: h.Through})
	}
	return out
}

func shownKey(k apikey.Key) client.Key {
	out := client.Key{
		ID: k.ID, Org: string(k.Org), Name: k.Name, Made: k.Made, By: string(k.By), Expires: k.Expires, LastUsed: k.LastUsed, Revoked: k.Revoked,
		Scopes: []string{}, Secrets: []client.KeySecret{},
	}
	for _, s := range k.Scopes {
		out.Scopes = append(out.Scopes, string(s))
	}
	for _, s := range k.Secrets {
		out.Secrets = append(out.Secrets, client.KeySecret{ID: s.ID, Mark: s.Mark, Made: s.Made, By: string(s.By), Ends: s.Ends, Public: len(s.Public) > 0})
	}
	return out
}

func (h *Handler) listKeys(c *call) (reply, error) {
	after, limit, err := h.page(c)
	if err != nil {
		return reply{}, err
	}
	found, err := h.cfg.Keys.List(c.Context(), c.org, after, limit)
	if err != nil {
		return reply{}, err
	}
	holders, err := h.cfg.Keys.Holders(c.Context(), found...)
	if err != nil {
		return reply{}, err
	}
	out := client.Page[client.Key]{Items: make([]client.Key, len(found))}
	for i, k := range found {
		out.Items[i] = ShowKey(k, holders[k.ID])
	}
	if len(found) == limit {
		if out.Next, err = h.next(c, found[limit-1].ID); err != nil {
			return reply{}, err
		}
	}
	return answer(http.StatusOK, out)
}

func (h *Handler) createKey(c *call) (reply, error) {
	tree, err := parse(c.body)
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var w client.KeyWish
	d.into(tree, &w)
	if len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the key is refused", Faults: d.faults}
	}
	wish := apikey.Wish{Org: c.org, Name: w.Name, Expires: w.Expires, PublicKey: w.PublicKey}
	for _, s := range w.Scopes {
		if err := h.mayGiveScope(c, apikey.Scope(s)); err != nil {
			return reply{}, err
		}
		wish.Scopes = append(wish.Scopes, apikey.Scope(s))
	}
	k, text, err := h.cfg.Keys.Create(c.Context(), c.who.who, wish)
	if err != nil {
		return reply{}, err
	}
	shown := shownKey(k)
	shown.Secret = text
	out, err := answer(http.StatusCreated, shown)
	if err == nil {
		out.header["Location"] = c.URL.EscapedPath() + "/" + k.ID
	}
	return out, err
}

func (h *Handler) rotateKey(c *call) (reply, error) {
	tree, err := parse(c.body)
	if err != nil {
		return reply{}, err
	}
	var d decoder
	var w client.KeyRotation
	if d.into(tree, &w); len(d.faults) > 0 {
		return reply{}, &e911.Error{Kind: e911.Invalid, Msg: "the rotation is refused", Faults: d.faults}
	}
	now, err := h.cfg.Keys.Get(c.Context(), c.org, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	for _, s := range now.Scopes { // who gets the new secret gets what the key may do
		if err := h.mayGiveScope(c, s); err != nil {
			return reply{}, err
		}
	}
	hours := min(max(w.KeepHours, -1), 1_000_000) // what is beyond all bounds stays so, and is refused
	keep, text := time.Duration(hours)*time.Hour, ""
	k := apikey.Key{Org: c.org, ID: c.param("id")}
	if w.PublicKey != "" {
		k, err = h.cfg.Keys.RotatePublic(c.Context(), c.who.who, k, keep, w.PublicKey)
	} else {
		k, text, err = h.cfg.Keys.Rotate(c.Context(), c.who.who, c.org, k.ID, keep)
	}
	if err != nil {
		return reply{}, err
	}
	shown := shownKey(k)
	shown.Secret = text
	return answer(http.StatusCreated, shown)
}

func (h *Handler) endSecret(c *call) (reply, error) {
	if _, err := h.cfg.Keys.EndSecret(c.Context(), c.who.who, c.org, c.param("id"), c.param("secret")); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

func shorten(s string) string {
	if len(s) > 40 || !validText(s) {
		return "…"
	}
	return s
}

func (h *Handler) getKey(c *call) (reply, error) {
	k, err := h.cfg.Keys.Get(c.Context(), c.org, c.param("id"))
	if err != nil {
		return reply{}, err
	}
	holders, err := h.cfg.Keys.Holders(c.Context(), k)
	if err != nil {
		return reply{}, err
	}
	return answer(http.StatusOK, ShowKey(k, holders[k.ID]))
}

func (h *Handler) revokeHeld(c *call) (reply, error) {
	var w client.KeysHeldBy
	if err := c.read(&w); err != nil {
		return reply{}, err
	}
	ended, err := h.cfg.Keys.RevokeHeld(c.Context(), c.who.who, c.org, w.Identity)
	return items(shownKeys(ended), err)
}

func shownKeys(all []apikey.Key) []client.Key {
	out := make([]client.Key, len(all))
	for i, k := range all {
		out[i] = shownKey(k)
	}
	return out
}

func (h *Handler) revokeKey(c *call) (reply, error) {
	if err := h.cfg.Keys.Revoke(c.Context(), c.who.who, c.org, c.param("id")); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}
