// Package ldap reads a directory of people by LDAP (RFC 4511), Active Directory's
// included. It reads all of it or says that it could not: half a result would look as
// if people had left. Referrals are not followed.
package ldap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/e911"
)

// Defaults and bounds.
const (
	defaultTimeout = 2 * time.Minute
	defaultPage    = 500
	defaultPeople  = 100_000
	maxEmpty       = 100       // pages one after the other without anybody in them
	maxOctets      = 512 << 20 // of all answers together
	maxAnswer      = 64 << 20  // octets of the answer to one question: a page
	maxValues      = 50        // of an attribute of a person
	maxValue       = 4096      // octets of a value; longer ones, as pictures, are left out
)

// Attributes of Active Directory (MS-ADA1, MS-ADA3).
const (
	guid     = "objectGUID"
	control  = "userAccountControl"
	sid      = "objectSid"
	primary  = "primaryGroupID"
	disabled = 0x2 // ADS_UF_ACCOUNTDISABLE
	// inChain finds who is a member of a group by way of others (MS-ADTS, section
	// 3.1.1.3.4.4.3).
	inChain = "memberOf:1.2.840.113556.1.4.1941:="
)

// Fetch reads the people and groups of a source. Errors are Unavailable when the
// server cannot be reached or answers nonsense, Denied when it refuses the password.
func Fetch(ctx context.Context, src directory.Source) (directory.Listing, error) {
	t := src.Server
	if t == nil {
		return directory.Listing{}, e911.Errorf(e911.Invalid, "the directory %s is not one that is read", src.Key)
	}
	timeout := defaultTimeout
	if t.TimeoutSeconds > 0 {
		timeout = time.Duration(t.TimeoutSeconds) * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, wire, err := dial(ctx, t)
	if err != nil {
		return directory.Listing{}, refused(ctx, timeout, "reached", err)
	}
	defer conn.Close()
	// A server that stalls is hung up on.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := &reader{conn: conn, wire: wire, t: t, src: &src, left: cmp.Or(t.MaxPeople, defaultPeople), ctx: ctx}
	list, err := r.all()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return directory.Listing{}, refused(ctx, timeout, "read whole", err)
	}
	return list, nil
}

type reader struct {
	ctx  context.Context //nolint:containedctx // a reader lives inside one call
	conn *ldap.Conn
	wire *bounded
	t    *directory.Tree
	src  *directory.Source
	left int // how many entries may still come
}

// own are the names of what tells entries apart, of what people sign in with, and the
// filter of people.
func (r *reader) own() (id, name, filter string) {
	if r.t.ActiveDirectory {
		return guid, "sAMAccountName", cmp.Or(r.t.Filter, "(&(objectCategory=person)(objectClass=user))")
	}
	return "entryUUID", "uid", cmp.Or(r.t.Filter, "(objectClass=inetOrgPerson)")
}

func (r *reader) all() (list directory.Listing, err error) {
	id, name, filter := r.own()
	want := []string{id, name}
	if r.t.ActiveDirectory {
		want = append(want, control, primary)
	}
	for _, names := range r.src.Feeds() {
		want = append(want, names...)
	}
	byDN, ids, primaries := map[string]string{}, map[string]bool{}, map[uint32][]string{}
	err = r.search(r.t.Base, filter, want, func(x *ldap.Entry) error {
		p, err := r.person(x, id, name)
		if err != nil {
			return err
		}
		if ids[p.External] {
			return fmt.Errorf("%s has the %s of another", x.DN, id)
		}
		ids[p.External], byDN[dn(x.DN)] = true, p.External
		if rid, err := strconv.ParseUint(x.GetEqualFoldAttributeValue(primary), 10, 32); err == nil {
			primaries[uint32(rid)] = append(primaries[uint32(rid)], p.External)
		}
		list.People = append(list.People, p)
		return nil
	})
	if err != nil || r.t.GroupBase == "" {
		return list, err
	}
	var found []group
	err = r.search(r.t.GroupBase, cmp.Or(r.t.GroupFilter, "(|(objectClass=groupOfNames)(objectClass=group))"), []string{id, "cn", "member", sid}, func(x *ldap.Entry) error {
		g := directory.Entry{Kind: directory.Group, External: external(x, id), Name: x.GetAttributeValue("cn"), Active: true}
		if g.External == "" || g.Name == "" {
			return fmt.Errorf("%s has no %s or cn", x.DN, id)
		}
		if ids[g.External] {
			return fmt.Errorf("%s has the %s of another", x.DN, id)
		}
		ids[g.External] = true
		in := map[string]bool{}
		for m, err := range r.members(x) {
			if err != nil {
				return err
			}
			if p := byDN[dn(m)]; p != "" && !in[p] {
				in[p], g.Members = true, append(g.Members, p)
			}
		}
		list.Groups, found = append(list.Groups, g), append(found, group{x.DN, ridOf(x)})
		return nil
	})
	for i := 0; i < len(list.Groups) && err == nil; i++ {
		g := &list.Groups[i]
		if r.t.NestedGroups {
			err = r.nested(g, found[i].dn, ids)
		}
		if found[i].rid != 0 {
			g.Members = union(g.Members, primaries[found[i].rid])
		}
	}
	return list, err
}

// union adds what is not in a list.
func union(list, more []string) []string {
	if len(more) == 0 {
		return list
	}
	in := make(map[string]bool, len(list)+len(more))
	for _, x := range list {
		in[x] = true
	}
	for _, x := range more {
		if !in[x] {
			in[x], list = true, append(list, x)
		}
	}
	return list
}

// group is what else is known of a group. The rid is that of Active Directory: who has
// it as his primary group is in the group, and not among its members (MS-ADA3,
// primaryGroupID).
type group struct {
	dn  string
	rid uint32
}

// ridOf is the last part of a security identifier (MS-DTYP, section 2.4.2.2); 0: there
// is none.
func ridOf(x *ldap.Entry) uint32 {
	for _, a := range x.Attributes {
		if strings.EqualFold(a.Name, sid) && len(a.ByteValues) == 1 {
			if b := a.ByteValues[0]; len(b) >= 12 && len(b)%4 == 0 {
				return binary.LittleEndian.Uint32(b[len(b)-4:])
			}
		}
	}
	return 0
}

// person is what an entry says of one.
func (r *reader) person(x *ldap.Entry, id, name string) (directory.Entry, error) {
	p := directory.Entry{Kind: directory.User, External: external(x, id), Active: true, Attributes: directory.Attributes{}}
	if p.External == "" {
		return p, fmt.Errorf("%s has no %s", x.DN, id)
	}
	for _, a := range x.Attributes {
		n := strings.ToLower(a.Name)
		for _, v := range a.Values {
			if len(v) <= maxValue && len(p.Attributes[n]) < maxValues && n != strings.ToLower(guid) {
				p.Attributes[n] = append(p.Attributes[n], strings.ToValidUTF8(v, "\ufffd"))
			}
		}
	}
	p.Name = p.Attributes.First([]string{strings.ToLower(name)})
	if p.Name == "" {
		p.Name = p.Attributes.First(r.src.Feeds()[directory.FieldKey])
	}
	if r.t.ActiveDirectory {
		flags, err := strconv.ParseInt(x.GetEqualFoldAttributeValue(control), 10, 64)
		if err != nil {
			return p, fmt.Errorf("%s has no readable %s", x.DN, control)
		}
		p.Active = flags&disabled == 0
	}
	return p, nil
}

// nested gives a group that something here hangs on everybody who is in it by way of
// other groups. It is asked group by group: the server goes through the chain each time.
func (r *reader) nested(g *directory.Entry, at string, people map[string]bool) error {
	named := func(name string) bool { return directory.Fold(name) == directory.Fold(g.Name) }
	if !slices.ContainsFunc(r.src.Roles, func(x directory.Role) bool { return named(x.Group) }) &&
		!slices.ContainsFunc(r.src.GroupSites, func(x directory.GroupSite) bool { return named(x.Group) }) {
		return nil
	}
	id, _, filter := r.own()
	g.Members = nil
	return r.search(r.t.Base, "(&"+filter+"("+inChain+ldap.EscapeFilter(at)+"))", []string{id}, func(x *ldap.Entry) error {
		p := external(x, id)
		if !people[p] {
			return fmt.Errorf("%s is in a group and not among the people", x.DN)
		}
		g.Members = append(g.Members, p)
		r.left++ // they were counted as people
		return nil
	})
}

// members are the DNs of all members of a group: Active Directory gives some at a
// time, in attributes named "member;range=0-1499" (MS-ADTS, section 3.1.1.3.1.3.3).
func (r *reader) members(x *ldap.Entry) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for turns := 0; ; turns++ {
			more := ""
			for _, a := range x.Attributes {
				n := strings.ToLower(a.Name)
				span, ranged := strings.CutPrefix(n, "member;range=")
				if n != "member" && !ranged {
					continue
				}
				for _, m := range a.Values {
					if !yield(m, nil) {
						return
					}
				}
				if _, last, ok := strings.Cut(span, "-"); ranged && ok && last != "*" {
					to, err := strconv.Atoi(last)
					if err != nil || len(a.Values) == 0 {
						yield("", fmt.Errorf("%s has members in a form that cannot be read", x.DN))
						return
					}
					more = fmt.Sprintf("member;range=%d-*", to+1)
				}
			}
			if more == "" {
				return
			}
			res, err := r.ask(ldap.NewSearchRequest(x.DN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, r.seconds(), false, "(objectClass=*)", []string{more}, nil))
			switch {
			case err != nil:
				err = fmt.Errorf("read members: %w", err)
			case len(res.Entries) != 1:
				err = fmt.Errorf("%s is not there any more", x.DN)
			case turns == 1000:
				err = fmt.Errorf("%s has members without end", x.DN)
			}
			if err != nil {
				yield("", err)
				return
			}
			x = res.Entries[0]
		}
	}
}

func (r *reader) seconds() int {
	at, _ := r.ctx.Deadline()
	return max(1, int(time.Until(at).Seconds()))
}

// ask asks one question, and bounds what the answer brings.
func (r *reader) ask(req *ldap.SearchRequest) (*ldap.SearchResult, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	r.wire.answer.Store(maxAnswer)
	return r.conn.Search(req)
}

// search calls do with every entry, page by page (RFC 2696). Whatever looks as if
// there were more that did not come is an error.
func (r *reader) search(base, filter string, want []string, do func(*ldap.Entry) error) error {
	paging := ldap.NewControlPaging(uint32(cmp.Or(r.t.PageSize, defaultPage))) //nolint:gosec // checked to be small
	seen := map[string]bool{}
	empty := 0
	for {
		req := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, r.seconds(), false, filter, want, []ldap.Control{paging})
		res, err := r.ask(req)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		for _, x := range res.Entries {
			if r.left--; r.left < 0 {
				return errMany
			}
			if seen[dn(x.DN)] {
				return fmt.Errorf("%s came twice", x.DN)
			}
			seen[dn(x.DN)] = true
			if err := do(x); err != nil {
				return err
			}
		}
		next, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(next.Cookie) == 0 {
			return nil
		}
		if empty++; len(res.Entries) > 0 {
			empty = 0
		}
		if empty > 0 && bytes.Equal(next.Cookie, paging.Cookie) || empty > maxEmpty {
			return errEndless
		}
		paging.SetCookie(bytes.Clone(next.Cookie))
	}
}

// dn writes a DN in the form in which DNs are compared.
func dn(s string) string {
	if d, err := ldap.ParseDN(s); err == nil {
		return strings.ToLower(d.String())
	}
	return strings.ToLower(s)
}

// external is the id of an entry that never changes. An objectGUID is 16 octets.
func external(x *ldap.Entry, id string) string {
	if id != guid {
		return x.GetEqualFoldAttributeValue(id)
	}
	for _, a := range x.Attributes {
		if strings.EqualFold(a.Name, guid) && len(a.ByteValues) == 1 && len(a.ByteValues[0]) == 16 {
			return hex.EncodeToString(a.ByteValues[0])
		}
	}
	return ""
}
