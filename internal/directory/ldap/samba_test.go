package ldap_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/directory/ldap"
	"github.com/callbox911/callbox/internal/e911"

	client "github.com/go-ldap/ldap/v3"
)

// The domain of a test, and where its controller listens: LDAP has fixed ports there.
const (
	sambaAt     = "127.0.98.1"
	sambaDomain = "DC=ad,DC=test"
	sambaStaff  = "OU=Staff," + sambaDomain
	sambaGroups = "OU=Teams," + sambaDomain
	sambaSecret = "A-secret-of-Samba-1"
	sambaCrowd  = 1003 // more than Active Directory gives in a page (MaxPageSize: 1000)
)

// samba runs the LDAP service of Samba's domain controller over a new domain, and
// gives the authority that signed its certificate.
func samba(t *testing.T) *authority {
	t.Helper()
	for _, p := range []string{"/usr/sbin/samba", "/usr/bin/python3", "/usr/lib/python3/dist-packages/samba/samdb.py", "/usr/share/samba/setup/provision.ldif"} {
		if _, err := os.Stat(p); err != nil {
			t.Skipf("Samba's domain controller is not installed (make debs): %v", err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("a domain controller needs the ports 389 and 636, and so root")
	}
	l, err := net.Listen("tcp", sambaAt+":636")
	if err != nil {
		t.Skipf("a domain controller cannot listen here: %v", err)
	}
	l.Close()
	dir := t.TempDir()
	a := newAuthority(t)
	pair := a.server(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP(sambaAt)} }).Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"ca.pem": []byte(a.pem), "cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), "domain.py": []byte(sambaMake),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own := []string{
		"--option=interfaces=" + sambaAt + "/8", "--option=bind interfaces only=yes", "--option=ldb:nosync=true", "--option=server services=ldap",
		"--option=tls cafile=" + dir + "/ca.pem", "--option=tls certfile=" + dir + "/cert.pem", "--option=tls keyfile=" + dir + "/key.pem",
	}
	if out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", dir+"/domain.py", dir+"/domain", sambaAt, sambaSecret, fmt.Sprint(sambaCrowd)).CombinedOutput(); err != nil {
		t.Fatalf("make a domain: %v\n%s", err, out)
	}
	var said bytes.Buffer
	cmd := exec.Command("/usr/sbin/samba", append([]string{"-i", "-M", "single", "--debug-stdout", "-d", "1", "-s", dir + "/domain/etc/smb.conf"}, own...)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
	})
	for end := time.Now().Add(20 * time.Second); ; {
		c, err := net.DialTimeout("tcp", sambaAt+":636", time.Second)
		if err == nil {
			c.Close()
			return a
		}
		select {
		case <-done:
			t.Fatalf("samba ended:\n%s", said.String())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(end) {
			t.Fatalf("samba does not answer: %v", err)
		}
	}
}

// sambaMake makes a domain as samba-tool does, without the shares, and a crowd in it.
// In batch mode, which is twice as fast.
const sambaMake = `
import logging, sys
import samba.param
from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.provision import provision, FILL_FULL
from samba.samdb import SamDB
target, at, secret, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
lp = samba.param.LoadParm()
lp.load("/dev/null")
role = "active directory domain controller"
for k, v in (("interfaces", at), ("bind interfaces only", "yes"), ("ldb:nosync", "true"), ("realm", "AD.TEST"), ("workgroup", "AD"), ("server role", role)):
    lp.set(k, v)
session = system_session()
made = provision(
    logging.getLogger("provision"), session, targetdir=target, samdb_fill=FILL_FULL, realm="AD.TEST", domain="AD", hostname="dc1", hostip=at, adminpass=secret,
    dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2, dns_backend="NONE", serverrole=role, use_ntvfs=True, skip_sysvolacl=True, batch_mode=True, lp=lp)
db = SamDB(url=made.paths.samdb, lp=made.lp, session_info=session, options=["batch_mode:1"])
base = str(db.domain_dn())
db.transaction_start()
for ou in ("OU=Staff,", "OU=Crowd,OU=Staff,", "OU=Teams,"):
    db.create_ou(ou + base)
for i in range(count):
    name = "p%04d" % i
    db.add({"dn": "CN=%s,OU=Crowd,OU=Staff,%s" % (name, base), "objectClass": "user", "sAMAccountName": name, "userAccountControl": "544", "employeeID": "E-" + name})
db.transaction_commit()
`

// secret is a password as unicodePwd takes it (MS-ADTS, section 3.1.1.3.1.5.1).
func secret(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + s + `"`)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// domain is a client of the controller that may write.
type domain struct {
	t *testing.T
	c *client.Conn
}

func (d *domain) add(dn string, attributes ...string) {
	d.t.Helper()
	r := client.NewAddRequest(dn, nil)
	for i := 0; i < len(attributes); i += 2 {
		r.Attribute(attributes[i], strings.Split(attributes[i+1], "|"))
	}
	if err := d.c.Add(r); err != nil {
		d.t.Fatalf("add %s: %v", dn, err)
	}
}

func (d *domain) set(dn, attribute string, values ...string) {
	d.t.Helper()
	r := client.NewModifyRequest(dn, nil)
	r.Replace(attribute, values)
	if err := d.c.Modify(r); err != nil {
		d.t.Fatalf("change %s: %v", dn, err)
	}
}

// staff is an account with a password.
func (d *domain) staff(dn, account string, more ...string) {
	d.t.Helper()
	d.add(dn, append([]string{"objectClass", "user", "sAMAccountName", account, "userPrincipalName", account + "@ad.test", "unicodePwd", secret(sambaSecret), "userAccountControl", "512"}, more...)...)
}

// Proves: C-59: an Active Directory that is not ours is read whole, over LDAPS with a
// private authority and by an account that may only read: people, who is disabled,
// groups within groups, the primary group, more people than a page; who is moved or
// renamed is who he was, and who is deleted is gone.
func TestARealActiveDirectoryIsRead(t *testing.T) {
	a := samba(t)
	src := directory.Source{Key: "ad", Protocol: directory.LDAP, Server: &directory.Tree{
		URL: "ldaps://" + sambaAt, CA: a.pem, BindDN: "callbox@ad.test", Password: sambaSecret, Base: sambaStaff, GroupBase: sambaDomain,
		ActiveDirectory: true, NestedGroups: true, TimeoutSeconds: 60,
	}, Roles: []directory.Role{{Group: "Admins (all), HQ", Role: "organisation"}}}
	d := administrator(t, a)
	ann, bob, deep, admins := `CN=Lee\, Ann (Ä),`+sambaStaff, "CN=Bob,"+sambaStaff, "CN=Deep,"+sambaGroups, `CN=Admins (all)\, HQ,`+sambaGroups
	d.staff("CN=callbox,CN=Users,"+sambaDomain, "callbox")
	d.staff(ann, "ann", "displayName", "Ann Lee", "mail", "ann@ad.test", "employeeID", "E-1", "thumbnailPhoto", "\xff\xd8\xff")
	d.staff(bob, "bob", "displayName", "Bob")
	d.add("CN=PC7,"+sambaStaff, "objectClass", "computer", "sAMAccountName", "PC7$")
	d.add("CN=Guest of ours,"+sambaStaff, "objectClass", "contact")
	d.add(deep, "objectClass", "group", "sAMAccountName", "deep", "member", ann+"|CN=p0007,OU=Crowd,"+sambaStaff)
	d.add(admins, "objectClass", "group", "sAMAccountName", "admins", "member", bob+"|"+deep)

	all := make([]string, sambaCrowd)
	for i := range all {
		all[i] = fmt.Sprintf("CN=p%04d,OU=Crowd,%s", i, sambaStaff)
	}
	d.add("CN=Crowd,"+sambaGroups, "objectClass", "group", "sAMAccountName", "crowd", "member", strings.Join(all, "|"))

	first := read(t, src)
	if len(first.list.People) != sambaCrowd+2 {
		t.Fatalf("%d people came", len(first.list.People))
	}
	if p := first.people["ann"]; len(p.External) != 32 || !p.Active || !slices.Equal(p.Attributes["mail"], []string{"ann@ad.test"}) || !slices.Equal(p.Attributes["employeeid"], []string{"E-1"}) {
		t.Errorf("%+v", p)
	}
	for group, want := range map[string][]string{"Admins (all), HQ": {"ann", "bob", "p0007"}, "Deep": {"ann", "p0007"}} {
		if diff := cmp.Diff(want, first.groups[group]); diff != "" {
			t.Errorf("%s: %s", group, diff)
		}
	}
	if n := len(first.groups["Crowd"]); n != sambaCrowd {
		t.Errorf("%d people are in a large group", n)
	}
	if n := len(first.groups["Domain Users"]); n != sambaCrowd+2 {
		t.Errorf("%d people are in their primary group", n)
	}

	// A day of changes.
	d.set(bob, "userAccountControl", "514")
	d.add("OU=Mill,"+sambaStaff, "objectClass", "organizationalUnit")
	if err := errors.Join(
		d.c.ModifyDN(client.NewModifyDNRequest(ann, "CN=Ann Holt", true, "OU=Mill,"+sambaStaff)),
		d.c.Del(client.NewDelRequest("CN=p0007,OU=Crowd,"+sambaStaff, nil)),
	); err != nil {
		t.Fatal(err)
	}
	d.set("CN=Ann Holt,OU=Mill,"+sambaStaff, "sAMAccountName", "a.holt")
	second := read(t, src)
	if _, there := second.people["p0007"]; there || second.people["bob"].Active || second.people["bob"].External != first.people["bob"].External {
		t.Errorf("who was deleted: %v; who was disabled: %+v", there, second.people["bob"])
	}
	if second.people["a.holt"].External != first.people["ann"].External || second.people["ann"].External != "" {
		t.Errorf("who was renamed and moved is another: %+v", second.people["a.holt"])
	}
	if diff := cmp.Diff([]string{"a.holt", "bob"}, second.groups["Admins (all), HQ"]); diff != "" {
		t.Error(diff)
	}
	// Out of the part of the tree that is followed.
	if err := d.c.ModifyDN(client.NewModifyDNRequest("CN=p0008,OU=Crowd,"+sambaStaff, "CN=p0008", true, "CN=Users,"+sambaDomain)); err != nil {
		t.Fatal(err)
	}
	if _, there := read(t, src).people["p0008"]; there {
		t.Error("who was moved away is still there")
	}
	refusedBySamba(t, src, d)
}

// refusedBySamba asks in ways that are refused, each for its reason.
func refusedBySamba(t *testing.T, good directory.Source, d *domain) {
	t.Helper()
	for _, c := range []struct {
		name string
		do   func(*directory.Tree)
		kind e911.Kind
		want string
	}{
		{"a wrong password", func(t *directory.Tree) { t.Password = "another" }, e911.Denied, "refuses the DN and password"},
		{"nobody's name", func(t *directory.Tree) { t.BindDN = "nobody@ad.test" }, e911.Denied, "refuses the DN and password"},
		{"no password", func(t *directory.Tree) { t.BindDN, t.Password = "", "" }, e911.Unavailable, "wants a DN and password"},
		{"in the clear", func(t *directory.Tree) { t.URL, t.CA = "ldap://"+sambaAt, "" }, e911.Unavailable, "encrypted connections alone"},
		{"an authority that is not known", func(t *directory.Tree) { t.CA = "" }, e911.Unavailable, "nobody who is known here signed"},
		{"another name", func(t *directory.Tree) { t.URL = "ldaps://127.0.98.2" }, e911.Unavailable, ""},
		{"a base that is not there", func(t *directory.Tree) { t.Base = "OU=Nothing," + sambaDomain }, e911.Unavailable, "not there"},
		{"fewer people than there are", func(t *directory.Tree) { t.MaxPeople = 1000 }, e911.Invalid, "max_people"},
	} {
		tree := *good.Server
		c.do(&tree)
		src := good
		src.Server = &tree
		list, err := ldap.Fetch(t.Context(), src)
		if err == nil || e911.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) || len(list.People) > 0 || strings.Contains(err.Error(), sambaSecret) {
			t.Errorf("%s: %d people, %s: %v", c.name, len(list.People), e911.KindOf(err), err)
		}
	}
	started := *good.Server
	started.URL, started.StartTLS = "ldap://"+sambaAt, true
	src := good
	src.Server = &started
	if n := len(read(t, src).list.People); n != sambaCrowd {
		t.Errorf("over StartTLS %d people come", n)
	}
	// From the root of the domain, which refers to other parts of the tree, and by DN.
	started.Base, started.BindDN = sambaDomain, "CN=callbox,CN=Users,"+sambaDomain
	if all := read(t, src).people; !all["Administrator"].Active || all["krbtgt"].Active {
		t.Errorf("%+v", all["Administrator"])
	}
	d.set("CN=callbox,CN=Users,"+sambaDomain, "userAccountControl", "514")
	if _, err := ldap.Fetch(t.Context(), good); e911.KindOf(err) != e911.Denied {
		t.Errorf("an account that is disabled reads: %v", err)
	}
}

// administrator signs in as who may write.
func administrator(t *testing.T, a *authority) *domain {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c, err := client.DialURL("ldaps://"+sambaAt, client.DialWithTLSConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Bind("Administrator@ad.test", sambaSecret); err != nil {
		t.Fatal(err)
	}
	return &domain{t, c}
}

// reading is what came, by name; members by the names of people, in order.
type reading struct {
	list   directory.Listing
	people map[string]directory.Entry
	groups map[string][]string
}

func read(t *testing.T, src directory.Source) reading {
	t.Helper()
	list, err := ldap.Fetch(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	out := reading{list, map[string]directory.Entry{}, map[string][]string{}}
	names := map[string]string{}
	for _, p := range list.People {
		out.people[p.Name], names[p.External] = p, p.Name
	}
	for _, g := range list.Groups {
		for _, m := range g.Members {
			out.groups[g.Name] = append(out.groups[g.Name], names[m])
		}
		slices.Sort(out.groups[g.Name])
	}
	return out
}
