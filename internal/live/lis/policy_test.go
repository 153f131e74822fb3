package lis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
	"github.com/callbox911/callbox/wire/held"
)

const (
	sbc       = "sbc-east"
	sbcSecret = "s3cret-of-the-sbc"
)

// withPlatforms gives Harbor platforms that prove themselves.
func (b *bench) withPlatforms(platforms ...e911.HELDPlatform) {
	o := b.holder.Load().Org(harbor).Config()
	o.HELD.Platforms = platforms
	b.publish(change(e911.KindOrg, harbor, string(harbor), o))
}

// The table of who may ask for whom (RFC 6155, section 1.1 and 5).
//
// Proves: W-31, W-18, E14
func TestWhoMayAskForWhom(t *testing.T) {
	b := newBench(t)
	b.withPlatforms(
		e911.HELDPlatform{Name: sbc, Secrets: []e911.Secret{"older", sbcSecret}},
		e911.HELDPlatform{Name: "bound", Secrets: []e911.Secret{"bound-secret-here"}, From: prefixes("198.51.100.77/32")},
	)
	b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC), withID(held.IDIP, "10.1.2.33"))})
	user := b.holder.Load().Org(harbor)
	u, _ := user.User("user-agent")
	u.Email = "Agent@harbor.example"
	b.publish(change(e911.KindUser, harbor, "user-agent", u))
	own := request(withPort("Gi1/0/7"))
	uri := request(withID(held.IDURI, "tel:+16175550111"))
	path := "/held/" + company
	for _, c := range []struct {
		name   string
		ask    ask
		status int
		want   string
	}{
		{"own location from the organisation's network", ask{from: inside, req: own}, 200, "210"},
		{"own location with the phones' secret", ask{path: path, from: stranger, header: proof(), req: own}, 200, "210"},
		{"own location from nowhere", ask{from: stranger, req: own}, 200, "notLocatable"},
		{"another's, by address alone", ask{from: inside, req: uri}, 401, "badIdentifier"},
		{"another's, with the phones' secret", ask{path: path, from: stranger, header: proof(), req: uri}, 200, "badIdentifier"},
		{"another's, by a trusted address", ask{from: platform, req: uri}, 200, "210"},
		{"another's, by a platform with its secret", ask{from: stranger, header: basic(sbc, sbcSecret), req: uri}, 200, "210"},
		{"with an older secret of it", ask{from: stranger, header: basic(sbc, "older"), req: uri}, 200, "210"},
		{"by the path of its company too", ask{path: path, from: stranger, header: basic(sbc, sbcSecret), req: uri}, 200, "210"},
		{"as Bearer, with the company named", ask{path: path, from: stranger, header: map[string]string{"Authorization": "Bearer " + sbcSecret}, req: uri}, 200, "210"},
		{"with the phones' secret under its name", ask{path: path, from: stranger, header: basic(sbc, secret), req: uri}, 200, "notLocatable"},
		{"by another company's path", ask{path: "/held/rival-company", from: stranger, header: basic(sbc, sbcSecret), req: uri}, 200, "notLocatable"},
		{"from an address that it is not bound to", ask{from: stranger, header: basic("bound", "bound-secret-here"), req: uri}, 200, "notLocatable"},
		{"from the address that it is bound to", ask{from: "198.51.100.77:1", header: basic("bound", "bound-secret-here"), req: uri}, 200, "210"},

		{"by nai", ask{from: platform, req: request(withID(held.IDNAI, "agent@harbor.example"))}, 200, "210"},
		{"by nai of the name that platforms send", ask{from: platform, req: request(withID(held.IDNAI, "agent4711@pbx.example"))}, 200, "210"},
		{"by fqdn", ask{from: platform, req: request(withID(held.IDFQDN, "SEP001122aabbcc.voice.harbor.example"))}, 200, "210"},
		{"by msisdn", ask{from: platform, req: request(withID(held.IDMSISDN, "16175550111"))}, 200, "210"},
		{"by mdn of ten digits", ask{from: platform, req: request(withID(held.IDMDN, "6175550111"))}, 200, "210"},
		{"by the address that the device named as its own", ask{from: platform, req: request(withID(held.IDIP, "10.1.2.33"))}, 200, "210"},
		{"by a flow from a mapped address", ask{from: platform, req: &held.Request{Flow: held.Flow{
			Src: netip.MustParseAddrPort("127.0.2.9:5060"), Dst: netip.MustParseAddrPort("192.0.2.1:5060"), Layer4: "udp",
		}}}, 200, "210"},
		{"two identifiers of one device", ask{from: platform, req: request(withMAC(deskMAC), withID(held.IDURI, "tel:+16175550111"))}, 200, "210"},
		{"two identifiers of two devices", ask{from: platform, req: request(withMAC("00:11:22:aa:bb:dd"), withID(held.IDURI, "tel:+16175550111"))}, 200, "badIdentifier"},
		{"nobody's nai", ask{from: platform, req: request(withID(held.IDNAI, "nobody@harbor.example"))}, 200, "badIdentifier"},
		{"a phone that adds its own user's number, with its secret", ask{
			path: path, from: inside, header: proof(), req: request(withPort("Gi1/0/7"), withMAC(deskMAC), withID(held.IDURI, "tel:+16175550111")),
		}, 200, "210"},
		{"a phone that adds another user's number", ask{
			path: path, from: inside, header: proof(), req: request(withPort("Gi1/0/7"), withMAC(deskMAC), withID(held.IDURI, "tel:+16175550112")),
		}, 200, "badIdentifier"},
		{"a flow of another's, by a device", ask{from: inside, req: &held.Request{Flow: held.Flow{
			Src: netip.MustParseAddrPort("127.0.2.9:5060"), Dst: netip.MustParseAddrPort("192.0.2.1:5060"), Layer4: "udp",
		}}}, 401, "badIdentifier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.pass(10 * time.Second)
			w := b.do(c.ask)
			resp, err := held.ParseReply(w.Body.Bytes())
			if got := roomOf(t, resp, err); got != c.want || w.Code != c.status {
				t.Errorf("got HTTP %d %s, want %d %s", w.Code, got, c.status, c.want)
			}
			if c.status == 401 && len(w.Header().Values("WWW-Authenticate")) != 3 {
				t.Errorf("challenges %q", w.Header().Values("WWW-Authenticate"))
			}
		})
	}
}

// RFC 7616, section 3.3 and 3.4: an answer counts once.
//
// Proves: W-18, E14
func TestADigestThatIsReplayedIsRefused(t *testing.T) {
	b := newBench(t)
	b.withPlatforms(e911.HELDPlatform{Name: sbc, Secrets: []e911.Secret{sbcSecret}})
	uri := request(withID(held.IDMAC, string(deskMAC)), withPort("Gi1/0/7"))
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		w := b.do(ask{from: inside, req: request(withID(held.IDURI, "tel:+16175550111"))})
		header := digestAnswer(t, w.Header(), algorithm, sbc, sbcSecret, "/held")
		if got := b.room(ask{from: stranger, header: header, req: uri}); got != "notLocatable" && got != "badIdentifier" {
			t.Errorf("%s, from another address than the challenge's: got %s", algorithm, got)
		}
		if got := b.room(ask{from: inside, header: header, req: uri}); got != "210" {
			t.Fatalf("%s: got %s", algorithm, got)
		}
		w = b.do(ask{from: inside, header: header, req: request(withID(held.IDURI, "tel:+16175550111"))})
		if w.Code != http.StatusUnauthorized || !strings.Contains(w.Header().Get("WWW-Authenticate"), "stale=true") {
			t.Errorf("%s, a second time: HTTP %d %q", algorithm, w.Code, w.Header())
		}
	}
}

// Trying secrets is slow, also against companies that do not exist, and locks
// out nobody else.
//
// Proves: W-18, E14
func TestTryingSecretsIsSlow(t *testing.T) {
	b := newBench(t)
	own := request(withPort("Gi1/0/7"))
	try := func(from, company, secret string) int {
		return b.do(ask{path: "/held/" + company, from: from, header: basic(company, secret), req: own}).Code
	}
	for _, id := range []string{company, "no-such-company"} {
		for i := range 10 {
			if got := try(stranger, id, fmt.Sprint("guess", i)); got != 200 {
				t.Fatalf("%s, try %d: HTTP %d", id, i, got)
			}
		}
		if got := try(stranger, id, "guess"); got != http.StatusTooManyRequests {
			t.Errorf("%s, the eleventh try: HTTP %d", id, got)
		}
	}
	if got := try(stranger, company, secret); got != http.StatusTooManyRequests {
		t.Errorf("the right one after them: HTTP %d", got)
	}
	if got := try("192.0.2.67:1", company, secret); got != 200 {
		t.Errorf("from another source: HTTP %d", got)
	}
	if got := b.room(ask{path: "/held/" + company, from: inside, header: basic(company, "guess"), req: own}); got != "210" {
		t.Errorf("from inside, where no secret is needed: %s", got)
	}
	b.pass(10 * time.Second)
	if got := b.room(ask{path: "/held/" + company, from: stranger, header: basic(company, secret), req: own}); got != "210" {
		t.Errorf("after a pause: %s", got)
	}
	if s := b.log.String(); strings.Contains(s, secret) || strings.Contains(s, "guess") {
		t.Error("a secret is in the log")
	}
}

// A client certificate names its platform over a real TLS connection.
//
// Proves: W-31, W-18, E14
func TestAClientCertificateProvesAPlatform(t *testing.T) {
	b := newBench(t)
	b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	cert := func(name string) (tls.Certificate, string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tmpl := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: b.clock().Add(-time.Hour), NotAfter: b.clock().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(der)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, "sha256:" + strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	known, hash := cert("pbx.harbor.example")
	other, _ := cert("pbx.harbor.example")
	b.withPlatforms(e911.HELDPlatform{Name: sbc, Certificates: []string{hash, "pbx.harbor.example"}})
	srv := httptest.NewUnstartedServer(b.server)
	srv.TLS = lis.ClientCertificates(&tls.Config{})
	srv.StartTLS()
	defer srv.Close()
	body := string(encode(request(withID(held.IDURI, "tel:+16175550111"))))
	for _, c := range []struct {
		name  string
		certs []tls.Certificate
		path  string
		want  string
	}{
		{"its certificate", []tls.Certificate{known}, "/held", "210"},
		{"its certificate, by its company's path", []tls.Certificate{known}, "/held/" + company, "210"},
		{"its certificate, by another company's path", []tls.Certificate{known}, "/held/rival-company", "notLocatable"},
		{"the same name in a certificate that nobody vouches for", []tls.Certificate{other}, "/held", "notLocatable"},
		{"none", nil, "/held", "notLocatable"},
	} {
		client := srv.Client()
		client.Transport.(*http.Transport).TLSClientConfig.Certificates = c.certs
		client.CloseIdleConnections()
		resp, err := client.Post(srv.URL+c.path, held.ContentType, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := readReply(resp)
		if got := roomOf(t, answer, err); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A device that says that it sees an access point is not told where that is,
// unless its source address bears it out.
//
// Proves: E13, E14, W-38
func TestProbingFindsNoAccessPoints(t *testing.T) {
	b := newBench(t)
	b.publish(
		change(e911.KindBuilding, harbor, "bld-far", e911.Building{ID: "bld-far", Org: harbor, Site: "site-far", Key: "far", Name: "Far", Address: e911.Civic{Country: "US", A1: "CA", A2: "Alameda County", A3: "Oakland", HNO: "1", RD: "Broadway", PC: "94607"}}),
		change(e911.KindSite, harbor, "site-far", e911.Site{ID: "site-far", Org: harbor, Key: "far", Name: "Far", Zone: "America/Los_Angeles", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
		change(e911.KindLocation, harbor, "loc-far", e911.Location{ID: "loc-far", Org: harbor, Building: "bld-far", Key: "far", Detail: e911.Civic{FLR: "7", ROOM: "777"}}),
		change(e911.KindElement, harbor, "el-far", e911.Element{ID: "el-far", Org: harbor, Location: "loc-far", Kind: e911.ElementBSSID, MAC: "00:11:22:77:77:70"}),
	)
	probe := request(withAP("00:11:22:77:77:70", true), withMAC(deskMAC))
	if got := b.room(ask{from: mapped, req: probe}); got != "210" {
		t.Errorf("from an address of another site: got %s, want what the address says", got)
	}
	if _, ok := b.server.Device(harbor, string(desk)); ok {
		t.Error("what was made up is on the record of the device that it named")
	}
	if got := b.room(ask{path: "/held/" + company, header: proof(), from: mapped, req: probe}); got == "notLocatable" {
		t.Errorf("with a secret: got %s", got)
	}
	if got := b.room(ask{from: inside, req: request(withAP(apFloor1, true))}); got != "101" {
		t.Errorf("from the organisation's public range, of which no place follows: got %s", got)
	}
}

// Proves: E14, F-13
func TestWhoHasNoSecretBecomesNoDeviceThatHasOne(t *testing.T) {
	b := newBench(t)
	b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	b.pass(time.Minute)
	uri := b.uri(ask{from: "203.0.113.9:1", req: request(withPort("Gi1/0/1"), withMAC(deskMAC))})
	r, err := b.server.Resolve(uri, harbor, b.clock())
	if err != nil || r.Device == string(desk) || r.Evidence.Place.Location != floor1 {
		t.Errorf("the pretender is told where it is, and who it is not: %+v %v", r, err)
	}
	if ev, ok := b.server.Latest(harbor, desk); !ok || ev.Place.Location != floor2 {
		t.Errorf("the device stays where it said: %+v %v", ev, ok)
	}
}

// Proves: F-18, W-57
func TestAnAddressDoesNotEraseThePort(t *testing.T) {
	b := newBench(t)
	b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	b.pass(time.Hour)
	if got := b.room(ask{from: mapped, req: request(withMAC(deskMAC))}); got != "210" {
		t.Fatalf("got %s", got)
	}
	ev, ok := b.server.Latest(harbor, desk)
	if !ok || ev.By != e911.ByLLDPPort {
		t.Errorf("the port of an hour ago, which the address bears out: %+v", ev)
	}
	seen, _ := b.server.Device(harbor, string(desk))
	if kinds := len(seen.Evidence); kinds < 2 || seen.Where.Confidence != locate.High {
		t.Errorf("both go to the decision: %+v", seen)
	}
}
