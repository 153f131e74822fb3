package member_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// roster is who has which role, and by whom: "ann@x organisation by directory ad".
func (h *house) roster(org e911.OrgID) (out []string) {
	h.t.Helper()
	all, err := h.Roster(h.ctx, org)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range all {
		by := "hand"
		if strings.HasPrefix(string(m.Grant.By), member.ByDirectory) {
			by = string(m.Grant.By)
		}
		out = append(out, fmt.Sprintf("%s %s%s by %s", m.Identity.Email, m.Grant.Role, m.Grant.At.Site, by))
	}
	slices.Sort(out)
	return out
}

func (h *house) directory(roles ...member.DirectoryRole) member.DirectoryChange {
	h.t.Helper()
	c, err := h.ApplyDirectory(h.ctx, "mill", "ad", roles)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// Proves: N-16, C-54, C-59, E14: what groups of a directory give comes and goes with
// them; what a person gave stays; the last administrator stays and that is said.
func TestRolesOfADirectoryComeAndGoWithIt(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	mill := access.Node{Org: "mill"}
	ann := h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: mill})
	admins := func(mail string) member.DirectoryRole {
		return member.DirectoryRole{Email: mail, Role: access.Organisation, Group: "admins"}
	}
	guards := func(mail string) member.DirectoryRole {
		return member.DirectoryRole{Email: mail, Role: access.Desk, Site: "hq", Group: "guards"}
	}
	c := h.directory(admins("bob@mill.example"), guards("cy@mill.example"), guards("ANN@mill.example"), admins("ann@mill.example"))
	if len(c.Given) != 3 || c.Given[0].Secret == "" || len(c.Faults) > 0 {
		t.Errorf("%+v", c)
	}
	want := []string{
		"ann@mill.example organisation by hand", "ann@mill.example security_deskhq by directory ad",
		"bob@mill.example organisation by directory ad", "cy@mill.example security_deskhq by directory ad",
	}
	if d := cmp.Diff(want, h.roster("mill")); d != "" {
		t.Error(d)
	}
	if c := h.directory(admins("bob@mill.example"), guards("cy@mill.example"), guards("ann@mill.example"), admins("ann@mill.example")); len(c.Given)+len(c.Taken)+len(c.Faults) > 0 {
		t.Errorf("the same again: %+v", c)
	}

	// A person gives what the directory gave: it is his from then on.
	h.give(ann.Identity.ID, member.Wish{Email: "cy@mill.example", Role: access.Desk, At: access.Node{Org: "mill", Site: "hq"}})
	leaves := admins("bob@mill.example")
	leaves.Ends = true
	c = h.directory(leaves)
	if len(c.Taken) != 2 || len(c.Left) != 1 || len(c.Faults) > 0 {
		t.Errorf("%+v", c)
	}
	want = []string{"ann@mill.example organisation by hand", "cy@mill.example security_deskhq by hand"}
	if d := cmp.Diff(want, h.roster("mill")); d != "" {
		t.Error(d)
	}

	// The last administrator.
	h.directory(admins("dee@mill.example"))
	if err := h.Take(h.ctx, ann.Identity.ID, ann.Grant.ID, ann.Identity.ID); err != nil {
		t.Fatal(err)
	}
	c = h.directory()
	if len(c.Taken) != 0 || len(c.Faults) != 1 || c.Faults[0].Code != "last_administrator" {
		t.Errorf("the last administrator: %+v", c)
	}
	// What a directory may not give, and whom it cannot let in.
	c = h.directory(admins("dee@mill.example"), member.DirectoryRole{Email: "x@mill.example", Role: access.Provider, Group: "x"},
		admins("no address"), member.DirectoryRole{Email: "y@mill.example", Role: access.Site, Group: "x"})
	if len(c.Given) != 0 || len(c.Faults) < 3 {
		t.Errorf("%+v", c)
	}
	if d := cmp.Diff([]string{"cy@mill.example security_deskhq by hand", "dee@mill.example organisation by directory ad"}, h.roster("mill")); d != "" {
		t.Error(d)
	}
}

// Proves: E14: a directory of one customer ends no session of one who has to do with
// another.
func TestADirectoryReachesNobodyElsewhere(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	h.give(root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: "mill"}})
	h.give(root, member.Wish{Email: "bob@both.example", Role: access.Organisation, At: access.Node{Org: "port"}})
	bob := member.DirectoryRole{Email: "bob@both.example", Role: access.Desk, Group: "g"}
	h.directory(bob)
	bob.Ends = true
	if c := h.directory(bob); len(c.Taken) != 1 || len(c.Left) != 0 {
		t.Errorf("%+v", c)
	}
	if d := cmp.Diff([]string{"bob@both.example organisation by hand"}, h.roster("port")); d != "" {
		t.Error(d)
	}
}

// Proves: N-16, C-59: whatever groups say and persons give in between, an application
// done twice changes nothing, gives all that is asked, and leaves an administrator.
func TestApplyingADirectoryTwiceChangesNothing(t *testing.T) {
	h := newHouse(t)
	root := h.first()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		org := e911.OrgID(fmt.Sprint("org", n))
		ann, err := h.Give(h.ctx, root, member.Wish{Email: "ann@mill.example", Role: access.Organisation, At: access.Node{Org: string(org)}})
		if err != nil {
			t.Fatal(err)
		}
		mail := rapid.SampledFrom([]string{"ann@mill.example", "b@mill.example", "c@mill.example"})
		roles := rapid.SampledFrom([]access.Role{access.Organisation, access.Desk, access.Auditor})
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			var wishes []member.DirectoryRole
			for range rapid.IntRange(0, 4).Draw(t, "wishes") {
				wishes = append(wishes, member.DirectoryRole{Email: mail.Draw(t, "who"), Role: roles.Draw(t, "role"), Group: "g", Ends: rapid.IntRange(0, 4).Draw(t, "ends") == 0})
			}
			if rapid.Bool().Draw(t, "ann goes") {
				_ = h.Take(h.ctx, ann.Identity.ID, ann.Grant.ID, ann.Identity.ID)
			}
			if _, err := h.ApplyDirectory(h.ctx, org, "ad", wishes); err != nil {
				t.Fatal(err)
			}
			before := h.roster(org)
			c, err := h.ApplyDirectory(h.ctx, org, "ad", wishes)
			if err != nil || len(c.Given)+len(c.Taken) > 0 || !slices.Equal(before, h.roster(org)) {
				t.Fatalf("twice: %v %+v", err, c)
			}
			text := strings.Join(before, "\n")
			if !strings.Contains(text, " organisation by ") {
				t.Fatalf("nobody administers: %s", text)
			}
			for _, w := range wishes {
				if !w.Ends && !strings.Contains(text, w.Email+" "+string(w.Role)+" by") {
					t.Fatalf("%s has not %s: %s", w.Email, w.Role, text)
				}
			}
		}
	})
}
