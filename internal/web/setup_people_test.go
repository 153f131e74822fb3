package web_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/setup"
)

// A site, a person, a telephone and a number are added by forms; what is wrong stands
// at its field, and who looks after one site adds no other.
//
// Proves: W-15, W-28, N-05, C-58
func TestSitesPeopleAndTelephonesByForms(t *testing.T) {
	b := newSetUpBench(t, "sid@example.com")
	ann, _ := b.signIn("ann@example.com")
	sid, _ := b.signIn("sid@example.com")
	for _, c := range []struct {
		what, page, form string
		send             url.Values
		status           int
		say              string
	}{
		{"a site without a name", "/setup", "/setup/sites", url.Values{"zone": {"America/Chicago"}}, 422, "The site has no name."},
		{"a site of a name that is there", "/setup", "/setup/sites", url.Values{"name": {"annex"}, "zone": {"America/Chicago"}}, 422, "There is a site of that name."},
		{"a site", "/setup", "/setup/sites", url.Values{"name": {"West yard"}, "zone": {"America/Chicago"}, "ecbn": {"+16175550190"}}, 200, "The site is there."},
		{"a person", "/setup/sites/west-yard", "/setup/sites/west-yard/person", url.Values{"name": {"Ada"}, "device_user_id": {"ada@west.example"}}, 200, "The person is saved."},
		{"no MAC address", "/setup/sites/west-yard", "/setup/sites/west-yard/device", url.Values{"value": {"the black one"}}, 422, "That is no MAC address."},
		{"a telephone", "/setup/sites/west-yard", "/setup/sites/west-yard/device", url.Values{"value": {"3c:5a:b4:00:77:01"}}, 200, "The telephone is saved."},
		{"no number", "/setup/sites/west-yard", "/setup/sites/west-yard/number", url.Values{"number": {"the red one"}}, 422, "Write it as +16175550100."},
		{"a number", "/setup/sites/west-yard", "/setup/sites/west-yard/number", url.Values{"number": {"+16175550197"}}, 200, "+16175550197"},
	} {
		if status, _, text := ann.fill(c.page, c.form, c.send); status != c.status || !strings.Contains(text, c.say) {
			t.Errorf("%s: %d, and the page does not say %q: %t", c.what, status, c.say, strings.Contains(text, c.say))
		}
	}
	_, _, html := sid.get("/setup")
	if strings.Contains(html, `action="/setup/sites"`) {
		t.Error("who looks after one site is offered to add another")
	}
	_, _, html = sid.get("/setup/sites/annex")
	v := sid.hidden(html, "/setup/sites/annex/callback", url.Values{"name": {"Sid's own"}, "zone": {"America/Chicago"}})
	if status, _, _ := sid.send("/setup/sites", v); status != 403 {
		t.Errorf("who looks after one site adds another: %d", status)
	}
}

// A test is sent from the page, a wrong code is refused at its field, and the right one
// counts.
//
// Proves: F-36
func TestATestOfWhoAttendsByThePage(t *testing.T) {
	b := newSetUpBench(t)
	var code string
	var err error
	b.svc, err = setup.New(setup.Config{
		Store: b.store, Editor: b.editor, World: b.world, Now: b.now,
		Send: func(_ context.Context, n setup.TestNotice) error { code = n.Code; return nil },
	})
	b.must(err)
	ann, _ := b.signIn("ann@example.com")
	const page = "/setup/sites/annex"
	step := func(form string, v url.Values, want int, say string) {
		t.Helper()
		if status, _, text := ann.fill(page, page+"/"+form, v); status != want || !strings.Contains(text, say) {
			t.Errorf("%s: %d, and the page does not say %q: %t", form, status, say, strings.Contains(text, say))
		}
	}
	step("alert", url.Values{"mail": {"annex@harbor.example"}}, 200, "The addresses are saved.")
	step("destination", url.Values{"name": {"Guard"}, "kind": {"screen"}, "hours": {"always"}, "alert": {"annex-security"}}, 200, "Send a test now")
	_, _, html := ann.get(page)
	_, rest, _ := strings.Cut(html, page+`/test"`)
	_, rest, _ = strings.Cut(rest, `name="key" value="`)
	key, _, _ := strings.Cut(rest, `"`)
	step("test", url.Values{"key": {key}}, 200, "Code of the test")
	step("code", url.Values{"key": {key}, "code": {"AAAAAA"}, "by": {"Bo"}}, 422, "That is not the code of the test.")
	step("code", url.Values{"key": {key}, "code": {code}, "by": {"Bo"}}, 200, "The code is right")
	if _, _, html = ann.get(page); !strings.Contains(html, "Somebody is there at every hour.") {
		t.Error("the test does not count")
	}
}
