package apikey

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Need is a right that somebody has to have himself before he gives a key a scope.
type Need struct {
	Area access.Area
	Verb access.Verb
	Root bool // of the provider, whatever organisation the key is of
}

// Needs is the one table between the scopes of keys and the areas of roles. A scope
// that is not in it can be given by no person.
func Needs(s Scope) (needs []Need, known bool) {
	switch s {
	case ScopeRead:
		return each(access.Read, access.Settings, access.Sites, access.Places, access.People, access.Alerts), true
	case ScopeWrite:
		return each(access.Write, access.Settings, access.Sites, access.Places, access.People, access.Alerts), true
	case ScopeSecrets:
		return each(access.Write, access.Secrets), true
	case ScopeImports:
		return each(access.Write, access.Imports), true
	case ScopeAudit:
		return each(access.Read, access.Audit), true
	case ScopeCalls:
		return each(access.Read, access.Calls, access.Whereabouts), true
	case ScopeKeys:
		return each(access.Write, access.Keys), true
	case ScopeDirectory:
		return each(access.Write, access.People, access.Imports), true
	case ScopeProvider:
		return []Need{{access.Tenants, access.Write, true}, {access.World, access.Write, true}}, true
	}
	return nil, false
}

// within are the scopes of a key that its organisation's own administrators could give
// it: whatever is stored, a key of an organisation never holds more (rules/access). The
// operator's have what they name.
func within(k Key) []Scope {
	if k.Org == "" {
		return k.Scopes
	}
	administrator := access.Grant{Identity: "administrator", Role: access.Organisation, At: access.Node{Org: string(k.Org)}}
	may := func(at access.Node, area access.Area, verb access.Verb) (access.Answer, error) {
		return access.May(access.Question{Grants: []access.Grant{administrator}, Identity: administrator.Identity, At: at, Area: area, Verb: verb}), nil
	}
	return slices.DeleteFunc(slices.Clone(k.Scopes), func(s Scope) bool { return MayGive(k.Org, s, may) != nil })
}

func each(verb access.Verb, areas ...access.Area) (out []Need) {
	for _, a := range areas {
		out = append(out, Need{Area: a, Verb: verb})
	}
	return out
}

// MayGive returns nil when somebody who may what ask says may give a key of the
// organisation ("": of the operator's) a scope, else a Denied error that says what is
// missing.
func MayGive(org e911.OrgID, s Scope, ask func(at access.Node, area access.Area, verb access.Verb) (access.Answer, error)) error {
	needs, known := Needs(s)
	if !known {
		return e911.Errorf(e911.Denied, "nobody can give a scope that does not exist")
	}
	for _, n := range needs {
		at := access.Node{Org: string(org)}
		if n.Root {
			at = access.Node{}
		}
		a, err := ask(at, n.Area, n.Verb)
		if err != nil {
			return err
		}
		if !a.Allowed {
			return e911.Errorf(e911.Denied, "you cannot give the scope %s: %s", s, a.Why)
		}
	}
	return nil
}
