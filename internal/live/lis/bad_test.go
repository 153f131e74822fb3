package lis_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/held"
)

const (
	xmlHead = `<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held"`
	xmlDev  = `<device xmlns="urn:ietf:params:xml:ns:geopriv:held:id">`
	xmlPort = `<measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><lldp xmlns="urn:ietf:params:xml:ns:geopriv:lm:lldp"><chassis type="4">0c75bd000001</chassis><port type="5">4769312f302f37</port></lldp></measurements>`
)

// Requests of the kinds that phones send, whose dialects no RFC has (redsky.md
// 2e): company by a vendor's element or pair, other notations, other order.
//
// Proves: W-31, W-36
func TestDeskPhonesAreUnderstood(t *testing.T) {
	proofs := func(id, secret string) string {
		return "<companyID>" + id + "</companyID><companySecret>" + secret + "</companySecret>"
	}
	for _, c := range []struct{ name, body string }{
		{"Cisco MPP: identity, measurement, company in the device element", xmlHead + ` responseTime="emergencyRouting"><locationType exact="false">civic locationURI</locationType>` + xmlDev +
			`<ip v="4">10.1.2.33</ip><mac>00-11-22-AA-BB-CC</mac><nai>alice@example.com</nai>` + proofs(company, secret) + `</device>` + xmlPort + `</locationRequest>`},
		{"Yealink: request elements as names and values", xmlHead + `>` + xmlDev + `<mac>001122AABBCC</mac></device><element name="companyID" value="` + company + `"/><element name="companySecret" value="` + secret + `"/>` + xmlPort + `</locationRequest>`},
		{"Poly: account by elements beside the device", xmlHead + ` responseTime="8000"><locationType>any</locationType>` + proofs(strings.ToUpper(company), secret) + xmlDev + `<mac>00:11:22:aa:bb:cc</mac></device>` + xmlPort + `</locationRequest>`},
		{"the measurement before all else", xmlHead + `>` + xmlPort + proofs(company, secret) + `</locationRequest>`},
		{"a company id without hyphens", xmlHead + `>` + xmlPort + proofs(strings.ReplaceAll(company, "-", ""), secret) + `</locationRequest>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			resp, err := b.ask(ask{from: stranger, body: []byte(c.body)})
			if err != nil || len(resp.URIs) != 1 {
				t.Fatalf("%+v %v", resp, err)
			}
			r, err := b.server.Resolve(resp.URIs[0], harbor, b.clock())
			if err != nil || r.Evidence.Place.Location != floor2 {
				t.Errorf("%+v %v", r, err)
			}
		})
	}
}

// What DHCP relays tell names a port where both halves do.
//
// Proves: W-31
func TestARelaysPortIsAPort(t *testing.T) {
	for name, c := range map[string]struct {
		circuit, remote string
		want            string
	}{
		"bare":                         {"4769312f302f37", "0c75bd000001", "210"},
		"with type and length":         {"00074769312f302f37", "00060c75bd000001", "210"},
		"a packed number, no text":     {"000400010007", "00060c75bd000001", "locationUnknown"},
		"a remote id that is no MAC":   {"4769312f302f37", "726f6f6d", "locationUnknown"},
		"of a port that is not mapped": {"4769392f302f37", "0c75bd000001", "locationUnknown"},
	} {
		b := newBench(t)
		body := xmlHead + `><measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><dhcp-rai xmlns="urn:ietf:params:xml:ns:geopriv:lm:dhcp"><giaddr>192.0.2.158</giaddr><circuit>` + c.circuit + `</circuit><remote>` + c.remote + `</remote></dhcp-rai></measurements></locationRequest>`
		if got := b.room(ask{from: inside, body: []byte(body)}); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// Proves: E14, F-19
func TestBadMeasurementsDoNoHarm(t *testing.T) {
	aps := func(n int) string {
		var w strings.Builder
		w.WriteString(`<measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><wifi xmlns="urn:ietf:params:xml:ns:geopriv:lm:wifi">`)
		for i := range n {
			fmt.Fprintf(&w, "<ap><bssid>00-15-99-00-%02X-%02X</bssid></ap>", i>>8, i&255)
		}
		return w.String() + "</wifi></measurements>"
	}
	for _, c := range []struct{ name, from, body, want string }{
		{"10,000 access points", inside, xmlHead + ">" + aps(10000) + "</locationRequest>", "requestError"},
		{"1,000 access points, and a port", inside, xmlHead + ">" + aps(1000) + xmlPort + "</locationRequest>", "210"},
		{"an IPv4-mapped source", "[::ffff:127.0.2.10]:1", xmlHead + "/>", "210"},
		{"a source with a zone", "[fe80::1%eth0]:1", xmlHead + "/>", "notLocatable"},
		{"an IPv4-mapped address of its own", inside, xmlHead + ">" + xmlDev + `<ip v="6">::ffff:127.0.2.20</ip></device></locationRequest>`, "210"},
		{"an address with a zone", inside, xmlHead + ">" + xmlDev + `<ip v="6">fe80::1%eth0</ip></device></locationRequest>`, "locationUnknown"},
		{"a multicast hardware address", inside, xmlHead + ">" + xmlDev + `<mac>01-00-5E-00-00-01</mac></device>` + xmlPort + `</locationRequest>`, "210"},
		{"a multicast access point", inside, xmlHead + `><measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><wifi xmlns="urn:ietf:params:xml:ns:geopriv:lm:wifi"><ap serving="true"><bssid>01-00-5E-00-00-01</bssid></ap></wifi></measurements></locationRequest>`, "locationUnknown"},
		{"a network name that is not UTF-8", inside, xmlHead + `><measurements xmlns="urn:ietf:params:xml:ns:geopriv:lm"><wifi xmlns="urn:ietf:params:xml:ns:geopriv:lm:wifi"><ap serving="true"><bssid>00-11-22-33-44-50</bssid><ssid>caf\e9\FF</ssid></ap></wifi></measurements></locationRequest>`, "101"},
		{"octets that are not UTF-8", inside, xmlHead + ">\xff\xfe</locationRequest>", "xmlError"},
		{"no time to answer", inside, xmlHead + ` responseTime="0">` + xmlPort + "</locationRequest>", "210"},
		{"a clock two years ahead", inside, xmlHead + ">" + strings.Replace(xmlPort, `geopriv:lm">`, `geopriv:lm" time="2028-11-22T09:00:00Z">`, 1) + "</locationRequest>", "210"},
		{"a clock of 1970", inside, xmlHead + ">" + strings.Replace(xmlPort, `geopriv:lm">`, `geopriv:lm" time="1970-01-01T00:00:09Z">`, 1) + "</locationRequest>", "210"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := newBench(t).room(ask{from: c.from, body: []byte(c.body)}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Proves: E14
func TestASlowBodyIsCutOff(t *testing.T) {
	b := newBench(t)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: b.server, ReadTimeout: 300 * time.Millisecond}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-done }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	fmt.Fprintf(c, "POST /held HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 500\r\n\r\n<location", held.ContentType)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("neither answered nor in time: %v", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
}

// What Kamailio's lost module really sent: each request as it was captured.
//
// Proves: W-31, F-38
func TestKamailiosCapturesAreAnswered(t *testing.T) {
	dir := os.Getenv("CALLBOX_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(dir, "interop", "kamailio-lost", "captures", "*.req"))
	if err != nil || len(files) == 0 {
		t.Skipf("no captures in %s: set CALLBOX_SHARED", dir)
	}
	b := newBench(t)
	user := e911.User{ID: "user-bob", Org: harbor, Site: "site-hq", Key: "bob", Name: "Bob", DeviceUserID: "bob"}
	b.publish(change(e911.KindUser, harbor, "user-bob", user),
		change(e911.KindDevice, harbor, "dev-bob", e911.Device{ID: "dev-bob", Org: harbor, Site: "site-hq", Key: "bob", MAC: "00:11:22:33:44:55", User: "user-bob", Model: "model-desk"}))
	uri := b.uri(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC("00:11:22:33:44:55"))})
	answered := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(text))))
		if err != nil {
			continue // a capture that ends in the middle
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(string(body), "lost1") {
			continue // LoST is another server's
		}
		a := ask{method: r.Method, path: "/held", from: platform, body: body, header: map[string]string{
			"Content-Type": r.Header.Get("Content-Type"), "Accept": r.Header.Get("Accept"), "User-Agent": r.Header.Get("User-Agent"),
		}}
		if strings.Contains(filepath.Base(file), "deref") {
			a.path = path(t, uri)
		}
		w := b.do(a)
		resp, err := held.ParseReply(w.Body.Bytes())
		want := []string{"badIdentifier"} // alice and the others are not of this world
		if strings.Contains(string(body), "bob") || strings.Contains(string(body), "00-11-22-33-44-55") || strings.Contains(a.path, "/loc/") {
			want = []string{"210"}
		}
		if got := roomOf(t, resp, err); w.Code != 200 || !slices.Contains(want, got) {
			t.Errorf("%s: HTTP %d %s, want %v", filepath.Base(file), w.Code, got, want)
		}
		answered++
	}
	if answered < 10 {
		t.Errorf("%d captures answered of %d", answered, len(files))
	}
}
