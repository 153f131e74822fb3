package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/directory"
	"github.com/callbox911/callbox/internal/directory/ldap"
	"github.com/callbox911/callbox/internal/e911"
)

const base = "dc=example,dc=test"

// slapd runs OpenLDAP's server over a directory of count people, and gives its address.
func slapd(t *testing.T, count int) string {
	t.Helper()
	bin, add := "/usr/sbin/slapd", "/usr/sbin/slapadd"
	for _, p := range []string{bin, add, "/etc/ldap/schema/inetorgperson.schema"} {
		if _, err := os.Stat(p); err != nil {
			t.Skipf("slapd is not installed (make debs): %v", err)
		}
	}
	dir := t.TempDir()
	conf, db, ldif := filepath.Join(dir, "slapd.conf"), filepath.Join(dir, "db"), filepath.Join(dir, "people.ldif")
	if err := os.Mkdir(db, 0o700); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile %s/pid
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit size.soft=7 size.hard=7 size.pr=7 size.prtotal=unlimited
database mdb
maxsize 67108864
suffix "%s"
rootdn "cn=admin,%s"
rootpw a-secret
access to * by dn.exact="uid=u0000,ou=people,%s" read by anonymous auth by * none
directory %s
`, dir, base, base, base, db)
	var people strings.Builder
	fmt.Fprintf(&people, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\ndn: ou=people,%s\nobjectClass: organizationalUnit\nou: people\n\n", base, base)
	for i := range count {
		fmt.Fprintf(&people, "dn: uid=u%04d,ou=people,%s\nobjectClass: inetOrgPerson\nuid: u%04d\ncn: Person %d\nsn: %d\nmail: u%04d@example.test\nemployeeNumber: E-%04d\nroomNumber: Mill 1, floor 3\nuserPassword: a-password\n\n", i, base, i, i, i, i, i)
	}
	fmt.Fprintf(&people, "dn: cn=admins,%s\nobjectClass: groupOfNames\ncn: admins\nmember: UID=u0001, ou=People,%s\nmember: uid=nobody,%s\n", base, base, base)
	for name, s := range map[string]string{conf: text, ldif: people.String()} {
		if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), add, "-q", "-f", conf, "-l", ldif).CombinedOutput(); err != nil {
		t.Fatalf("fill slapd: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	cmd := exec.Command(bin, "-d", "0", "-f", conf, "-h", "ldap://"+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(end) {
			t.Fatalf("slapd does not answer: %v", err)
		}
		select { // until it listens
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func source(addr string) directory.Source {
	return directory.Source{Key: "ldap", Protocol: directory.LDAP, Server: &directory.Tree{
		URL: "ldap://" + addr, Base: "ou=people," + base, GroupBase: base, BindDN: "cn=admin," + base, Password: "a-secret", PageSize: 5, TimeoutSeconds: 20,
	}, Map: map[directory.Field]string{directory.FieldKey: "uid", directory.FieldName: "cn", directory.FieldDeviceUserID: "employeeNumber", directory.FieldLocation: "roomNumber"}}
}

// Proves: C-59, N-20, RFC 2696
func TestEverybodyOfARealServerIsRead(t *testing.T) {
	src := source(slapd(t, 23))
	list, err := ldap.Fetch(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.People) != 23 || len(list.Groups) != 1 {
		t.Fatalf("%d people and %d groups came", len(list.People), len(list.Groups))
	}
	p := list.People[1]
	if len(p.External) != 36 {
		t.Errorf("the id of a person is %q", p.External)
	}
	want := directory.Attributes{
		"uid": {"u0001"}, "cn": {"Person 1"}, "employeenumber": {"E-0001"}, "roomnumber": {"Mill 1, floor 3"}, "entryuuid": {p.External},
	}
	if d := cmp.Diff(want, p.Attributes); d != "" || p.Name != "u0001" || !p.Active {
		t.Errorf("%+v: %s", p, d)
	}
	if d := cmp.Diff([]string{p.External}, list.Groups[0].Members); d != "" {
		t.Errorf("members: %s", d)
	}

	for _, c := range []struct {
		name string
		do   func(*directory.Tree)
		kind e911.Kind
	}{
		{"a wrong password", func(t *directory.Tree) { t.Password = "another" }, e911.Denied},
		{"more people than are allowed", func(t *directory.Tree) { t.MaxPeople = 10 }, e911.Invalid},
		{"a server that cuts a result off", func(t *directory.Tree) {
			t.BindDN, t.Password, t.PageSize = "uid=u0000,ou=people,"+base, "a-password", 9
		}, e911.Unavailable},
		{"a base that is not there", func(t *directory.Tree) { t.Base = "ou=nothing," + base }, e911.Unavailable},
		{"encryption that the server does not know", func(t *directory.Tree) { t.StartTLS = true }, e911.Unavailable},
	} {
		tree := *src.Server
		c.do(&tree)
		other := src
		other.Server = &tree
		list, err := ldap.Fetch(t.Context(), other)
		if e911.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: %d people, %v", c.name, len(list.People), err)
		}
		if err != nil && strings.Contains(err.Error(), "a-secret") {
			t.Errorf("%s: the password is told: %v", c.name, err)
		}
	}
}

// Proves: C-59; issue 9 "Bad input" (LDAP server that stalls or lies)
func TestAServerThatStallsOrLiesGivesNothing(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve func(net.Conn)
	}{
		{"it takes the connection and says nothing", func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"it hangs up", func(net.Conn) {}},
		{"it says nonsense", func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); io.Copy(io.Discard, c) }},
		{"it announces a message of four gigabytes", func(c net.Conn) {
			c.Write([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01})
			io.Copy(io.Discard, c)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				c.serve(conn)
				conn.Close()
			}()
			src := source(l.Addr().String())
			src.Server.TimeoutSeconds = 1
			began := time.Now()
			list, err := ldap.Fetch(t.Context(), src)
			if e911.KindOf(err) != e911.Unavailable || err == nil || len(list.People) != 0 || time.Since(began) > 5*time.Second {
				t.Errorf("%v after %s, %v", list, time.Since(began), err)
			}
			l.Close()
			<-done
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := ldap.Fetch(ctx, source("127.0.0.1:9")); err == nil {
		t.Error("a reading that was given up gives a list")
	}
}
