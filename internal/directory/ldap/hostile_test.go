package ldap_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/directory/ldap"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"

	client "github.com/go-ldap/ldap/v3"
)

// ann is a person of a fake server, bob another.
func ann(id int, more ...string) []byte {
	return entry(id, "uid=ann,ou=people,"+base, append([]string{"uid", "ann", "entryUUID", "0001", "cn", "Ann"}, more...)...)
}

func bob(id int, more ...string) []byte {
	return entry(id, "uid=bob,ou=people,"+base, append([]string{"uid", "bob", "entryUUID", "0002", "cn", "Bob"}, more...)...)
}

// people asks a server for people alone.
func people(addr string) directory.Source {
	src := source(addr)
	src.Server.GroupBase, src.Server.TimeoutSeconds = "", 20
	return src
}

// Proves: C-59: whatever a server does, it is all of the directory or an error that
// says what to do, in time.
func TestAServerThatLiesGivesNothingAndIsNamed(t *testing.T) {
	stalls := func(question) reply { return reply{} }
	code := func(c int) func(question) reply {
		return func(q question) reply { return say(ann(q.id), done(q.id, c, "")) }
	}
	for _, c := range []struct {
		name string
		do   func(question) reply
		kind e911.Kind
		want string
	}{
		{"it stalls before the answer to the bind", stalls, e911.Unavailable, "did not answer everything within 1s"},
		{"it stalls in the middle of a page", polite(func(q question) reply { return say(ann(q.id)) }), e911.Unavailable, "did not answer everything within 1s"},
		{"it stalls in the middle of a message", polite(func(q question) reply { return say(ann(q.id)[:40]) }), e911.Unavailable, "did not answer everything within 1s"},
		{"it stalls at the second page", polite(func(q question) reply {
			if q.nth > 0 {
				return reply{}
			}
			return say(ann(q.id), done(q.id, 0, "next"))
		}), e911.Unavailable, "did not answer everything within 1s"},
		{"it hangs up in the middle of a message", polite(func(q question) reply { return hangUp(ann(q.id)[:40]) }), e911.Unavailable, "ended the connection"},
		{"it hangs up between two entries", polite(func(q question) reply { return hangUp(ann(q.id)) }), e911.Unavailable, "ended the connection"},
		{"it says goodbye, unasked", polite(func(q question) reply { return hangUp(ann(q.id), notice()) }), e911.Unavailable, "ended the connection"},
		{"it writes noise", polite(func(question) reply { return hangUp([]byte{0x30, 0x03, 0x01, 0x99, 0x00, 0xff, 0x1f, 0x80, 0x80}) }), e911.Unavailable, "does not speak LDAP"},
		{"a message is nested without end", polite(func(question) reply { return hangUp([]byte(strings.Repeat("\x30\x80", 5000))) }), e911.Unavailable, "does not speak LDAP"},
		{
			"a message of two gigabytes is announced", polite(func(question) reply {
				return hangUp([]byte("\x30\x84\x7f\xff\xff\xff\x04\x84\x7f\xff\xff\xf0some of it"))
			}),
			e911.Unavailable, "ended the connection",
		},
		{
			"more comes than a page can be", polite(func(q question) reply { return hangUp(entry(q.id, "uid=x", "jpegPhoto", strings.Repeat("x", 65<<20))) }),
			e911.Unavailable, "sends more than 64 MiB at once",
		},
		{"the same cookie for ever", polite(func(q question) reply { return say(done(q.id, 0, "again")) }), e911.Unavailable, "it repeats itself"},
		{"empty pages for ever", polite(func(q question) reply { return say(done(q.id, 0, fmt.Sprint(q.nth))) }), e911.Unavailable, "it repeats itself"},
		{"the same page for ever", polite(func(q question) reply { return say(ann(q.id), done(q.id, 0, "again")) }), e911.Unavailable, "came twice"},
		{"pages without end", polite(func(q question) reply {
			n := fmt.Sprint(q.nth)
			return say(entry(q.id, "uid="+n+","+base, "uid", n, "entryUUID", n), done(q.id, 0, n))
		}), e911.Invalid, "more people and groups than max_people"},
		{"an entry comes twice", polite(func(q question) reply { return say(ann(q.id), bob(q.id), ann(q.id), done(q.id, 0, "")) }), e911.Unavailable, "came twice"},
		{"a person has no id", polite(func(q question) reply { return say(entry(q.id, "uid=x,"+base, "uid", "x"), done(q.id, 0, "")) }), e911.Unavailable, "uid=x,dc=example,dc=test has no entryUUID"},
		{"two have one id", polite(func(q question) reply {
			return say(ann(q.id), entry(q.id, "uid=eve,"+base, "uid", "eve", "entryUUID", "0001"), done(q.id, 0, ""))
		}), e911.Unavailable, "uid=eve,dc=example,dc=test has the entryUUID of another"},
		{"it cuts the result off at its limit of entries", polite(code(4)), e911.Unavailable, "its own limit of entries was reached"},
		{"it gives up after its limit of time", polite(code(3)), e911.Unavailable, "its own limit of time"},
		{"it cuts the result off at a limit of its administrator", polite(code(11)), e911.Unavailable, "a limit of its administrator"},
		{"it is busy", polite(code(51)), e911.Unavailable, "it is busy"},
		{"it is not available", polite(code(52)), e911.Unavailable, "not available"},
		{"it refers to another server", polite(code(10)), e911.Unavailable, "referrals are not followed"},
		{"the base is not there", polite(code(32)), e911.Unavailable, "base or group_base is not there"},
		{"the password is wrong", func(q question) reply { return say(bound(q.id, 49)) }, e911.Denied, "refuses the DN and password"},
		{"it wants encryption", func(q question) reply { return say(bound(q.id, 13)) }, e911.Unavailable, "ldaps://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			src := people(fake(t, nil, c.do))
			src.Server.MaxPeople = 50
			if strings.Contains(c.want, "1s") {
				src.Server.TimeoutSeconds = 1
			}
			refused(t, src, c.kind, c.want)
		})
	}
}

func refused(t *testing.T, src directory.Source, kind e911.Kind, want string) {
	t.Helper()
	began := time.Now()
	list, err := ldap.Fetch(t.Context(), src)
	if err == nil || e911.KindOf(err) != kind || !strings.Contains(err.Error(), want) || len(list.People)+len(list.Groups) > 0 {
		t.Errorf("%d people: %s: %v; want %q", len(list.People), e911.KindOf(err), err, want)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	if err != nil && strings.Contains(err.Error(), "a-secret") {
		t.Errorf("the password is told: %v", err)
	}
}

// Proves: C-59, E14
func TestAConnectionThatIsNotEncryptedAsItShouldIsNotUsed(t *testing.T) {
	good, other := newAuthority(t), newAuthority(t)
	all := polite(func(q question) reply { return say(ann(q.id), done(q.id, 0, "")) })
	starts := func(c *tls.Config) func(question) reply {
		return func(q question) reply {
			if q.op == extendedRequest {
				return reply{say: extended(q.id, 0), secure: c}
			}
			return all(q)
		}
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	elsewhere := func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"dc.elsewhere.test"} }
	for _, c := range []struct {
		name   string
		secure *tls.Config
		want   string
	}{
		{"the certificate is good", good.server(nil), ""},
		{"the certificate has expired", good.server(expired), "its certificate has expired"},
		{"the certificate is of another name", good.server(elsewhere), "its certificate is of another name"},
		{"nobody who is known signed the certificate", other.server(nil), "nobody who is known here signed"},
	} {
		for scheme, addr := range map[string]string{"ldaps": fake(t, c.secure, all), "ldap": fake(t, nil, starts(c.secure))} {
			src := people(addr)
			src.Server.URL, src.Server.StartTLS, src.Server.CA = scheme+"://"+addr, scheme == "ldap", good.pem
			if c.want != "" {
				refused(t, src, e911.Unavailable, c.want)
				continue
			}
			if list, err := ldap.Fetch(t.Context(), src); err != nil || len(list.People) != 1 {
				t.Errorf("%s, %s: %d people, %v", c.name, scheme, len(list.People), err)
			}
		}
	}
	src := people(fake(t, nil, all))
	src.Server.StartTLS = true
	refused(t, src, e911.Unavailable, "does not encrypt as it is asked to")

	silent := people(fake(t, nil, func(q question) reply { return reply{say: extended(q.id, 0), silent: true} }))
	silent.Server.StartTLS, silent.Server.TimeoutSeconds = true, 1
	refused(t, silent, e911.Unavailable, "within 1s")
	hello := people(fake(t, nil, nil))
	hello.Server.URL, hello.Server.TimeoutSeconds = strings.Replace(hello.Server.URL, "ldap:", "ldaps:", 1), 1
	refused(t, hello, e911.Unavailable, "within 1s")
	bad := people("127.0.0.1:9")
	bad.Server.CA = "no certificate"
	refused(t, bad, e911.Invalid, "ca has no certificate")
}

// Proves: E14: only who writes the address itself has it asked, and that the API lets
// the operator alone.
func TestANameThatLeadsToThisMachineIsNotAsked(t *testing.T) {
	src := people("")
	src.Server.URL = "ldap://:1" // no name is this machine's, and says nothing of it
	_, err := ldap.Fetch(t.Context(), src)
	if !errors.Is(err, reach.ErrHere) || e911.KindOf(err) != e911.Invalid {
		t.Errorf("%v", err)
	}
}

// Proves: C-59
func TestWhatIsOddAndWholeIsTaken(t *testing.T) {
	big := strings.Repeat("x", 10<<20)
	addr := fake(t, nil, polite(func(q question) reply {
		if q.nth == 0 {
			return say(ann(q.id, "roomNumber", big), refer(q.id), notice(), done(q.id, 0, "next"))
		}
		return say(bob(q.id, "CN", "Robert", "employeeNumber", "E\xff"), done(q.id, 0, ""))
	}))
	list, err := ldap.Fetch(t.Context(), people(addr))
	if err != nil {
		t.Fatal(err)
	}
	want := []directory.Attributes{
		{"uid": {"ann"}, "cn": {"Ann"}, "entryuuid": {"0001"}},
		{"uid": {"bob"}, "cn": {"Bob", "Robert"}, "entryuuid": {"0002"}, "employeenumber": {"E\ufffd"}},
	}
	for i, p := range list.People {
		if d := cmp.Diff(want[i], p.Attributes); d != "" {
			t.Error(d)
		}
	}
}

// activeDirectory is one with three people, of whom two are enabled, and a group
// whose members come in two parts and in another.
func activeDirectory(t *testing.T, chain *[]string) string {
	const people, groups = "OU=People,DC=ad,DC=test", "OU=Groups,DC=ad,DC=test"
	sid := func(rid uint16) string {
		return "\x01\x02\x00\x00\x00\x00\x00\x05\x15\x00\x00\x00" + string([]byte{byte(rid), byte(rid >> 8), 0, 0})
	}
	guid := func(n byte) string { return "\x00\xff" + strings.Repeat("\x80", 13) + string(rune(n)) }
	person := func(id int, name string, n byte, flags string) []byte {
		return entry(id, "CN="+name+","+people, "objectGUID", guid(n), "sAMAccountName", name, "userAccountControl", flags, "cn", name, "primaryGroupID", "513")
	}
	admins := "CN=Admins (all),OU=Groups,DC=ad,DC=test"
	return fake(t, nil, polite(func(q question) reply {
		has := func(filter string) bool {
			p, err := client.CompileFilter(filter)
			if err != nil {
				t.Error(err)
				return false
			}
			return strings.Contains(string(q.body), string(p.Bytes()))
		}
		const who = "(&(objectCategory=person)(objectClass=user))"
		switch nested := "(&" + who + "(memberOf:1.2.840.113556.1.4.1941:=" + client.EscapeFilter(admins) + "))"; {
		case has(nested):
			*chain = append(*chain, nested)
			return say(person(q.id, "ann", 1, "512"), person(q.id, "eve", 3, "66048"), done(q.id, 0, ""))
		case has("(objectClass=*)") && strings.Contains(string(q.body), "member;range=1-*"):
			return say(entry(q.id, admins, "member;range=1-*", "CN=BOB, ou=people,dc=AD,dc=test"), done(q.id, 0, ""))
		case has(who):
			return say(person(q.id, "ann", 1, "512"), person(q.id, "bob", 2, "514"), person(q.id, "eve", 3, "66048"), refer(q.id), done(q.id, 0, ""))
		}
		return say(
			entry(q.id, admins, "objectGUID", guid(9), "cn", "Admins (all)", "member;range=0-0", "CN=ann,"+people, "member;range=0-0", "CN=Deeper,"+groups),
			entry(q.id, "CN=Others,"+groups, "objectGUID", guid(8), "cn", "Others", "member", "CN=eve,"+people, "objectSid", sid(1104)),
			entry(q.id, "CN=Domain Users,"+groups, "objectGUID", guid(7), "cn", "Domain Users", "objectSid", sid(513)), done(q.id, 0, ""),
		)
	}))
}

// Proves: C-59
func TestActiveDirectoryIsReadAsItWrites(t *testing.T) {
	var chain []string
	src := people(activeDirectory(t, &chain))
	src.Map, src.Roles = nil, []directory.Role{{Group: "ADMINS (all)", Role: "organisation"}}
	src.Server.Base, src.Server.GroupBase, src.Server.ActiveDirectory = "OU=People,DC=ad,DC=test", "OU=Groups,DC=ad,DC=test", true
	id := func(n int) string { return "00ff" + strings.Repeat("80", 13) + fmt.Sprintf("%02x", n) }
	// An octet of 0x80 is one octet, whatever a text makes of it.
	for _, c := range []struct {
		nested bool
		want   []string
	}{{false, []string{id(1), id(2)}}, {true, []string{id(1), id(3)}}} {
		src.Server.NestedGroups = c.nested
		list, err := ldap.Fetch(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, p := range list.People {
			got[p.Name+" "+p.External] = p.Active
		}
		if d := cmp.Diff(map[string]bool{"ann " + id(1): true, "bob " + id(2): false, "eve " + id(3): true}, got); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(c.want, list.Groups[0].Members); d != "" {
			t.Errorf("nested %v: %s", c.nested, d)
		}
		if d := cmp.Diff([]string{id(3)}, list.Groups[1].Members); d != "" {
			t.Errorf("the group on which nothing hangs: %s", d)
		}
		if d := cmp.Diff([]string{id(1), id(2), id(3)}, list.Groups[2].Members); d != "" {
			t.Errorf("nobody is a member of his primary group: %s", d)
		}
	}
	if len(chain) != 1 {
		t.Errorf("the chain was asked for: %v", chain)
	}
}

// Proves: C-59: who is renamed is the same person, who is deleted is gone, and who is
// new has an id of his own, of the same name or not.
func TestRenamesAndDeletionsOfARealServer(t *testing.T) {
	addr := slapd(t, 12)
	src := source(addr)
	read := func() map[string]string {
		list, err := ldap.Fetch(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, p := range list.People {
			out[p.Name] = p.External
		}
		return out
	}
	before := read()
	c, err := client.DialURL("ldap://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	at := func(uid string) string { return "uid=" + uid + ",ou=people," + base }
	again := client.NewAddRequest(at("u0003"), nil)
	for k, v := range map[string]string{"objectClass": "inetOrgPerson", "uid": "u0003", "cn": "Another", "sn": "x"} {
		again.Attribute(k, []string{v})
	}
	if err := errors.Join(
		c.Bind("cn=admin,"+base, "a-secret"), c.ModifyDN(client.NewModifyDNRequest(at("u0002"), "uid=zoe", true, "")),
		c.Del(client.NewDelRequest(at("u0003"), nil)), c.Del(client.NewDelRequest(at("u0004"), nil)), c.Add(again),
	); err != nil {
		t.Fatal(err)
	}
	after := read()
	if len(after) != 11 || after["zoe"] != before["u0002"] || after["u0002"] != "" || after["u0004"] != "" || after["u0003"] == "" || after["u0003"] == before["u0003"] {
		t.Errorf("before %v, after %v", before, after)
	}
}
