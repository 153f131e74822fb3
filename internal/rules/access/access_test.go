package access_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

var (
	now   = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	north = access.Node{Partner: "north"}
	mill  = access.Node{Partner: "north", Org: "mill"}
	hq    = access.Node{Partner: "north", Org: "mill", Site: "hq"}
	yard  = access.Node{Partner: "north", Org: "mill", Site: "yard"}
	other = access.Node{Partner: "south", Org: "port"}
	twin  = access.Node{Partner: "south", Org: "port", Site: "hq"} // a site of the same id
)

func grant(r access.Role, at access.Node) access.Grant {
	return access.Grant{ID: string(r) + "@" + at.Partner + "/" + at.Org + "/" + at.Site, Identity: "ann", Role: r, At: at}
}

func support(g access.Grant, until time.Duration) access.Grant {
	g.ID, g.Support, g.Until, g.Reason = "support-"+g.ID, true, now.Add(until), "the trunk is down"
	return g
}

// Proves: E14, N-05, N-16, N-45, W-21, W-27, W-28
func TestWhoMayDoWhat(t *testing.T) {
	for _, c := range []struct {
		name    string
		grants  []access.Grant
		at      access.Node
		area    access.Area
		verb    access.Verb
		owner   string
		allowed bool
	}{
		{"an administrator changes his people", []access.Grant{grant(access.Organisation, mill)}, mill, access.People, access.Write, "", true},
		{"and those of a site of his", []access.Grant{grant(access.Organisation, mill)}, hq, access.People, access.Write, "", true},
		{"and nobody else's", []access.Grant{grant(access.Organisation, mill)}, other, access.People, access.Read, "", false},
		{"a site's administrator changes his site", []access.Grant{grant(access.Site, hq)}, hq, access.Places, access.Write, "", true},
		{"and not the next one", []access.Grant{grant(access.Site, hq)}, yard, access.Places, access.Read, "", false},
		{"nor one of the same name elsewhere", []access.Grant{grant(access.Site, hq)}, twin, access.Places, access.Read, "", false},
		{"he reads the settings of his organisation", []access.Grant{grant(access.Site, hq)}, mill, access.Settings, access.Read, "", true},
		{"and does not change them", []access.Grant{grant(access.Site, hq)}, mill, access.Settings, access.Write, "", false},
		{"nor does he see everybody's calls", []access.Grant{grant(access.Site, hq)}, mill, access.Calls, access.Read, "", false},
		{"the security desk works with calls", []access.Grant{grant(access.Desk, mill)}, hq, access.Calls, access.Write, "", true},
		{"and changes no map", []access.Grant{grant(access.Desk, mill)}, hq, access.Places, access.Write, "", false},
		{"an auditor reads the audit trail", []access.Grant{grant(access.Auditor, mill)}, mill, access.Audit, access.Read, "", true},
		{"and no secrets", []access.Grant{grant(access.Auditor, mill)}, mill, access.Secrets, access.Read, "", false},
		{"an integrator brings the network map", []access.Grant{grant(access.Integrator, mill)}, mill, access.Places, access.Write, "", true},
		{"and never learns where people were", []access.Grant{grant(access.Integrator, mill)}, mill, access.Whereabouts, access.Read, "", false},
		{"a user changes his own place", []access.Grant{grant(access.User, mill)}, mill, access.Own, access.Write, "ann", true},
		{"and nobody else's", []access.Grant{grant(access.User, mill)}, mill, access.Own, access.Write, "bob", false},
		{"nor deletes users, himself among them", []access.Grant{grant(access.User, mill)}, mill, access.People, access.Write, "ann", false},
		{"a partner makes customers", []access.Grant{grant(access.Partner, north)}, north, access.Tenants, access.Write, "", true},
		{"and not another partner's", []access.Grant{grant(access.Partner, north)}, access.Node{Partner: "south"}, access.Tenants, access.Read, "", false},
		{"he looks after their sites", []access.Grant{grant(access.Partner, north)}, hq, access.Sites, access.Write, "", true},
		{"and does not see their calls", []access.Grant{grant(access.Partner, north)}, hq, access.Calls, access.Read, "", false},
		{"but where they let him in", []access.Grant{grant(access.Partner, north), support(grant(access.Desk, mill), time.Hour)}, hq, access.Calls, access.Read, "", true},
		{"and not after that hour", []access.Grant{grant(access.Partner, north), support(grant(access.Desk, mill), -time.Second)}, hq, access.Calls, access.Read, "", false},
		{"the provider sees no people", []access.Grant{grant(access.Provider, access.Node{})}, mill, access.People, access.Read, "", false},
		{"the provider changes carriers", []access.Grant{grant(access.Provider, access.Node{})}, access.Node{}, access.World, access.Write, "", true},
		{"an organisation reads them", []access.Grant{grant(access.Organisation, mill)}, access.Node{}, access.World, access.Read, "", true},
		{"an auditor of all customers sees none of their calls", []access.Grant{grant(access.Auditor, access.Node{})}, mill, access.Calls, access.Read, "", false},
		{"one identity in two organisations", []access.Grant{grant(access.Desk, other), grant(access.Organisation, mill)}, other, access.Calls, access.Read, "", true},
		{"a role at the wrong level counts for nothing", []access.Grant{grant(access.Organisation, access.Node{})}, mill, access.People, access.Read, "", false},
		{"no role, no right", nil, mill, access.Sites, access.Read, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := access.May(access.Question{Grants: c.grants, Identity: "ann", Owner: c.owner, At: c.at, Area: c.area, Verb: c.verb, Now: now})
			if a.Allowed != c.allowed {
				t.Errorf("allowed %v, want %v (by %+v; %s)", a.Allowed, c.allowed, a.By, a.Why)
			}
			if !a.Allowed && a.Why == "" {
				t.Error("denied without a word")
			}
		})
	}
}

// Proves: E14
func TestUseOfSupportIsKnownAsSuch(t *testing.T) {
	lent := support(grant(access.Organisation, mill), time.Hour)
	q := access.Question{Grants: []access.Grant{lent}, Identity: "ann", At: mill, Area: access.People, Verb: access.Read, Now: now}
	if a := access.May(q); !a.Allowed || !a.By.Support {
		t.Errorf("let in by %+v, want the support grant", a.By)
	}
	q.Grants = append(q.Grants, grant(access.Organisation, mill))
	if a := access.May(q); !a.Allowed || a.By.Support {
		t.Errorf("let in by %+v, want the grant of his own", a.By)
	}
}

// Proves: E14
func TestTheTableIsWhole(t *testing.T) {
	rows := strings.Split(strings.TrimSpace(access.Table()), "\n")[2:]
	if len(rows) != len(access.Areas()) {
		t.Fatalf("%d rows for %d areas", len(rows), len(access.Areas()))
	}
	for i, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if cells[0] != string(access.Areas()[i]) || len(cells) != len(access.Roles())+1 {
			t.Errorf("row %q is not that of %s with %d roles", row, access.Areas()[i], len(access.Roles()))
		}
		for _, c := range cells[1:] {
			if !slices.Contains([]string{"r", "w", "–"}, c) {
				t.Errorf("row of %s has %q", cells[0], c)
			}
		}
	}
}

// Proves: E14
func TestNobodyReachesAnotherTenant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inside := []access.Node{mill, hq, yard}
		var grants []access.Grant
		for range rapid.IntRange(0, 6).Draw(t, "grants") {
			g := grant(rapid.SampledFrom(access.Roles()).Draw(t, "role"), rapid.SampledFrom(inside).Draw(t, "at"))
			g.Support = rapid.Bool().Draw(t, "support")
			if rapid.Bool().Draw(t, "ends") {
				g.Until = now.Add(time.Hour)
			}
			grants = append(grants, g)
		}
		q := access.Question{
			Grants: grants, Identity: "ann", Now: now, Verb: rapid.SampledFrom([]access.Verb{access.Read, access.Write}).Draw(t, "verb"),
			Area: rapid.SampledFrom(access.Areas()).Draw(t, "area"), At: rapid.SampledFrom([]access.Node{other, twin, {Partner: "south"}, north, {}}).Draw(t, "node"),
		}
		a := access.May(q)
		if a.Allowed && (q.Area != access.World || q.Verb != access.Read) {
			t.Fatalf("%+v lets ann %s %s of %+v", a.By, q.Verb, q.Area, q.At)
		}
	})
}

func codes(faults []e911.Fault) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Code)
	}
	return strings.Join(out, ",")
}

// Proves: N-16, E14, W-21, W-28
func TestWhoMayGiveWhichRole(t *testing.T) {
	to := func(g access.Grant) access.Grant { g.Identity, g.ID = "bob", "new"; return g }
	admin := grant(access.Organisation, mill)
	for _, c := range []struct {
		name  string
		own   []access.Grant
		at    []access.Grant
		give  access.Grant
		fault string
	}{
		{"an administrator makes another", []access.Grant{admin}, []access.Grant{admin}, to(grant(access.Organisation, mill)), ""},
		{"and one of a site", []access.Grant{admin}, nil, to(grant(access.Site, hq)), ""},
		{"not of another organisation", []access.Grant{admin}, nil, to(grant(access.Desk, other)), "denied"},
		{"nor a partner", []access.Grant{admin}, nil, to(grant(access.Partner, north)), "denied"},
		{"a site's administrator makes a guard of his site", []access.Grant{grant(access.Site, hq)}, nil, to(grant(access.Desk, hq)), ""},
		{"and none of the whole organisation", []access.Grant{grant(access.Site, hq)}, nil, to(grant(access.Desk, mill)), "denied"},
		{"a partner names the first administrator", []access.Grant{grant(access.Partner, north)}, nil, to(grant(access.Organisation, mill)), ""},
		{"and lets nobody in after that", []access.Grant{grant(access.Partner, north)}, []access.Grant{admin}, to(grant(access.Organisation, mill)), "denied"},
		{"nor an auditor of the customer", []access.Grant{grant(access.Partner, north)}, []access.Grant{admin}, to(grant(access.Auditor, mill)), "denied"},
		{"support for an hour", []access.Grant{admin}, nil, to(support(grant(access.Desk, mill), time.Hour)), ""},
		{"support for a year", []access.Grant{admin}, nil, to(support(grant(access.Desk, mill), 365*24*time.Hour)), "too_long"},
		{"support that the partner gives himself", []access.Grant{grant(access.Partner, north)}, nil, to(support(grant(access.Desk, mill), time.Hour)), "denied"},
		{"support lets in more support", []access.Grant{support(admin, time.Hour)}, nil, to(grant(access.Desk, mill)), "denied"},
		{"a role that is not", []access.Grant{admin}, nil, to(grant("king", mill)), "unknown"},
		{"a role at the wrong level", []access.Grant{admin}, nil, to(grant(access.Site, mill)), "level"},
		{"a role that has ended already", []access.Grant{admin}, nil, func() access.Grant { g := to(grant(access.Desk, mill)); g.Until = now; return g }(), "past"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := codes(access.Give(c.give, access.Roll{By: "ann", Own: c.own, At: c.at, Now: now})); got != c.fault {
				t.Errorf("faults %q, want %q", got, c.fault)
			}
		})
	}
}

// Proves: N-16
func TestTheLastAdministratorStays(t *testing.T) {
	ann, bob := grant(access.Organisation, mill), grant(access.Organisation, mill)
	bob.ID, bob.Identity = "bob", "bob"
	leaving := bob
	leaving.Until = now.Add(time.Hour)
	lent := support(bob, time.Hour)
	take := func(g access.Grant, by string, own access.Grant, at ...access.Grant) string {
		return codes(access.Take(g, access.Roll{By: by, Own: []access.Grant{own}, At: at, Now: now}))
	}
	for _, c := range []struct{ name, got, want string }{
		{"one of two goes", take(bob, "ann", ann, ann, bob), ""},
		{"the last one cannot be taken", take(ann, "ann", ann, ann), "last_administrator"},
		{"one whose role ends does not count as the other", take(ann, "ann", ann, ann, leaving), "last_administrator"},
		{"nor does support", take(ann, "ann", ann, ann, lent), "last_administrator"},
		{"the second of two who take each other's", take(ann, "bob", bob, ann), "last_administrator"},
		{"support is sent away", take(lent, "ann", ann, ann, lent), ""},
		{"somebody of another organisation", take(bob, "ann", grant(access.Organisation, other), ann, bob), "denied"},
		{"a guard gives his role back", take(grant(access.Desk, hq), "ann", grant(access.Desk, hq)), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: faults %q, want %q", c.name, c.got, c.want)
		}
	}
}

// Proves: W-22, E14
func TestATransferNeedsBothPartnersAndTheCustomer(t *testing.T) {
	tr := access.Transfer{Org: "mill", From: "north", To: "south", Asked: now, Agreed: map[access.Side]access.Consent{}}
	south := access.Grant{Identity: "sue", Role: access.Partner, At: access.Node{Partner: "south"}}
	if tr.Speaks(access.SideFrom, "sue", []access.Grant{south}, now) || !tr.Speaks(access.SideTo, "sue", []access.Grant{south}, now) {
		t.Error("sue speaks for the partner that takes over, and for no other")
	}
	if b, err := json.Marshal(tr); err != nil || regexp.MustCompile(`"[A-Z]`).Match(b) {
		t.Errorf("names of fields as nowhere else: %s, %v", b, err)
	}
	if admin := grant(access.Organisation, mill); !tr.Speaks(access.SideCustomer, "ann", []access.Grant{admin}, now) ||
		tr.Speaks(access.SideCustomer, "ann", []access.Grant{support(admin, time.Hour)}, now) {
		t.Error("an administrator speaks for the organisation, and support does not")
	}
	for i, s := range []access.Side{access.SideFrom, access.SideTo, access.SideCustomer} {
		if ok, missing := tr.Ready(now); ok || len(missing) != 3-i {
			t.Errorf("ready %v after %d consents, missing %v", ok, i, missing)
		}
		tr.Agreed[s] = access.Consent{Who: "somebody", At: now}
	}
	if ok, _ := tr.Ready(now.Add(time.Hour)); !ok {
		t.Error("all agreed, and it is not ready")
	}
	if ok, _ := tr.Ready(now.Add(access.TransferLife + time.Second)); ok {
		t.Error("consents of long ago move an organisation")
	}
}
