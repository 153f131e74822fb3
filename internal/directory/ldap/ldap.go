// Package ldap reads a directory of people by LDAP (RFC 4511), Active Directory's
// included. It reads all of it or says that it could not: half a result would look as
// if people had left. Referrals are not followed.
package ldap

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
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
	maxOctets      = 512 << 20 // of all answers together
	maxValues      = 50        // of an attribute of a person
	maxValue       = 4096      // octets of a value; longer ones, as pictures, are left out
)

// Attributes of Active Directory (MS-ADA1, MS-ADA3).
const (
	guid     = "objectGUID"
	control  = "userAccountControl"
	disabled = 0x2 // ADS_UF_ACCOUNTDISABLE
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
	conn, err := dial(ctx, t)
	if err != nil {
		return directory.Listing{}, refused("reach", err)
	}
	defer conn.Close()
	// A server that stalls is hung up on.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := &reader{conn: conn, t: t, src: &src, left: cmp.Or(t.MaxPeople, defaultPeople), ctx: ctx}
	list, err := r.all()
	if ctx.Err() != nil {
		err = fmt.Errorf("the server did not answer everything within %s: %w", timeout, context.Cause(ctx))
	}
	if err != nil {
		return directory.Listing{}, refused("read", err)
	}
	return list, nil
}

func refused(doing string, err error) error {
	if _, ours := errors.AsType[*e911.Error](err); ours {
		return err
	}
	kind, msg := e911.Unavailable, "the directory could not be "+map[string]string{"reach": "reached", "read": "read whole"}[doing]
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultStrongAuthRequired) {
		kind, msg = e911.Denied, "the directory refuses the DN and password that it is read with"
	}
	return &e911.Error{Kind: kind, Msg: msg, Err: err}
}

// dial connects, encrypts and proves who asks.
func dial(ctx context.Context, t *directory.Tree) (*ldap.Conn, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, fmt.Errorf("read the address: %w", err)
	}
	port := cmp.Or(u.Port(), map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme])
	settings := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, e911.Errorf(e911.Invalid, "ca has no certificate in PEM")
		}
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if at, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(at); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	// Bounded, so that a server that lies cannot fill the memory.
	raw = &bounded{Conn: raw, left: maxOctets}
	secure := u.Scheme == "ldaps"
	if secure {
		enc := tls.Client(raw, settings)
		if err := enc.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("encrypt: %w", err), raw.Close())
		}
		raw = enc
	}
	conn := ldap.NewConn(raw, secure)
	conn.Start()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if t.StartTLS {
		if err := conn.StartTLS(settings); err != nil {
			return nil, errors.Join(fmt.Errorf("encrypt: %w", err), conn.Close())
		}
	}
	if t.BindDN != "" {
		err = conn.Bind(t.BindDN, string(t.Password))
	} else {
		err = conn.UnauthenticatedBind("")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bind: %w", err), conn.Close())
	}
	return conn, nil
}

// bounded ends a connection that brings too much.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the server sent more than %d octets", maxOctets)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

type reader struct {
	ctx  context.Context //nolint:containedctx // a reader lives inside one call
	conn *ldap.Conn
	t    *directory.Tree
	src  *directory.Source
	left int // how many entries may still come
}

func (r *reader) all() (list directory.Listing, err error) {
	id, name, filter := "entryUUID", "uid", "(objectClass=inetOrgPerson)"
	if r.t.ActiveDirectory {
		id, name, filter = guid, "sAMAccountName", "(&(objectCategory=person)(objectClass=user))"
	}
	want := []string{id, name}
	if r.t.ActiveDirectory {
		want = append(want, control)
	}
	for _, names := range r.src.Feeds() {
		want = append(want, names...)
	}
	byDN := map[string]string{}
	err = r.search(r.t.Base, cmp.Or(r.t.Filter, filter), want, func(x *ldap.Entry) error {
		p := directory.Entry{Kind: directory.User, External: external(x, id), Active: true, Attributes: directory.Attributes{}}
		if p.External == "" {
			return fmt.Errorf("%s has no %s", x.DN, id)
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
			flags, err := strconv.ParseInt(x.GetAttributeValue(control), 10, 64)
			if err != nil {
				return fmt.Errorf("%s has no readable %s", x.DN, control)
			}
			p.Active = flags&disabled == 0
		}
		byDN[dn(x.DN)] = p.External
		list.People = append(list.People, p)
		return nil
	})
	if err != nil || r.t.GroupBase == "" {
		return list, err
	}
	err = r.search(r.t.GroupBase, cmp.Or(r.t.GroupFilter, "(|(objectClass=groupOfNames)(objectClass=group))"), []string{id, "cn", "member"}, func(x *ldap.Entry) error {
		g := directory.Entry{Kind: directory.Group, External: external(x, id), Name: x.GetAttributeValue("cn"), Active: true}
		if g.External == "" || g.Name == "" {
			return fmt.Errorf("%s has no %s or cn", x.DN, id)
		}
		members, err := r.members(x)
		for _, m := range members {
			if p := byDN[dn(m)]; p != "" {
				g.Members = append(g.Members, p)
			}
		}
		list.Groups = append(list.Groups, g)
		return err
	})
	return list, err
}

// members reads all members of a group: Active Directory gives some at a time, in
// attributes named "member;range=0-1499" (MS-ADTS, section 3.1.1.3.1.3.3).
func (r *reader) members(x *ldap.Entry) (out []string, err error) {
	for turns := 0; turns < 1000; turns++ {
		more := ""
		for _, a := range x.Attributes {
			n := strings.ToLower(a.Name)
			span, ranged := strings.CutPrefix(n, "member;range=")
			if n != "member" && !ranged {
				continue
			}
			out = append(out, a.Values...)
			if _, last, ok := strings.Cut(span, "-"); ranged && ok && last != "*" {
				to, err := strconv.Atoi(last)
				if err != nil || len(a.Values) == 0 {
					return nil, fmt.Errorf("%s has members in a form that cannot be read", x.DN)
				}
				more = fmt.Sprintf("member;range=%d-*", to+1)
			}
		}
		if more == "" {
			return out, nil
		}
		res, err := r.conn.Search(ldap.NewSearchRequest(x.DN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, r.seconds(), false, "(objectClass=*)", []string{more}, nil))
		if err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		if len(res.Entries) != 1 {
			return nil, fmt.Errorf("%s is not there any more", x.DN)
		}
		x = res.Entries[0]
	}
	return nil, fmt.Errorf("%s has members without end", x.DN)
}

func (r *reader) seconds() int {
	at, _ := r.ctx.Deadline()
	return max(1, int(time.Until(at).Seconds()))
}

// search calls do with every entry, page by page (RFC 2696). Whatever looks as if
// there were more that did not come is an error.
func (r *reader) search(base, filter string, want []string, do func(*ldap.Entry) error) error {
	paging := ldap.NewControlPaging(uint32(cmp.Or(r.t.PageSize, defaultPage))) //nolint:gosec // checked to be small
	seen := map[string]bool{}
	var cookie []byte
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		req := ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, r.seconds(), false, filter, want, []ldap.Control{paging})
		res, err := r.conn.Search(req)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		for _, x := range res.Entries {
			if r.left--; r.left < 0 {
				return e911.Errorf(e911.Invalid, "the directory has more people and groups than max_people allows: narrow base or filter, or raise it")
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
		if bytes.Equal(next.Cookie, cookie) && len(res.Entries) == 0 {
			return errors.New("the server gives the same page for ever")
		}
		cookie = bytes.Clone(next.Cookie)
		paging.SetCookie(cookie)
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
