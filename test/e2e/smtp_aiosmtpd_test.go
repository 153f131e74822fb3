package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/notifytest"
	"github.com/callbox911/callbox/internal/sim/mail"
)

const smtpPython = "/usr/bin/python3" // Debian's: the one that python3-aiosmtpd belongs to

// smtpRead prints the mails of a maildir as JSON, in order of arrival, read by
// Python's own parser.
const smtpRead = `
import email, email.policy, json, os, sys
box = os.path.join(sys.argv[1], "new")
out = []
for name in sorted(os.listdir(box), key=lambda n: os.stat(os.path.join(box, n)).st_mtime_ns):
    m = email.message_from_binary_file(open(os.path.join(box, name), "rb"), policy=email.policy.default)
    out.append({"header": {k: str(v) for k, v in m.items()}, "defects": [str(d) for p in m.walk() for d in p.defects],
                "text": m.get_body(("plain",)).get_content(), "html": m.get_body(("html",)).get_content()})
json.dump(out, sys.stdout)
`

type smtpMail struct {
	Header     map[string]string
	Defects    []string
	Text, HTML string
}

func smtpNeedsPython(t *testing.T, module string) {
	t.Helper()
	if out, err := exec.Command(smtpPython, "-c", "import "+module).CombinedOutput(); err != nil {
		t.Skipf("needs %s with %s (Debian package python3-%s): %v %s", smtpPython, module, module, err, out)
	}
}

// smtpCertificate writes a certificate for 127.0.0.1 and returns who trusts it.
func smtpCertificate(t *testing.T, dir string) (cert, key string, server, client *tls.Config) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(911), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
	for name, b := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return cert, key, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// smtpServer runs aiosmtpd on addr with a maildir until the returned function.
func smtpServer(t *testing.T, addr, maildir, cert, key string) (stop func()) {
	t.Helper()
	cmd := exec.Command(smtpPython, "-m", "aiosmtpd", "-n", "-l", addr, "--tlscert", cert, "--tlskey", key, "-c", "aiosmtpd.handlers.Mailbox", maildir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatalf("aiosmtpd does not listen: %v\n%s", err, out.String())
		}
		<-time.After(20 * time.Millisecond)
	}
}

func smtpMails(t *testing.T, maildir string, n int) []smtpMail {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		out, err := exec.Command(smtpPython, "-c", smtpRead, maildir).Output()
		if err != nil {
			t.Fatal(err)
		}
		var mails []smtpMail
		if err := json.Unmarshal(out, &mails); err != nil {
			t.Fatal(err)
		}
		if len(mails) >= n {
			return mails
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d mails came", len(mails), n)
		}
		<-time.After(100 * time.Millisecond)
	}
}

type smtpRules struct{ to string }

func (r smtpRules) Alerts(e911.OrgID, e911.SiteID) ([]e911.Alert, bool) {
	return []e911.Alert{{ID: "desk", On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{r.to}}}, true
}

// Proves: W-15, W-34, E5, E10, F-38
func TestMailThroughAForeignServerThatIsDownForAWhile(t *testing.T) {
	smtpNeedsPython(t, "aiosmtpd")
	dir := t.TempDir()
	cert, key, _, client := smtpCertificate(t, dir)
	maildir := filepath.Join(dir, "maildir")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	stopServer := smtpServer(t, addr, maildir, cert, key)

	j, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "journal"), Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := email.New(email.Config{Server: addr, TLS: email.StartTLS, From: "Callbox <callbox@harbor.example>", Roots: client})
	if err != nil {
		t.Fatal(err)
	}
	s, err := notify.New(notify.Config{
		Dir: filepath.Join(dir, "outbox"), Feed: j, Recorder: j, Overdue: j, Rules: smtpRules{"security@harbor.example"}, Channels: []notify.Channel{m},
		BaseURL: "https://callbox.example", FirstPause: 20 * time.Millisecond, LongPause: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	jctx, stopJournal := context.WithCancel(t.Context())
	sctx, stopNotify := context.WithCancel(t.Context())
	jdone, sdone := make(chan error, 1), make(chan error, 1)
	go func() { jdone <- j.Run(jctx) }()
	go func() { sdone <- s.Run(sctx) }()
	defer func() {
		stopNotify()
		stopJournal()
		if err := <-sdone; err != nil {
			t.Error(err)
		}
		if err := <-jdone; err != nil {
			t.Error(err)
		}
		m.Close()
	}()

	call := func(n int) {
		d := notifytest.Due()
		d.Who = "Réception n° " + fmt.Sprint(n)
		<-j.Record(journal.New(journal.NotifyDue, time.Now(), "org", e911.CallID(fmt.Sprintf("call-%d", n)), d)).Synced
	}
	call(1)
	smtpMails(t, maildir, 1)
	stopServer()
	for n := 2; n <= 5; n++ {
		call(n)
	}
	for f := range j.Subscribe(jctx, 1) { // until a try has failed
		if f.Kind == journal.NotifyFailed {
			break
		}
	}
	smtpServer(t, addr, maildir, cert, key)
	mails := smtpMails(t, maildir, 5)
	if len(mails) != 5 {
		t.Errorf("%d mails, want 5", len(mails))
	}
	for i, got := range mails {
		want := map[string]string{
			"Subject":            fmt.Sprintf("911 dialled: Réception n° %d, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139", i+1),
			"To":                 "security@harbor.example",
			"From":               "Callbox <callbox@harbor.example>",
			email.HeaderCall:     fmt.Sprintf("call-%d", i+1),
			email.HeaderLocation: string(notifytest.Due().Place.Location),
			email.HeaderCallback: "+16175550111",
		}
		for name, value := range want {
			if strings.Trim(got.Header[name], "<>\"") != value && got.Header[name] != value {
				t.Errorf("mail %d: %s = %q, want %q", i+1, name, got.Header[name], value)
			}
		}
		if len(got.Defects) > 0 {
			t.Errorf("mail %d: Python finds defects: %v", i+1, got.Defects)
		}
		for part, text := range map[string]string{"text": got.Text, "HTML": got.HTML} {
			for _, line := range []string{fmt.Sprintf("911 dialled by Réception n° %d", i+1), notifytest.Due().Place.Display, "+1 617-555-0111"} {
				if !strings.Contains(text, line) && !strings.Contains(text, strings.ReplaceAll(line, "+", "&#43;")) {
					t.Errorf("mail %d: the %s part does not say %q", i+1, part, line)
				}
			}
		}
	}
}

const smtpSend = `
import smtplib, ssl, sys
from email.message import EmailMessage
host, port, cafile, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
c = smtplib.SMTP(host, port, timeout=10)
c.starttls(context=ssl.create_default_context(cafile=cafile))
c.login("desk", "pass word")
for subject in ("first", "zweite Größe"):
    for again in range(2):
        m = EmailMessage()
        m["Subject"], m["From"], m["To"], m["Message-ID"] = subject, "a@x.example", "b@x.example", "<%s@x>" % subject.split()[0]
        m.set_content(".\r\n..leading dots\r\n" + subject)
        m.add_alternative("<p>" + subject + "</p>", subtype="html")
        c.send_message(m)
try:
    c.sendmail("a@x.example", [], "x")
except smtplib.SMTPException:
    pass
c.quit()
`

// TestTheSimulatedMailServerSpeaksToAForeignClient shows that the sink that the
// other tests trust is a mail server for Python's smtplib too.
//
// Proves: E12, W-34
func TestTheSimulatedMailServerSpeaksToAForeignClient(t *testing.T) {
	smtpNeedsPython(t, "smtplib")
	dir := t.TempDir()
	cert, _, server, _ := smtpCertificate(t, dir)
	sink, err := mail.Listen(mail.Config{TLS: server, User: "desk", Password: "pass word"})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	host, port, err := net.SplitHostPort(sink.Addr())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(smtpPython, "-c", smtpSend, host, port, cert, "x").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := sink.Received()
	if len(got) != 2 {
		t.Fatalf("%d mails, want 2: a repetition is folded", len(got))
	}
	for i, subject := range []string{"first", "zweite Größe"} {
		m := got[i]
		if m.Subject != subject || m.Repeats != 1 || m.From != "a@x.example" || strings.Join(m.To, ",") != "b@x.example" {
			t.Errorf("mail %d: %+v", i, m)
		}
		if want := ".\n..leading dots\n" + subject; strings.TrimSpace(m.Text) != want {
			t.Errorf("mail %d: text %q, want %q", i, m.Text, want)
		}
		if !strings.Contains(m.HTML, subject) {
			t.Errorf("mail %d: HTML %q", i, m.HTML)
		}
	}
}
