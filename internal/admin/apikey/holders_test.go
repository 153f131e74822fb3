package apikey

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

const bobsID = "0198aaaa-0000-7000-8000-000000000000"

// people of a town around the mill.
func people(now time.Time) map[string]Standing {
	at := func(role access.Role, at access.Node) []access.Grant {
		return []access.Grant{{ID: "g", Role: role, At: at}}
	}
	mill := access.Node{Org: "mill"}
	out := map[string]Standing{
		"ann":   {Email: "ann@mill.example", Name: "Ann", Roles: at(access.Organisation, mill)},
		"out":   {Email: "out@mill.example", Disabled: now, Roles: at(access.Organisation, mill)},
		"none":  {Email: "none@mill.example"},
		"guard": {Roles: at(access.Desk, mill)},
		"pat":   {Roles: at(access.Partner, access.Node{Partner: "north"})},
		"sue":   {Roles: at(access.Partner, access.Node{Partner: "south"})},
		"quay":  {Roles: at(access.Organisation, access.Node{Org: "quay"})},
		"root":  {Roles: at(access.Provider, access.Node{})},
	}
	out["past"] = Standing{Roles: []access.Grant{{ID: "g", Role: access.Organisation, At: mill, Until: now}}}
	for id, s := range out {
		for i := range s.Roles {
			s.Roles[i].Identity = id
		}
	}
	return out
}

func (d *desk) by(t *testing.T, who admin.Actor, org e911.OrgID, scopes ...Scope) Key {
	t.Helper()
	k, _, err := d.Create(t.Context(), who, Wish{Org: org, Name: "a key", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) holding(t *testing.T, keys ...Key) string {
	t.Helper()
	for i := range keys {
		k, err := d.Get(t.Context(), keys[i].Org, keys[i].ID)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = k
	}
	found, err := d.Holders(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range keys {
		for _, h := range found[k.ID] {
			s := h.Identity + " " + string(h.Why)
			if h.Through != "" {
				s += " through a key"
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// Proves: E14, N-17, N-42
func TestWhoHoldsAKeyThatHeCouldNotMakeNow(t *testing.T) {
	for _, c := range []struct {
		name   string
		by     admin.Actor
		org    e911.OrgID
		scopes []Scope
		want   string
	}{
		{"an administrator who is there", "ann", "mill", []Scope{ScopeRead, ScopeCalls, ScopeSecrets}, ""},
		{"one who was disabled", "out", "mill", []Scope{ScopeRead}, "out disabled"},
		{"one whose role was taken", "none", "mill", []Scope{ScopeRead}, "none role"},
		{"one whose role has ended", "past", "mill", []Scope{ScopeRead}, "past role"},
		{"one who is a guard now", "guard", "mill", []Scope{ScopeRead, ScopeWrite}, "guard role"},
		{"one who went to another organisation", "quay", "mill", []Scope{ScopeRead}, "quay role"},
		{"the partner who looks after it", "pat", "mill", []Scope{ScopeRead, ScopeImports}, ""},
		{"a partner for a scope that he may not have", "pat", "mill", []Scope{ScopeRead, ScopeCalls}, "pat role"},
		{"the partner that it moved away from", "sue", "mill", []Scope{ScopeRead}, "sue role"},
		{"somebody who is not known any more", bobsID, "mill", []Scope{ScopeRead}, bobsID + " gone"},
		{"whoever has the machine", "command line", "mill", []Scope{ScopeSecrets}, ""},
		{"the control socket", "control socket", "", []Scope{ScopeProvider}, ""},
		{"an administrator of the provider", "root", "", []Scope{ScopeProvider, ScopeKeys}, ""},
		{"one who is none any more", "ann", "", []Scope{ScopeProvider}, "ann role"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.town = people(d.now)
			if got := d.holding(t, d.by(t, c.by, c.org, c.scopes...)); got != c.want {
				t.Errorf("holders %q, want %q", got, c.want)
			}
		})
	}
}

// Proves: E14, N-42
func TestAHolderIsTakenOffByANewSecret(t *testing.T) {
	d := newDesk(t)
	d.town = people(d.now)
	k := d.by(t, "out", "mill", ScopeRead)
	step := func(what, want string) {
		t.Helper()
		if got := d.holding(t, k); got != want {
			t.Errorf("%s: holders %q, want %q", what, got, want)
		}
	}
	step("as it was made", "out disabled")
	if _, _, err := d.Rotate(t.Context(), "ann", "mill", k.ID, time.Hour); err != nil {
		t.Fatal(err)
	}
	step("while the old secret goes on", "out disabled")
	d.now = d.now.Add(time.Hour)
	step("when it has ended", "")
	if _, _, err := d.Rotate(t.Context(), "none", "mill", k.ID, 0); err != nil {
		t.Fatal(err)
	}
	step("who gave it a new secret knows that", "none role")
	if err := d.Revoke(t.Context(), "ann", "mill", k.ID); err != nil {
		t.Fatal(err)
	}
	step("ended", "")
}

// What a key made is known to who had that key, also after it ended.
//
// Proves: E14, N-42
func TestAHolderOfAKeyHoldsWhatItMade(t *testing.T) {
	d := newDesk(t)
	d.town = people(d.now)
	first := d.by(t, "out", "mill", ScopeKeys, ScopeRead)
	second := d.by(t, first.Actor(), "mill", ScopeKeys, ScopeRead)
	third := d.by(t, second.Actor(), "mill", ScopeRead)
	other := d.by(t, "ann", "mill", ScopeRead)
	elsewhere := d.by(t, "out", "quay", ScopeRead)
	operators := d.by(t, "root", "", ScopeProvider, ScopeKeys)
	of := d.by(t, operators.Actor(), "mill", ScopeRead) // he himself could not make it
	if got, want := d.holding(t, first, second, third, other, of), "out disabled, out disabled through a key, out disabled through a key"; got != want {
		t.Errorf("holders %q, want %q", got, want)
	}
	if err := d.Revoke(t.Context(), "ann", "mill", first.ID); err != nil {
		t.Fatal(err)
	}
	if got := d.holding(t, third); got != "out disabled through a key" {
		t.Errorf("after the first one ended: %q", got)
	}
	all, err := d.AllHeld(t.Context())
	if err != nil || len(all) != 3 {
		t.Errorf("all that is held: %d, %v", len(all), err)
	}
	ended, err := d.RevokeHeld(t.Context(), "ann", "mill", "out")
	if err != nil || len(ended) != 2 {
		t.Errorf("ended %d, %v", len(ended), err)
	}
	for _, c := range []struct {
		k     Key
		ended bool
	}{{first, true}, {second, true}, {third, true}, {other, false}, {elsewhere, false}, {of, false}} {
		k, err := d.Get(t.Context(), c.k.Org, c.k.ID)
		if err != nil || k.Valid(d.now) == c.ended {
			t.Errorf("%+v: %v", k, err)
		}
	}
	if left, err := d.HeldBy(t.Context(), "out"); err != nil || len(left) != 1 || left[0].ID != elsewhere.ID {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Proves: E14
func TestKeysThatMadeEachOtherAreJudgedAllTheSame(t *testing.T) {
	d := newDesk(t)
	d.town = people(d.now)
	ring := []Key{d.by(t, "out", "mill", ScopeRead), d.by(t, "out", "mill", ScopeRead)}
	for i, k := range ring { // as no store has them
		k.By = ring[1-i].Actor()
		k.Secrets[0].By = k.By
		d.keys[k.ID] = k
	}
	if got := d.holding(t, ring...); got != "" {
		t.Errorf("holders %q", got)
	}
	d.shelf.down = e911.Errorf(e911.Unavailable, "down")
	if _, err := d.AllHeld(t.Context()); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("while the database is down: %v", err)
	}
}

// Proves: E14, N-17
func TestAKeyOfAnOrganisationHoldsNoMoreThanItsAdministratorsGive(t *testing.T) {
	d := newDesk(t)
	var every []Scope
	for _, r := range Scopes() {
		every = append(every, r.Scope)
	}
	k, text, err := d.Create(t.Context(), "ann", Wish{Org: "mill", Name: "n", Scopes: []Scope{ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	k.Scopes = append(slices.Clone(every), "king") // as an older version, or a hand in the database, may have left it
	d.keys[k.ID] = k
	got, err := d.Check(t.Context(), text, home)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(every, func(s Scope) bool { return s == ScopeProvider })
	if fmt.Sprint(got.Scopes) != fmt.Sprint(want) {
		t.Errorf("it has %v, want %v", got.Scopes, want)
	}
}
