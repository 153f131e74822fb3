package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin/setup"
	rules "github.com/callbox911/callbox/internal/rules/setup"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/internal/sim/ua"
)

var update = flag.Bool("update", false, "write transcripts into testdata; read the difference as a specification")

// fromNothing is an organisation that two people set up: the operator, who runs the
// platform, and Ann, who administers her organisation and nothing else. What they
// do, and what the set-up says after it, is the transcript.
type fromNothing struct {
	*site
	script strings.Builder
	pbx    setup.PBXMade // what Ann was shown when she connected it
}

// behind is a telephone behind the PBX that Ann connected: the PBX answers when it is
// challenged, and does not register.
func (f *fromNothing) behind(change func(*phone.Config)) *phone.Phone {
	f.t.Helper()
	return f.phone(func(c *phone.Config) {
		c.User, c.Password = f.pbx.User, f.pbx.Secret
		change(c)
	})
}

// visitor is a person with a browser.
type visitor struct {
	f    *fromNothing
	name string
	http *http.Client
}

func (f *fromNothing) write(format string, args ...any) { fmt.Fprintf(&f.script, format+"\n", args...) }

// places are the addresses that differ from run to run, and what the transcript
// calls them.
func (f *fromNothing) places() []string {
	return []string{
		f.a.Addr().String(), "CARRIER", f.b.Addr().String(), "GATEWAY", f.relay.Addr().String(), "RELAY",
		f.ip(21), "CARRIER-IP", f.ip(22), "GATEWAY-IP", f.ip(23), "RELAY-IP",
	}
}

// at puts the addresses into a text that names them.
func (f *fromNothing) at(text string) string {
	p := f.places()
	var back []string
	for _, i := range []int{6, 8, 10, 0, 2, 4} { // CARRIER-IP before CARRIER
		back = append(back, p[i+1], p[i])
	}
	return strings.NewReplacer(back...).Replace(text)
}

// visitor opens a browser, follows the link of an invitation, chooses a password and
// signs in.
func (f *fromNothing) visitor(name, email, link string) *visitor {
	f.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	v := &visitor{f: f, name: name, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	const password = "ferry lamp under nine"
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("t") == "" {
		f.t.Fatalf("the link of %s: %q %v", name, link, err)
	}
	v.submit(u.RequestURI(), "/invitation", url.Values{"t": {u.Query().Get("t")}, "password": {password}})
	v.submit("/sign-in", "/sign-in", url.Values{"email": {email}, "password": {password}})
	f.write("%s follows the link, chooses a password and signs in", name)
	return v
}

// submit loads a page and sends a form.
func (v *visitor) submit(page, form string, values url.Values) {
	v.f.t.Helper()
	resp, err := v.http.Get("http://" + v.f.web + page)
	if err != nil {
		v.f.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	token := formToken.FindSubmatch(text)
	if err != nil || token == nil {
		v.f.t.Fatalf("%s: no form on %s: %v\n%s", v.name, page, err, text)
	}
	values.Set("form", string(token[1]))
	if resp, err = v.http.PostForm("http://"+v.f.web+form, values); err != nil {
		v.f.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		v.f.t.Fatalf("%s: POST %s: %d\n%s", v.name, form, resp.StatusCode, text)
	}
}

// ask sends a request of the API as a page would, and reads the answer into out.
func (v *visitor) ask(method, path, body string, out any) (int, []byte) {
	v.f.t.Helper()
	req, err := http.NewRequestWithContext(v.f.ctx, method, "http://"+v.f.web+"/api/v1"+path, strings.NewReader(v.f.at(body)))
	if err != nil {
		v.f.t.Fatal(err)
	}
	req.Header.Set("X-Callbox-Request", "1")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.f.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && out != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		v.f.t.Fatal(err)
	}
	return resp.StatusCode, text
}

// does sends a request that has to work, and writes it down.
func (v *visitor) does(method, path, body string, out any) {
	v.f.t.Helper()
	if status, text := v.ask(method, path, body, out); status >= 300 {
		v.f.t.Fatalf("%s: %s %s %s: %d %s\n%s", v.name, method, path, body, status, text, v.f.script.String())
	}
	v.f.write("%s: %s %s %s", v.name, method, path, body)
}

// refused sends a request that must not work, and writes down why.
func (v *visitor) refused(method, path, body string) {
	v.f.t.Helper()
	status, text := v.ask(method, path, body, nil)
	var p client.Problem
	if err := json.Unmarshal(text, &p); err != nil || status < 400 {
		v.f.t.Fatalf("%s: %s %s %s was not refused: %d %s", v.name, method, path, body, status, text)
	}
	v.f.write("%s: %s %s %s\n  refused, %d: %s", v.name, method, path, body, status, p.Detail)
	for _, e := range p.Faults {
		v.f.write("    %s: %s; %s", e.Code, e.Detail, e.Fix)
	}
}

// status waits until the set-up says something new that fits, and writes it down.
func (v *visitor) status(what string, fits func(setup.Status) bool) setup.Status {
	v.f.t.Helper()
	var st setup.Status
	v.f.await("the set-up to see "+what, func() bool {
		st = setup.Status{}
		code, _ := v.ask(http.MethodGet, "/organisations/key:quay/setup", "", &st)
		return code == http.StatusOK && fits(st)
	})
	v.f.write("  the set-up says, %s:\n%s", what, said(st))
	return st
}

func said(st setup.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "    organisation %s, %s", st.State, st.Compliance)
	if st.Banner != "" {
		b.WriteString(", banner")
	}
	for _, s := range st.Sites {
		fmt.Fprintf(&b, "\n    %s: %s, stage %s; 911 goes %s", s.Key, s.State, s.Stage, s.Goes)
		for _, i := range s.Checklist {
			if !i.Done {
				fmt.Fprintf(&b, "\n      open: %s: %s", i.Step, i.Why)
			}
		}
	}
	return b.String()
}

// openAt reports a step of a site that is open.
func openAt(st setup.Status, site string, step rules.Step) bool {
	for _, s := range st.Sites {
		for _, i := range s.Checklist {
			if s.Key == site && i.Step == step {
				return !i.Done
			}
		}
	}
	return true
}

// walk dials 933 from each place and listens to its end, as a person does who goes
// through the buildings; again where what was read was not whole, because the
// machine was too busy to speak in time.
func (f *fromNothing) walk(dial map[string]func() *phone.Call, proved func(site string) bool) {
	f.t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for range 3 {
		calls := map[string]*phone.Call{}
		for site, d := range dial {
			if !proved(site) {
				calls[site] = d()
			}
		}
		for _, c := range calls {
			f.listens(c)
		}
		for site := range calls {
			heard := time.Now().Add(10 * time.Second)
			for !proved(site) && time.Now().Before(heard) {
				<-tick.C
			}
		}
	}
	f.write("Ada and Bo dial 933 and listen to the end")
}

// listens hears 933 until Callbox hangs up.
func (f *fromNothing) listens(c *phone.Call) {
	f.t.Helper()
	f.answered(c)
	for {
		select {
		case e := <-c.Events():
			if e.State == ua.Ended {
				return
			}
		case <-f.ctx.Done():
			f.t.Fatal("933 did not end by itself")
		}
	}
}

// addressParts are the parts of an address that the transcript shows.
var addressParts = regexp.MustCompile(`:(HNO|RD|STS|FLR|ROOM|A3)>([^<]+)<`)

// dials911 dials 911 and writes down who answered, and with what.
func (f *fromNothing) dials911(who string, c *phone.Call, to *psap.PSAP, name string) {
	f.t.Helper()
	f.answered(c)
	in := f.received(to)
	parts := map[string]string{}
	for _, m := range addressParts.FindAllSubmatch(in.PIDFLO, -1) {
		parts[string(m[1])] = string(m[2])
	}
	place := "no place"
	if len(parts) > 0 {
		place = fmt.Sprintf("%s %s %s, %s, floor %s, room %s", parts["HNO"], parts["RD"], parts["STS"], parts["A3"], parts["FLR"], parts["ROOM"])
	}
	f.write("%s dials 911: %s answers, reads %s, can call back %s", who, name, place, in.Asserted)
	f.hangup(c)
}

// From nothing to "911 works here": an operator and the administrator of an
// organisation, who has no other login than her own, bring two sites to stage 2 by
// the API. 911 is dialled before the first step, between the stages and at the end.
//
// Proves: W-13, W-15, W-17, W-25, W-28, W-29, W-30, C-54, C-56, N-05, N-13, N-44, F-24, F-36, F-38, E14
func TestFromNothingTo911WorksHere(t *testing.T) {
	t.Parallel()
	f := &fromNothing{site: newSiteFor(t, 8*time.Minute)}
	f.launch()
	root := f.operator()
	ann := f.invited(root)
	const org = "/organisations/key:quay"

	ann.does(http.MethodPost, org+"/sites", `{"key": "hq", "zone": "America/New_York", "stage": "none", "ecbn": "+16175550100", "local": ["key:pstn"]}`, nil)
	ann.does(http.MethodPost, org+"/sites", `{"key": "mill", "zone": "America/New_York", "stage": "none", "ecbn": "+16175550100"}`, nil)
	ann.status("two sites", func(st setup.Status) bool { return len(st.Sites) == 2 })
	ann.refused(http.MethodPost, org+"/setup/stage", `{"site": "hq", "stage": "911"}`)
	ann.does(http.MethodPost, org+"/setup/pbxs", `{"key": "pbx"}`, &f.pbx)
	ann.status("that calls can come in", func(st setup.Status) bool { return !openAt(st, "mill", rules.StepWayIn) })
	bo := f.behind(func(c *phone.Config) { c.Number, c.UserID = "+16175550122", "" })
	f.dials911("Bo at the mill", f.dial(bo, phone.Dialling{}), f.relay, "the relay centre")

	secret, company := f.describes(ann)
	for _, site := range []string{"hq", "mill"} {
		ann.does(http.MethodPut, org+"/setup/destinations/"+site+"-guard", `{"site": "`+site+`", "kind": "screen", "name": "guard's desk", "hours": "always"}`, nil)
		ann.does(http.MethodPost, org+"/setup/destinations/"+site+"-guard/tested", `{"by": "Bo Guard"}`, nil)
		ann.does(http.MethodPost, org+"/setup/stage", `{"site": "`+site+`", "stage": "933"}`, nil)
	}
	ann.status("stage 1", func(st setup.Status) bool { return st.Sites[0].Stage == "933" && st.Sites[1].Stage == "933" })
	ada := f.behind(func(c *phone.Config) { c.UserID, c.Secret, c.CompanyID = "ada@quay.example", secret, company })
	f.dials911("Ada at the head office", f.dial(ada, phone.Dialling{Location: f.located(ada)}), f.b, "the site's own telephone line")
	ann.refused(http.MethodPost, org+"/setup/stage", `{"site": "mill", "stage": "911"}`)

	f.walk(map[string]func() *phone.Call{
		"hq":   func() *phone.Call { return f.dial(ada, phone.Dialling{Number: "933", Location: f.located(ada)}) },
		"mill": func() *phone.Call { return f.dial(bo, phone.Dialling{Number: "933"}) },
	}, func(site string) bool {
		var st setup.Status
		code, _ := ann.ask(http.MethodGet, org+"/setup", "", &st)
		return code == http.StatusOK && !openAt(st, site, rules.StepProofs)
	})
	ann.status("what was read to them", func(st setup.Status) bool {
		return !openAt(st, "hq", rules.StepProofs) && !openAt(st, "mill", rules.StepProofs)
	})
	for _, site := range []string{"hq", "mill"} {
		ann.does(http.MethodPost, org+"/setup/stage", `{"site": "`+site+`", "stage": "911"}`, nil)
	}
	ann.status("that 911 works here", func(st setup.Status) bool { return st.Compliance == rules.Compliant })
	f.dials911("Ada at the head office", f.dial(ada, phone.Dialling{Location: f.located(ada)}), f.a, "the PSAP")
	f.dials911("Bo at the mill", f.dial(bo, phone.Dialling{}), f.a, "the PSAP")
	f.golden("from_nothing.txt")
}

// operator becomes the first person of all, and connects what is the platform's.
func (f *fromNothing) operator() *visitor {
	f.t.Helper()
	var link string
	f.await("the first person", func() bool {
		out, err := f.command("member", "first", "--data", f.data, "root@example.com")
		if err != nil && !strings.Contains(out, "database does not answer") { // it may still be opening
			f.t.Fatalf("member first: %v: %s", err, out)
		}
		i := strings.Index(out, "http")
		if err == nil && i >= 0 {
			link = strings.Fields(out[i:])[0]
		}
		return err == nil
	})
	root := f.visitor("the operator", "root@example.com", link)
	for _, one := range [][2]string{
		{"/trunks", `{"key": "carrier-a", "side": "carrier", "kind": "provider", "profile": "carrier", "to": "sip:psap@CARRIER;transport=tcp", "from": ["CARRIER-IP"], "dr_from": []}`},
		{"/trunks", `{"key": "ecrc-a", "side": "relay", "kind": "provider", "profile": "carrier", "to": "sip:ecrc@RELAY;transport=tcp", "from": ["RELAY-IP"], "dr_from": []}`},
		{"/psaps", `{"key": "ecrc", "name": "Relay centre", "relay": true, "line": "+16175550180", "routes": [{"trunk": "key:ecrc-a"}]}`},
		{"/psaps", `{"key": "psap-middlesex", "name": "Middlesex (demonstration)", "line": "+16175550160", "boundary": {"us_county": "25017"}, "routes": [{"trunk": "key:carrier-a"}]}`},
		{"/organisations", `{"key": "quay", "name": "Quay Instruments", "demonstration": true, "public_ranges": ["203.0.113.0/24"]}`},
		// Where calls go out to, and whose an address is, the operator decides. The PBX is
		// Ann's to connect.
		{"/organisations/key:quay/trunks", `{"key": "pstn", "side": "local", "kind": "local", "profile": "plain", "to": "sip:gw@GATEWAY;transport=tcp", "from": ["GATEWAY-IP"], "dr_from": []}`},
	} {
		root.does(http.MethodPost, one[0], one[1], nil)
	}
	return root
}

// invited is the administrator, who got a mail.
func (f *fromNothing) invited(root *visitor) *visitor {
	f.t.Helper()
	root.does(http.MethodPost, "/organisations/key:quay/members", `{"email": "ann@example.com", "name": "Ann Mill", "role": "organisation"}`, nil)
	var link string
	f.await("the mail to Ann", func() bool {
		for _, m := range f.mail.Received() {
			if i := strings.Index(m.Text, "http"); i >= 0 && len(m.To) == 1 && m.To[0] == "ann@example.com" {
				link = strings.Fields(m.Text[i:])[0]
			}
		}
		return link != ""
	})
	return f.visitor("Ann", "ann@example.com", link)
}

// describes puts in where everything is, who is told, and makes the secret that
// telephones ask for their location with.
func (f *fromNothing) describes(ann *visitor) (secret, company string) {
	f.t.Helper()
	const org = "/organisations/key:quay"
	for _, one := range [][2]string{
		{"/buildings", `{"site": "key:hq", "key": "hq-1", "name": "Head office", "address": {"country": "US", "A1": "MA", "A2": "Middlesex County", "A3": "Cambridge", "HNO": "795", "RD": "Massachusetts", "STS": "Avenue", "PC": "02139", "point": [42.36684, -71.10565]}}`},
		{"/buildings", `{"site": "key:mill", "key": "mill-1", "name": "Mill", "address": {"country": "US", "A1": "MA", "A2": "Middlesex County", "A3": "Cambridge", "HNO": "449", "RD": "Broadway", "STS": "Street", "PC": "02138", "point": [42.37305, -71.11146]}}`},
		{"/locations", `{"building": "key:hq-1", "key": "hq-210", "FLR": "2", "ROOM": "210"}`},
		{"/locations", `{"building": "key:mill-1", "key": "mill-front", "FLR": "1", "ROOM": "front desk"}`},
		{"/elements", `{"location": "key:hq-210", "kind": "lldp_port", "chassis": "0c:75:bd:00:00:01", "port": "Gi1/0/7"}`},
		{"/users", `{"site": "key:hq", "key": "ada", "name": "Ada", "device_user_id": "ada@quay.example", "callback": "+16175550111"}`},
		{"/devices", `{"site": "key:hq", "key": "desk-210", "mac": "00:11:22:aa:bb:cc", "user": "key:ada"}`},
		{"/numbers", `{"site": "key:hq", "number": "+16175550111", "user": "key:ada", "location": "key:hq-210"}`},
		{"/numbers", `{"site": "key:mill", "number": "+16175550122", "location": "key:mill-front"}`},
		{"/alerts", `{"site": "key:hq", "key": "desk", "on": ["emergency"], "mail": ["guard@example.com"]}`},
		{"/alerts", `{"site": "key:mill", "key": "desk-mill", "on": ["emergency"], "mail": ["guard@example.com"]}`},
	} {
		ann.does(http.MethodPost, org+one[0], one[1], nil)
	}
	var made setup.Made
	ann.does(http.MethodPost, org+"/setup/secrets", `{"reason": "telephones"}`, &made)
	st := ann.status("that Ann may stop here and go on tomorrow", func(st setup.Status) bool {
		return st.CompanyID != "" && len(st.Sites) == 2 && !openAt(st, "hq", rules.StepAlerts) && !openAt(st, "mill", rules.StepAlerts) && len(st.Secrets) == 1
	})
	for _, text := range st.Texts {
		if !text.Users {
			ann.does(http.MethodPost, org+"/setup/acknowledgements", fmt.Sprintf(`{"text": %q, "version": %q}`, text.Key, text.Version), nil)
		}
	}
	return made.Secret, made.CompanyID
}

func (f *fromNothing) golden(name string) {
	f.t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(f.script.String()), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(bytes.TrimSpace(want)), strings.TrimSpace(f.script.String())); diff != "" {
		f.t.Errorf("the transcript (-want +got; -update writes it):\n%s", diff)
	}
}
