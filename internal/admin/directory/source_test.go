package directory_test

import (
	"testing"

	"github.com/callbox911/callbox/internal/admin/directory"
)

// Proves: C-59
func TestGroupsWithinGroupsAreOfActiveDirectoryAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		tree directory.Tree
		want int
	}{
		{"Active Directory whose groups are read", directory.Tree{ActiveDirectory: true, GroupBase: "ou=groups"}, 0},
		{"another server", directory.Tree{GroupBase: "ou=groups"}, 1},
		{"no groups are read", directory.Tree{ActiveDirectory: true}, 1},
	} {
		c.tree.URL, c.tree.Base, c.tree.NestedGroups = "ldaps://dc.example", "dc=example", true
		faults := directory.Check(directory.Source{Key: "ad", Protocol: directory.LDAP, Action: directory.ActionPlan, Server: &c.tree})
		if len(faults) != c.want || c.want > 0 && faults[0].Path != "ldap.nested_groups" {
			t.Errorf("%s: %v", c.name, faults)
		}
	}
}
