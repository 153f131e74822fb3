package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/internal/web/signin"
)

// newcomer is somebody in front of a browser, and of a telephone on the same desk.
type newcomer struct {
	*asked
	http *http.Client
	udp  net.Conn
	n    int
	user string // that his telephone registers as
	seen map[e911.CallID]bool
}

const newcomersDomain = "phones.harbor.example"

// operator sends a request to the REST interface as who runs the server.
func (a *asked) operator(method, path string, body any, want int) map[string]any {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	q := httptest.NewRequestWithContext(a.ctx, method, "/api/v1"+path, bytes.NewReader(text))
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("If-Match", "*")
	w := httptest.NewRecorder()
	a.s.api.handler.Trusted("test").ServeHTTP(w, q)
	if w.Code != want {
		a.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	out := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return out
}

var (
	formField  = regexp.MustCompile(`name="(form|org|once|id|version)" value="([^"]*)"`)
	shownValue = regexp.MustCompile(`<code>([^<]*)</code>`)
)

// press loads a page, and sends its form that goes to action with more in it.
func (p *newcomer) press(page, action string, more url.Values) string {
	p.t.Helper()
	text := p.read(p.http.Get(p.s.Addresses().BaseURL + page))
	_, form, ok := strings.Cut(text, `action="`+action+`"`)
	if !ok {
		p.t.Fatalf("%s has no form %s: %s", page, action, text)
	}
	form, _, _ = strings.Cut(form, "</form>")
	v := url.Values{}
	for _, m := range formField.FindAllStringSubmatch(form, -1) {
		v.Set(m[1], m[2])
	}
	for k, x := range more {
		v[k] = x
	}
	return p.read(p.http.PostForm(p.s.Addresses().BaseURL+action, v))
}

func (p *newcomer) read(resp *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %v: %s", resp.Request.URL, resp.StatusCode, err, b)
	}
	return string(b)
}

// ask sends a SIP request by UDP and returns the final answer, as its lines.
func (p *newcomer) ask(method, uri, to, callID, body string, more ...string) (code int, lines []string) {
	p.t.Helper()
	if method != "ACK" {
		p.n++
	}
	local := p.udp.LocalAddr().String()
	head := append([]string{
		method + " " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport", local, callID, p.n), "Max-Forwards: 70",
		"From: <sip:" + p.user + "@" + newcomersDomain + ">;tag=" + p.user, "To: " + to, "Call-ID: " + callID, fmt.Sprintf("CSeq: %d %s", p.n, method),
		"Contact: <sip:" + p.user + "@" + local + ">", "User-Agent: Desk phone of a newcomer", "Content-Length: " + strconv.Itoa(len(body)),
	}, more...)
	if body != "" {
		head = append(head, "Content-Type: application/sdp")
	}
	if _, err := p.udp.Write([]byte(strings.Join(head, "\r\n") + "\r\n\r\n" + body)); err != nil {
		p.t.Fatal(err)
	}
	for b := make([]byte, 65536); method != "ACK"; {
		n, err := p.udp.Read(b)
		if err != nil {
			p.t.Fatalf("no answer to %s: %v", method, err)
		}
		lines = strings.Split(string(b[:n]), "\r\n")
		f := strings.Fields(lines[0])
		if code, _ = strconv.Atoi(f[1]); f[0] == "SIP/2.0" && code >= 200 && strings.HasSuffix(field(lines, "CSeq"), method) {
			return code, lines
		}
	}
	return 0, nil
}

func field(lines []string, name string) string {
	for _, l := range lines {
		if k, v, _ := strings.Cut(l, ":"); strings.EqualFold(k, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// register signs the telephone on with a password.
func (p *newcomer) register(password string) int {
	p.t.Helper()
	uri, self, id := "sip:"+newcomersDomain, "<sip:"+p.user+"@"+newcomersDomain+">", "register-"+strconv.Itoa(p.n)
	code, lines := p.ask("REGISTER", uri, self, id, "", "Expires: 600")
	if code != http.StatusUnauthorized {
		return code
	}
	var challenges []string
	for _, l := range lines {
		if v, ok := strings.CutPrefix(l, "WWW-Authenticate: "); ok {
			challenges = append(challenges, v)
		}
	}
	value, err := digest.NewClient(p.user, newcomersDomain, e911.Secret(password)).Answer(digest.Question{Challenges: challenges, Method: "REGISTER", URI: uri})
	if err != nil {
		p.t.Fatal(err)
	}
	code, _ = p.ask("REGISTER", uri, self, id, "", "Expires: 600", "Authorization: "+value)
	return code
}

// dials dials a number, hangs up when somebody answers, and gives the record.
func (p *newcomer) dials(number string) report.CallRecord {
	p.t.Helper()
	uri, id := "sip:"+number+"@"+newcomersDomain, number+"-"+strconv.Itoa(p.n)
	const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
	code, lines := p.ask("INVITE", uri, "<"+uri+">", id, offer)
	if code != http.StatusOK {
		p.t.Fatalf("%s: %d", number, code)
	}
	contact, _, _ := strings.Cut(strings.TrimPrefix(field(lines, "Contact"), "<"), ">")
	p.ask("ACK", contact, field(lines, "To"), id, "")
	p.ask("BYE", contact, field(lines, "To"), id, "")
	var out report.CallRecord
	if err := waitFor(p.ctx, 10*time.Second, "the record", func() bool {
		for _, r := range p.s.board.Calls(onlyOrg(p.s)) {
			if r.State == report.Ended && !p.seen[r.ID] {
				out = r
			}
		}
		return out.ID != ""
	}); err != nil {
		p.t.Fatal(err)
	}
	p.seen[out.ID] = true
	return out
}

// Somebody is entered with a number, and let in. From there on no administrator does
// anything: he follows the link of his invitation, says where he is, sets up his
// telephone, and 933 and 911 from it have his place. A call before he has said it says
// that he was asked.
//
// Proves: C-64, N-07, N-45, W-50, F-10, E1, E10
func TestAUserSetsUpHisTelephoneWithoutAnAdministrator(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	a.importWorld("    name: Harbor", "    sip_domain: "+newcomersDomain+"\n    name: Harbor")
	base := "/organisations/key:" + demoOrg
	a.operator("POST", base+"/users", map[string]any{"site": "key:hq", "key": "nia", "name": "Nia Newcomer", "email": "nia@harbor.example"}, http.StatusCreated)
	a.operator("POST", base+"/numbers", map[string]any{"site": "key:hq", "number": "+16175550177", "user": "key:nia"}, http.StatusCreated)
	members, org := a.s.access.members, access.Node{Org: string(onlyOrg(a.s))}
	first, err := members.Give(ctx, member.Operator, member.Wish{Email: "ada@harbor.example", Name: "Ada", Role: access.Organisation, At: org})
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	invited, err := members.Give(ctx, first.Identity.ID, member.Wish{Email: "nia@harbor.example", Name: "Nia Newcomer", Role: access.User, At: org})
	if err == nil {
		err = a.s.published(ctx, nil)
	}
	if err != nil {
		t.Fatal(err, e911.FaultsOf(err))
	}
	link, err := url.Parse(signin.Link(a.s.Addresses().BaseURL, member.LinkInvitation, invited.Secret))
	if err != nil || link.Query().Get("t") == "" {
		t.Fatalf("there is no link of an invitation: %v", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &newcomer{asked: a, seen: map[e911.CallID]bool{}, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	dialer := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(127, 0, 41, 61)}}
	if p.udp, err = dialer.DialContext(ctx, "udp", a.s.Addresses().SIP[0].Addr.String()); err != nil {
		t.Fatal(err)
	}
	defer p.udp.Close()
	if err := p.udp.SetDeadline(time.Now().Add(50 * time.Second)); err != nil {
		t.Fatal(err)
	}

	const chosen = "ferry lamp under nine"
	p.press(link.RequestURI(), "/invitation", url.Values{"t": {link.Query().Get("t")}, "password": {chosen}})
	if page := p.read(p.http.Get(a.s.Addresses().BaseURL + "/my")); !strings.Contains(page, "Nobody knows yet where you are") {
		t.Fatalf("she is not asked for her place: %s", page)
	}
	made := p.press("/my/telephones", "/my/telephones/new", url.Values{"name": {"my desk"}})
	shown := shownValue.FindAllStringSubmatch(made, -1)
	if len(shown) < 3 || shown[0][1] != newcomersDomain {
		t.Fatalf("the page shows %v: %s", shown, made)
	}
	p.user = shown[1][1]
	password := shown[2][1]
	if code := p.register(password); code != http.StatusOK {
		t.Fatalf("REGISTER: %d", code)
	}
	if text := p.read(p.http.Get(a.s.Addresses().BaseURL + "/my/telephones")); strings.Contains(text, password) || !strings.Contains(text, "Registered now: Desk phone of a newcomer") {
		t.Errorf("afterwards the page says: %s", text)
	}
	r := p.dials("933")
	if r.AskedAt == nil || !slices.Contains(r.Flags, identify.FlagUnanswered) {
		t.Errorf("before she says where she is: asked at %v, flags %v", r.AskedAt, r.Flags)
	}
	if _, text := a.explain("call=" + string(r.ID)); !strings.Contains(text, "was asked for his place on 2026-03-09 and has not answered") {
		t.Errorf("explained: %s", text)
	}

	var room e911.Location
	for l := range a.s.holder.Load().Org(onlyOrg(a.s)).Locations() {
		room = l
	}
	p.press("/my", "/my/place", url.Values{"location": {string(room.ID)}})
	place, _ := a.s.holder.Load().Org(onlyOrg(a.s)).Place(room.ID)
	for _, number := range []string{"933", "911"} {
		r := p.dials(number)
		if r.Place == nil || r.Place.Display != place.Display || r.User == nil || r.User.Key != "nia" || r.Line != "+16175550177" || r.AskedAt != nil {
			t.Errorf("%s: %s calls from %+v by %s, asked at %v, want %s", number, r.Who, r.Place, r.Line, r.AskedAt, place.Display)
		}
	}

	p.press("/my/telephones", "/my/telephones/remove", nil)
	if code := p.register(password); code != http.StatusUnauthorized {
		t.Errorf("a password that was taken away registers: %d", code)
	}
	if r := p.dials("911"); r.User == nil || r.User.Key != "nia" || r.AnsweredAt == nil {
		t.Errorf("911 after that: %+v", r)
	}
}
