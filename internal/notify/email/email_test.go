package email_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/notifytest"
	"github.com/callbox911/callbox/internal/sim/mail"
)

type other struct{ *mail.Sink }

func (o other) Arrivals() (out []notifytest.Arrival) {
	for _, m := range o.Received() {
		var head strings.Builder
		for name, values := range m.Header {
			head.WriteString(name + ": " + strings.Join(values, " ") + "\n")
		}
		out = append(out, notifytest.Arrival{ID: m.ID, Text: m.Subject + "\n" + head.String() + m.Text, Repeats: m.Repeats, Different: m.Different})
	}
	return out
}
func (o other) Accept()  { o.SetMode(mail.Accept) }
func (o other) Busy()    { o.SetMode(mail.Later) }
func (o other) Refuse()  { o.SetMode(mail.Refuse) }
func (o other) Silence() { o.SetMode(mail.Silent) }

func sink(t *testing.T, cfg mail.Config) *mail.Sink {
	t.Helper()
	s, err := mail.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func channel(t *testing.T, cfg email.Config) *email.Channel {
	t.Helper()
	if cfg.From == "" {
		cfg.From = "Callbox <callbox@harbor.example>"
	}
	if cfg.TLS == "" {
		cfg.TLS = email.TLSNone
	}
	c, err := email.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func open(t *testing.T) notifytest.Harness {
	s := sink(t, mail.Config{})
	return notifytest.Harness{
		Channel: channel(t, email.Config{Server: s.Addr()}), To: "security@harbor.example", Bad: "not an address", Other: other{s},
	}
}

// Proves: W-15, W-34, N-25, E4
func TestConformance(t *testing.T) { notifytest.Run(t, open) }

// A server without PIPELINING gets one command after the other.
//
// Proves: W-15, W-34, E4, E5
func TestConformanceOneByOne(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Harness {
		s := sink(t, mail.Config{OneByOne: true})
		return notifytest.Harness{
			Channel: channel(t, email.Config{Server: s.Addr()}), To: "security@harbor.example", Bad: "not an address", Other: other{s},
		}
	})
}

// A recipient whom the server refuses costs the next one nothing: the connection
// is good for the next mail, also of a server that went on to ask for the first.
//
// Proves: W-34, E14
func TestAfterARefusalTheConnectionIsUsedAgain(t *testing.T) {
	for _, oneByOne := range []bool{false, true} {
		s := sink(t, mail.Config{OneByOne: oneByOne})
		c := channel(t, email.Config{Server: s.Addr()})
		h := notifytest.Harness{Channel: c, To: "a@harbor.example", Other: other{s}}
		s.SetMode(mail.Refuse)
		if err := c.Deliver(t.Context(), h.Notice(1, notifytest.Due())); !errors.Is(err, notify.ErrRefused) {
			t.Errorf("refused by 550: %v", err)
		}
		s.SetMode(mail.Later)
		if err := c.Deliver(t.Context(), h.Notice(2, notifytest.Due())); err == nil || errors.Is(err, notify.ErrRefused) {
			t.Errorf("put off by 451: %v", err)
		}
		s.SetMode(mail.Accept)
		if err := c.Deliver(t.Context(), h.Notice(3, notifytest.Due())); err != nil {
			t.Error(err)
		}
		if n, got := s.Connections(), len(s.Received()); n != 1 || got != 1 {
			t.Errorf("one by one %t: %d connections and %d mails, want one of each", oneByOne, n, got)
		}
	}
}

func one(t *testing.T, due journal.Due) mail.Message {
	t.Helper()
	h := open(t)
	if err := h.Channel.Deliver(t.Context(), h.Notice(1, due)); err != nil {
		t.Fatal(err)
	}
	return h.Other.(other).Received()[0]
}

// Proves: W-15, F-09, E10, E12
func TestTheFirstThreeLinesTellAll(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*journal.Due)
		subject string
		lines   string
	}{
		{
			"a call", func(*journal.Due) {},
			"911 dialled: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
			"911 dialled by Front desk\n" +
				"795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\n" +
				"Call back +1 617-555-0111 · 10:04:05 PM EST, Friday 6 March 2026\n",
		},
		{
			"no leg after four seconds", func(d *journal.Due) { d.Reason, d.PSAPLine = journal.DueNotConnected, "+16175550199" },
			"911 NOT CONNECTED, call the PSAP now: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
			"911 NOT CONNECTED, call the PSAP now: Front desk needs help\n" +
				"795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\n" +
				"Call back +1 617-555-0111 · 10:04:05 PM EST, Friday 6 March 2026\n\n" +
				"The call has found no way to the PSAP yet; it is tried again until the caller hangs up. Call from another phone: Middlesex, +1 617-555-0199. Say the place above: the PSAP cannot see it.\n",
		},
		{
			"no leg in a demonstration, line of the PSAP not known", func(d *journal.Due) { d.Reason, d.Demonstration = journal.DueNotConnected, true },
			"911 NOT CONNECTED, call the PSAP now: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139 (demonstration)",
			"(DEMONSTRATION: no real emergency, no real PSAP) 911 NOT CONNECTED, call the PSAP now: Front desk needs help\n" +
				"795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\n" +
				"Call back +1 617-555-0111 · 10:04:05 PM EST, Friday 6 March 2026\n\n" +
				"This is a demonstration: call nobody. In a real one: The call has found no way to the PSAP yet; it is tried again until the caller hangs up. Dial 911 from another phone",
		},
		{
			"the caller gave up", func(d *journal.Due) { d.Reason = journal.DueAbandoned },
			"911 caller gave up before an answer: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
			"911 caller gave up before an answer: Front desk\n795 Massachusetts Avenue",
		},
		{
			"a test", func(d *journal.Due) { d.Reason, d.Class, d.Dialled = journal.DueTest, e911.ClassTest933, "sip:933@x" },
			"933 test: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
			"933 TEST by Front desk: nobody needs help\n",
		},
		{
			"a route that carries numbers alone", func(d *journal.Due) {
				d.Sent = &e911.Place{Display: "1 City Hall Square, Boston, MA 02201"}
			},
			"911 dialled: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
			"911 dialled by Front desk\n795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\n" +
				"Call back +1 617-555-0111 · 10:04:05 PM EST, Friday 6 March 2026\n\n" +
				"911 sees another address: 1 City Hall Square, Boston, MA 02201. Tell them the place above.\n",
		},
		{
			"a demonstration in another zone", func(d *journal.Due) { d.Demonstration, d.Zone = true, "Pacific/Honolulu" },
			"911 dialled: Front desk, 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139 (demonstration)",
			"(DEMONSTRATION: no real emergency, no real PSAP) 911 dialled by Front desk\n" +
				"795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\n" +
				"Call back +1 617-555-0111 · 5:04:05 PM HST, Friday 6 March 2026\n",
		},
		{
			"nothing known but the trunk", func(d *journal.Due) {
				*d = journal.Due{Reason: journal.DueLate, Class: e911.ClassEmergency, Who: "trunk pbx", SiteName: "HQ", ArrivedAt: d.ArrivedAt}
			},
			"911 dialled: trunk pbx, location unknown, line of HQ",
			"911 dialled by trunk pbx\nlocation unknown, line of HQ\nNo callback number is known · 3:04:05 AM UTC, Saturday 7 March 2026\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := notifytest.Due()
			c.change(&d)
			m := one(t, d)
			if m.Subject != c.subject {
				t.Errorf("subject = %q, want %q", m.Subject, c.subject)
			}
			if !strings.HasPrefix(m.Text, c.lines) {
				t.Errorf("text:\n%s\nwant it to begin:\n%s", m.Text, c.lines)
			}
			for _, line := range strings.Split(strings.TrimSpace(c.lines), "\n")[:1] {
				if !strings.Contains(m.HTML, strings.TrimPrefix(line, "(DEMONSTRATION: no real emergency, no real PSAP) ")) {
					t.Errorf("the HTML part does not say %q", line)
				}
			}
			if d.Demonstration && (!strings.Contains(m.HTML, "DEMONSTRATION") || m.Header.Get(email.HeaderDemo) != "yes") {
				t.Error("the demonstration is not marked everywhere")
			}
		})
	}
}

// Proves: E10
func TestAMachineCanCompareTheMailWithTheCall(t *testing.T) {
	d := notifytest.Due()
	m := one(t, d)
	got := map[string]string{}
	for _, h := range []string{
		email.HeaderCall, email.HeaderLocation, email.HeaderCallback, email.HeaderReason, "From", "To", "Message-Id", "References", "Auto-Submitted", "Date",
	} {
		got[h] = m.Header.Get(h)
	}
	want := map[string]string{
		email.HeaderCall: "call-1", email.HeaderLocation: string(d.Place.Location), email.HeaderCallback: "+16175550111", email.HeaderReason: "leg_out",
		"From": `"Callbox" <callbox@harbor.example>`, "To": "<security@harbor.example>",
		"Message-Id": "<5e1f0000-0000-8000-8000-000000000001@harbor.example>", "References": "<call.call-1@harbor.example>",
		"Auto-Submitted": "auto-generated", "Date": "Sat, 07 Mar 2026 03:04:05 +0000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for _, row := range []string{
		"Caller:                  Front desk", "Call back:               +1 617-555-0111", "Floor:                   2", "Room:                    210",
		"PSAP:                    Middlesex", "Position:                42.36684, -71.10565 (within 20 m)", "Located by:              switch port",
		"Follow the call: https://callbox.example/calls/call-1",
	} {
		if !strings.Contains(m.Text, row) {
			t.Errorf("the mail does not say %q:\n%s", row, m.Text)
		}
	}
}

// Proves: E10, E14
func TestNoContentMakesAHeaderField(t *testing.T) {
	allowed := []string{
		"Auto-Submitted", "Content-Type", "Date", "From", "Importance", "Message-Id", "Mime-Version", "Priority", "References", "Subject", "To",
		"X-Callbox-Call", "X-Callbox-Callback", "X-Callbox-Location", "X-Callbox-Reason", "X-Msmail-Priority", "X-Priority",
	}
	for _, s := range notifytest.Hostile {
		h := open(t)
		d := notifytest.Due()
		d.Who, d.SiteName, d.Dialled, d.Place.Display, d.PSAP.Name, d.Reason = s, s, s, s, s, s
		d.Callback, d.Flags, d.Place.Location, d.Zone = e911.Number(s), []string{s}, e911.LocationID(s), s
		n := h.Notice(1, d)
		n.Call, n.ID, n.Link = e911.CallID(s), e911.NoticeID("n1"+s), "https://callbox.example/calls/"+s
		if err := h.Channel.Deliver(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		all := h.Other.(other).Received()
		if len(all) != 1 || !slices.Equal(all[0].To, []string{"security@harbor.example"}) {
			t.Fatalf("%q: %d mails, to %v", s, len(all), all[0].To)
		}
		msg, err := netmail.ReadMessage(strings.NewReader(string(all[0].Raw)))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		for name, values := range msg.Header {
			if !slices.Contains(allowed, name) || len(values) != 1 {
				t.Errorf("%q: header field %s: %q", s, name, values)
			}
		}
		if strings.Contains(all[0].HTML, "<script") {
			t.Errorf("%q: the HTML part runs it", s)
		}
	}
}

// Proves: E14
func TestARecipientCannotSmuggleOthersIn(t *testing.T) {
	for _, to := range []string{
		"a@harbor.example, b@harbor.example", "a@harbor.example\r\nBcc: b@harbor.example", "a@harbor.example>\r\nRCPT TO:<b@harbor.example", "", "@", "a@", "a b@c",
	} {
		h := open(t)
		n := h.Notice(1, notifytest.Due())
		n.To = to
		if err := h.Channel.Deliver(t.Context(), n); err == nil {
			t.Errorf("%q: taken", to)
		}
		if all := h.Other.(other).Received(); len(all) != 0 {
			t.Errorf("%q: mail to %v", to, all[0].To)
		}
	}
}

// Proves: W-34, E5
func TestAServerThatForgetsToAnswerGetsTheSameMailAgain(t *testing.T) {
	h := open(t)
	s := h.Other.(other).Sink
	s.SetMode(mail.Forget)
	n := h.Notice(1, notifytest.Due())
	if err := h.Channel.Deliver(t.Context(), n); err == nil {
		t.Fatal("delivered without an answer")
	}
	s.SetMode(mail.Accept)
	if err := h.Channel.Deliver(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if all := s.Received(); len(all) != 1 || all[0].Repeats != 1 || all[0].Different != 0 {
		t.Errorf("received %+v", all)
	}
}

// Proves: W-34
func TestConnectionsAreUsedAgainAndBrokenOnesReplaced(t *testing.T) {
	s := sink(t, mail.Config{})
	c := channel(t, email.Config{Server: s.Addr()})
	h := notifytest.Harness{Channel: c, To: "a@harbor.example", Other: other{s}}
	for i := range 5 {
		if err := c.Deliver(t.Context(), h.Notice(i, notifytest.Due())); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Connections(); got != 1 {
		t.Errorf("%d connections for five mails, want 1", got)
	}
	s.Down()
	if err := s.Up(); err != nil {
		t.Fatal(err)
	}
	if err := c.Deliver(t.Context(), h.Notice(6, notifytest.Due())); err != nil {
		t.Errorf("after the server cut the connection: %v", err)
	}
	if got := len(s.Received()); got != 6 {
		t.Errorf("%d mails, want 6", got)
	}
}

// certificate makes a server's certificate and the roots that trust it.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Proves: W-34
func TestTheConnectionIsProtectedAsConfigured(t *testing.T) {
	server, client := certificate(t)
	_, stranger := certificate(t)
	for _, c := range []struct {
		name   string
		server mail.Config
		client email.Config
		ok     bool
	}{
		{"STARTTLS", mail.Config{TLS: server}, email.Config{TLS: email.StartTLS, Roots: client}, true},
		{"TLS at once", mail.Config{TLS: server, Implicit: true}, email.Config{TLS: email.TLS, Roots: client}, true},
		{"STARTTLS with a password", mail.Config{TLS: server, User: "u", Password: "p"}, email.Config{TLS: email.StartTLS, Roots: client, User: "u", Password: "p"}, true},
		{"TLS at once with a password", mail.Config{TLS: server, Implicit: true, User: "u", Password: "p"}, email.Config{TLS: email.TLS, Roots: client, User: "u", Password: "p"}, true},
		{"a wrong password", mail.Config{TLS: server, User: "u", Password: "p"}, email.Config{TLS: email.StartTLS, Roots: client, User: "u", Password: "x"}, false},
		{"a server without STARTTLS", mail.Config{}, email.Config{TLS: email.StartTLS, Roots: client}, false},
		{"a certificate that nobody vouches for", mail.Config{TLS: server}, email.Config{TLS: email.StartTLS, Roots: stranger}, false},
		{"the same with TLS at once", mail.Config{TLS: server, Implicit: true}, email.Config{TLS: email.TLS, Roots: stranger}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sink(t, c.server)
			c.client.Server = s.Addr()
			h := notifytest.Harness{Channel: channel(t, c.client), To: "a@harbor.example", Other: other{s}}
			err := h.Channel.Deliver(t.Context(), h.Notice(1, notifytest.Due()))
			if (err == nil) != c.ok {
				t.Errorf("err = %v", err)
			}
			if got := len(s.Received()); (got == 1) != c.ok {
				t.Errorf("%d mails", got)
			}
		})
	}
}

// Proves: E15
func TestConfigReportsAllFaults(t *testing.T) {
	_, err := email.New(email.Config{Server: "x", TLS: "maybe", From: "nobody", User: "u"})
	if got := len(e911.FaultsOf(err)); got != 3 {
		t.Errorf("%d faults: %v", got, err)
	}
	if _, err = email.New(email.Config{Server: "127.0.0.1:25", TLS: email.TLSNone, From: "a@b.example", User: "u"}); len(e911.FaultsOf(err)) != 1 {
		t.Errorf("a password in the clear: %v", err)
	}
}
