package lis_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

func basic(user, password string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

// Whose request it is: a company that is named counts with its secret; without
// one only the source address does.
//
// Proves: W-18, E14
func TestTheOrganisationOfARequest(t *testing.T) {
	b := newBench(t)
	port := withPort("Gi1/0/7")
	bare := strings.ToUpper(strings.ReplaceAll(company, "-", ""))
	for _, c := range []struct {
		name string
		ask  ask
		want string
	}{
		{"Basic by path", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic(company, secret)}, "210"},
		{"an older secret", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic(company, "an-older-one")}, "210"},
		{"the id without hyphens", ask{path: "/held/" + bare, from: stranger, req: request(port), header: basic(bare, secret)}, "210"},
		{"Bearer by path", ask{path: "/held/" + company, from: stranger, req: request(port), header: proof()}, "210"},
		{"an element by path", ask{path: "/held/" + company, from: stranger, req: request(port, withExtra("companySecret", secret))}, "210"},
		{"two elements", ask{from: stranger, req: request(port, withExtra("companyID", company), withExtra("companySecret", secret))}, "210"},
		{"an element and Bearer", ask{from: stranger, req: request(port, withExtra("companyID", company)), header: proof()}, "210"},
		{"Basic names the company", ask{from: stranger, req: request(port), header: basic(company, secret)}, "210"},

		{"a wrong secret", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic(company, "guess")}, "notLocatable"},
		{"another's secret", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic(company, "s3cret-of-rival")}, "notLocatable"},
		{"Basic with another user", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic("admin", secret)}, "notLocatable"},
		{"an empty secret", ask{path: "/held/" + company, from: stranger, req: request(port), header: basic(company, "")}, "notLocatable"},
		{"a company that is not there", ask{path: "/held/nobody", from: stranger, req: request(port), header: basic("nobody", secret)}, "notLocatable"},
		{"Bearer without a company", ask{from: stranger, req: request(port), header: proof()}, "notLocatable"},
		{"a company without a secret", ask{from: stranger, req: request(port, withExtra("companyID", company))}, "notLocatable"},
		{"nothing at all", ask{from: stranger, req: request(port)}, "notLocatable"},

		{"a public range", ask{from: inside, req: request(port)}, "210"},
		{"a mapped range", ask{from: mapped, req: request()}, "210"},
		{"a mapped range and a wrong secret", ask{path: "/held/" + company, from: mapped, req: request(), header: basic(company, "guess")}, "210"},
		{"a public range of two organisations", ask{from: shared, req: request(port)}, "notLocatable"},
		{"a public range of two, and a secret", ask{path: "/held/" + company, from: shared, req: request(port), header: proof()}, "210"},
		{"one company's name from another's network", ask{path: "/held/rival-company", from: inside, req: request(port), header: proof()}, "notLocatable"},
		{"another's port", ask{from: inside, req: request(withPort("Gi9/0/9"))}, "locationUnknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := b.room(c.ask); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if s := b.log.String(); strings.Contains(s, secret) || strings.Contains(s, "guess") {
		t.Errorf("a secret is in the log:\n%s", s)
	}
}

// Proves: W-18, D-11
func TestTheClientsAddressComesFromATrustedProxyOnly(t *testing.T) {
	b := newBench(t)
	forward := func(v string) map[string]string { return map[string]string{"X-Forwarded-For": v} }
	for _, c := range []struct {
		name, from, forwarded, want string
	}{
		{"a proxy of ours", "127.0.0.99:1", "127.0.2.10", "210"},
		{"two proxies of ours", "127.0.0.99:1", "127.0.2.10, 127.0.0.99", "210"},
		{"what stands before the last hop is the client's invention", "127.0.0.99:1", "127.0.2.10, 127.0.0.66", "notLocatable"},
		{"a stranger who writes the header", stranger, "127.0.2.10", "notLocatable"},
		{"a broken header", "127.0.0.99:1", "127.0.2.10, nonsense", "notLocatable"},
		{"no header", "127.0.0.99:1", "", "notLocatable"},
		{"an address of IPv6 form", "[::ffff:127.0.2.10]:1", "", "210"},
		{"no address", "@", "", "notLocatable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := b.room(ask{from: c.from, req: request(), header: forward(c.forwarded)}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Proves: W-31, W-36, W-57, E13
func TestTheBestEvidenceLocates(t *testing.T) {
	b := newBench(t)
	now := b.clock()
	for _, c := range []struct {
		name   string
		from   string
		req    *held.Request
		want   string
		method string
	}{
		{"a switch port", inside, request(withPort("Gi1/0/7")), "210", "Wiremap"},
		{"the port before the access point", inside, request(withAP(apFloor1, true), withPort("Gi1/0/7")), "210", "Wiremap"},
		{"a serving access point", inside, request(withAP(apFloor1, true)), "101", "802.11"},
		{"the serving one before a neighbour", inside, request(withAP(apFloor2, false), withAP(apFloor1, true)), "101", "802.11"},
		{"neighbours that agree", inside, request(withAP(apFloor2, false), withAP(apFloor2b, false), withAP(apFloor1, false)), "210", "802.11"},
		{"one neighbour is its building", inside, request(withAP(apFloor2, false)), "floor ", "802.11"},
		{"the source address", mapped, request(), "210", ""},
		{"an unknown port and a mapped address", mapped, request(withPort("Gi7/7")), "210", ""},
		{"nothing that is mapped", inside, request(withPort("Gi7/7"), withAP(apUnknown, true)), "locationUnknown", ""},
		{"a private address of a device, seen from a public range", inside, request(withID(held.IDIP, "127.0.2.20")), "210", ""},
		{"a tunnel yields no address (F-06)", inside, request(withID(held.IDIP, "127.0.2.20"), withExtra("vpn", "true")), "locationUnknown", ""},
		{"a measurement that is over", inside, request(withPort("Gi1/0/7"), withTime(now.Add(-2*time.Hour)), func(r *held.Request) { r.Measurements[0].Expires = now.Add(-time.Hour) }), "locationUnknown", ""},
		{"a clock that was never set", inside, request(withAP(apFloor1, true), withTime(time.Unix(0, 0))), "101", "802.11"},
		{"a clock that is ahead", inside, request(withAP(apFloor1, true), withTime(now.Add(time.Hour))), "101", "802.11"},
		{"an access point heard an hour ago is its building (F-18)", inside, request(withAP(apFloor1, true), withTime(now.Add(-time.Hour))), "floor ", "802.11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := b.ask(ask{from: c.from, req: c.req})
			if got := roomOf(t, resp, err); got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			if c.method != "" {
				if got := resp.Presence.Locations()[0].Geopriv.Method; got != c.method {
					t.Errorf("method: got %s, want %s", got, c.method)
				}
			}
		})
	}
}

// RFC 5985, section 5.2 and 6.5; F-26.
//
// Proves: W-31, F-26
func TestTheAnswerHoldsWhatWasAskedFor(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		name              string
		types             func(*held.Request)
		civic, point, uri bool
		code              held.Code
	}{
		{"anything", withTypes(false), true, true, true, ""},
		{"an address, and more is allowed", withTypes(false, held.Civic), true, true, false, ""},
		{"a point, and a room is worth more", withTypes(false, held.Geodetic), true, true, false, ""},
		{"a URI alone", withTypes(false, held.LocationURI), false, false, true, ""},
		{"exactly a URI", withTypes(true, held.LocationURI), false, false, true, ""},
		{"exactly an address", withTypes(true, held.Civic), true, false, false, ""},
		{"exactly a point", withTypes(true, held.Geodetic), false, true, false, ""},
		{"exactly all of them", withTypes(true, held.LocationURI, held.Civic, held.Geodetic), true, true, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := b.ask(ask{from: inside, req: request(withPort("Gi1/0/7"), c.types)})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(resp.URIs) == 1; got != c.uri {
				t.Errorf("URIs: %v", resp.URIs)
			}
			var g pidflo.Geopriv
			if resp.Presence != nil {
				g = *resp.Presence.Locations()[0].Geopriv
			}
			if (g.Civic() != nil) != c.civic || (g.Shape() != nil) != c.point {
				t.Errorf("civic %v, shape %v", g.Civic(), g.Shape())
			}
			if c.uri {
				if ttl := resp.Expires.Sub(b.clock()); ttl < 30*time.Minute-time.Second || ttl > 24*time.Hour {
					t.Errorf("the URI lives %v", ttl)
				}
			}
		})
	}
	b.publish(change(e911.KindBuilding, harbor, "bld-mill", e911.Building{
		ID: "bld-mill", Org: harbor, Site: "site-hq", Key: "mill-1", Name: "Mill 1",
		Address: e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue"},
	}))
	for _, types := range [][]held.LocationType{{held.Geodetic}, {held.Civic, held.Geodetic}} {
		if got := b.room(ask{from: inside, req: request(withPort("Gi1/0/7"), withTypes(true, types...))}); got != string(held.CannotProvideLIType) {
			t.Errorf("exactly %v of a building without a point: got %s", types, got)
		}
	}
	if got := b.room(ask{from: inside, req: request(withPort("Gi1/0/7"), withTypes(false, held.Geodetic))}); got != "210" {
		t.Errorf("a point, if there is one: got %s", got)
	}
}

// RFC 5985, section 6.6: nothing in the answer tells who asked.
//
// Proves: F-26, E14
func TestTheAnswerNamesNobody(t *testing.T) {
	b := newBench(t)
	a := ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))}
	first, err := b.ask(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.ask(a)
	if err != nil {
		t.Fatal(err)
	}
	if first.Presence.Entity == second.Presence.Entity || first.Presence.Elements[0].DeviceID == second.Presence.Elements[0].DeviceID || first.URIs[0] == second.URIs[0] {
		t.Error("two answers can be linked")
	}
	doc := b.do(a).Body.String()
	for _, name := range []string{"001122", "00:11:22", string(desk), "agent", "6175550111", "Front desk", company} {
		if strings.Contains(strings.ToLower(doc), strings.ToLower(name)) {
			t.Errorf("the answer holds %q:\n%s", name, doc)
		}
	}
	g := first.Presence.Locations()[0]
	if g.Element.Kind != pidflo.Device || !g.Element.Timestamp.Equal(b.clock().Truncate(time.Millisecond)) {
		t.Errorf("element %+v", g.Element)
	}
	if !g.Geopriv.Retransmission || g.Geopriv.Retention.Sub(b.clock()) < 23*time.Hour || len(g.Geopriv.ProvidedBy.Providers) != 1 {
		t.Errorf("geopriv %+v", g.Geopriv)
	}
	if strings.Join(g.Geopriv.Source, " ") != "device" {
		t.Errorf("measured by %v", g.Geopriv.Source)
	}
}

// RFC 5985, section 8.
//
// Proves: W-31
func TestHeadersAreHeldToTheRules(t *testing.T) {
	b := newBench(t)
	ok := encode(request(withPort("Gi1/0/7")))
	for _, c := range []struct {
		name   string
		method string
		path   string
		header map[string]string
		want   int
	}{
		{"as it should be", "POST", "/held", nil, 200},
		{"everything accepted", "POST", "/held", map[string]string{"Accept": "*/*"}, 200},
		{"nothing said of acceptance", "POST", "/held", map[string]string{"Accept": ""}, 200},
		{"a general name of XML", "POST", "/held", map[string]string{"Content-Type": "text/xml"}, 200},
		{"another case and charset", "POST", "/held", map[string]string{"Content-Type": `Application/HELD+XML; charset="UTF-8"`}, 200},
		{"another type", "POST", "/held", map[string]string{"Content-Type": "application/json"}, 200},
		{"no XML", "POST", "/held", map[string]string{"Content-Type": "image/png"}, 406},
		{"packed", "POST", "/held", map[string]string{"Content-Encoding": "gzip"}, 415},
		{"another method", "PUT", "/held", nil, 405},
		{"no type", "POST", "/held", map[string]string{"Content-Type": ""}, 406},
		{"another charset", "POST", "/held", map[string]string{"Content-Type": "application/held+xml;charset=utf-16"}, 406},
		{"another type accepted", "POST", "/held", map[string]string{"Accept": "text/html, application/pidf+xml"}, 406},
		{"our type refused", "POST", "/held", map[string]string{"Accept": "application/held+xml;q=0, */*"}, 406},
		{"a condition", "POST", "/held", map[string]string{"If-None-Match": "*"}, 412},
		{"another condition", "POST", "/held", map[string]string{"If-Modified-Since": "Sun, 22 Nov 2026 09:00:00 GMT"}, 412},
		{"a browser", "GET", "/held", nil, 404},
		{"elsewhere", "POST", "/heldplus", nil, 404},
		{"below a company", "POST", "/held/a/b", nil, 404},
		{"a location by DELETE", "DELETE", "/loc/x", nil, 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := b.do(ask{method: c.method, path: c.path, from: inside, body: ok, header: c.header})
			if w.Code != c.want {
				t.Errorf("got HTTP %d, want %d: %s", w.Code, c.want, w.Body)
			}
			if cc := w.Header().Get("Cache-Control"); !strings.Contains(cc, "no-store") {
				t.Errorf("Cache-Control %q", cc)
			}
			if c.want == 200 && (w.Header().Get("Content-Type") != held.ContentType || w.Header().Get("Content-Length") == "") {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// Proves: W-31, E14
func TestBadBodiesAreToldInHTTP200(t *testing.T) {
	b := newBench(t)
	for body, want := range map[string]held.Code{
		"":   held.XMLError,
		"<a": held.XMLError,
		"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>": held.XMLError,
		"<findService xmlns='urn:ietf:params:xml:ns:lost1'/>":              held.UnsupportedMessage,
		"<a>" + strings.Repeat("x", 1<<17) + "</a>":                        held.RequestError,
		strings.Repeat("<a>", 1000):                                        held.RequestError,
		string(encode(request(withTypes(true, held.Geodetic)))):            held.LocationUnknown,
	} {
		if got := b.room(ask{from: inside, body: []byte(body)}); got != string(want) {
			t.Errorf("%.60q: got %s, want %s", body, got, want)
		}
	}
}

// RFC 7616: a client begins without the secret, and is asked for it.
//
// Proves: W-18
func TestDigestAuthentication(t *testing.T) {
	b := newBench(t)
	req := request(withPort("Gi1/0/7"))
	path := "/held/" + company
	for name, body := range map[string][]byte{"a request": encode(req), "an empty body": {}} {
		w := b.do(ask{path: path, from: stranger, body: body})
		if w.Code != http.StatusUnauthorized || len(w.Header().Values("WWW-Authenticate")) != 3 {
			t.Fatalf("%s: HTTP %d %v", name, w.Code, w.Header())
		}
		if _, err := held.ParseReply(w.Body.Bytes()); err == nil {
			t.Errorf("%s: no HELD error in the challenge", name)
		}
	}
	if got := b.room(ask{path: "/held/" + company, from: mapped, req: request()}); got != "210" {
		t.Errorf("a device in our network was asked to authenticate: %s", got)
	}
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		client := func(password string) map[string]string {
			w := b.do(ask{path: path, from: stranger, req: req})
			return digestAnswer(t, w.Header(), algorithm, company, password, path)
		}
		good := client(secret)
		if got := b.room(ask{path: path, from: stranger, req: req, header: good}); got != "210" {
			t.Errorf("%s: got %s", algorithm, got)
		}
		if got := b.room(ask{path: path, from: stranger, req: req, header: client("guess")}); got != "notLocatable" {
			t.Errorf("%s, a wrong password: got %s", algorithm, got)
		}
		for name, a := range map[string]ask{
			"from another address": {path: path, from: "192.0.2.67:1", req: req, header: good},
			"with a made-up nonce": {path: path, from: stranger, req: req, header: map[string]string{"Authorization": strings.Replace(good["Authorization"], `nonce="`, `nonce="AAAA`, 1)}},
		} {
			if w := b.do(a); w.Code != http.StatusUnauthorized || !strings.Contains(w.Header().Get("WWW-Authenticate"), "stale=true") {
				t.Errorf("%s, %s: HTTP %d %v", algorithm, name, w.Code, w.Header())
			}
		}
		if got := b.room(ask{path: path + "?x=1", from: stranger, req: req, header: good}); got != "notLocatable" {
			t.Errorf("%s, for another URI: got %s", algorithm, got)
		}
		b.pass(10 * time.Minute)
		if w := b.do(ask{path: path, from: stranger, req: req, header: good}); w.Code != http.StatusUnauthorized {
			t.Errorf("%s, an old nonce: HTTP %d", algorithm, w.Code)
		}
	}
}

// Who may ask for whom: an address that the organisation trusts, nobody else.
//
// Proves: W-31, E14
func TestOnlyATrustedAddressMayAskForOthers(t *testing.T) {
	b := newBench(t)
	uri := func(u string) *held.Request { return request(withID(held.IDURI, u)) }
	if got := b.room(ask{from: platform, req: uri("sip:agent4711@pbx.example")}); got != "locationUnknown" {
		t.Errorf("a HELD phone that never asked, with W-51 off, has no address (F-04): got %s", got)
	}
	// The desk phone asks for itself.
	if got := b.room(ask{from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))}); got != "210" {
		t.Fatalf("got %s", got)
	}
	for _, c := range []struct {
		name string
		ask  ask
		want string
	}{
		{"by its user's name", ask{from: platform, req: uri("sip:agent4711@pbx.example")}, "210"},
		{"by number", ask{from: platform, req: uri("tel:+1-617-555-0111")}, "210"},
		{"by a whole name-addr", ask{from: platform, body: []byte(`<locationRequest xmlns="urn:ietf:params:xml:ns:geopriv:held"><device xmlns="urn:ietf:params:xml:ns:geopriv:held:id"><uri>"Desk 5" &lt;sip:+16175550111@pbx.example;user=phone&gt;</uri></device></locationRequest>`)}, "210"},
		{"by hardware address as a URI", ask{from: platform, req: uri("mac:00-11-22-AA-BB-CC")}, "210"},
		{"by device name", ask{from: platform, req: uri("sip:SEP001122AABBCC@cucm")}, "210"},
		{"by hardware address", ask{from: platform, req: request(withMAC(deskMAC))}, "210"},
		{"a phone that cannot ask has its number's address", ask{from: platform, req: uri("tel:+16175550112")}, "101"},
		{"by an address that is mapped", ask{from: platform, req: request(withID(held.IDIP, "127.0.2.77"))}, "210"},
		{"by the path of the company", ask{path: "/held/" + company, from: platform, req: uri("tel:+16175550111")}, "210"},
		{"nobody", ask{from: platform, req: uri("sip:nobody@pbx.example")}, "badIdentifier"},
		{"a kind that is not used here", ask{from: platform, req: request(withID(held.IDIMSI, "123456"))}, "badIdentifier"},

		{"from inside", ask{from: inside, req: uri("tel:+16175550111")}, "badIdentifier"},
		{"with a secret", ask{path: "/held/" + company, from: stranger, req: uri("tel:+16175550111"), header: proof()}, "badIdentifier"},
		{"from inside, with a measurement", ask{from: inside, req: request(withPort("Gi1/0/7"), withID(held.IDURI, "tel:+16175550111"))}, "badIdentifier"},
		{"a NAI alone", ask{from: inside, req: request(withID(held.IDNAI, "agent@harbor.example"))}, "badIdentifier"},
		{"a stranger", ask{from: stranger, req: uri("tel:+16175550111")}, "notLocatable"},
		{"a phone that adds its NAI to its own address", ask{from: inside, req: request(withMAC(deskMAC), withID(held.IDNAI, "a@b.example"), withPort("Gi1/0/1"))}, "101"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.pass(time.Second)
			if got := b.room(c.ask); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Proves: E3, E15
func TestAServerWithoutKeysStillLocates(t *testing.T) {
	b := newBench(t)
	b.publish(snapshot.Change{Kind: e911.KindTokenKey, ID: "k1"})
	resp, err := b.ask(ask{from: inside, req: request(withPort("Gi1/0/7"))})
	if got := roomOf(t, resp, err); got != "210" || len(resp.URIs) != 0 {
		t.Errorf("got %s and %v", got, resp.URIs)
	}
	if got := b.room(ask{from: inside, req: request(withPort("Gi1/0/7"), withTypes(true, held.LocationURI))}); got != string(held.CannotProvideLIType) {
		t.Errorf("exactly a URI: got %s", got)
	}
	if got := b.room(ask{from: inside, req: request(withPort("Gi1/0/7"), withTypes(false, held.LocationURI))}); got != "210" {
		t.Errorf("a URI if possible: got %s", got)
	}
}
