package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// An administrator connects a PBX by the page, changes its secret, asks the operator for
// its addresses, and disconnects it.
//
// Proves: N-44, N-05, W-28, E14
func TestAPBXIsConnectedByAPage(t *testing.T) {
	b := newSetUpBench(t, "sid@example.com", "aud@example.com", "gus@example.com")
	ann, _ := b.signIn("ann@example.com")
	status, _, text := ann.fill("/setup/pbx", "/setup/pbx", url.Values{"key": {"pbx-hq"}, "inbound": {"freeswitch"}, "header": {"E911-User-ID"}})
	cut := func(from string) string {
		_, rest, _ := strings.Cut(text, from)
		v, _, _ := strings.Cut(rest, "<")
		return v
	}
	user, secret := cut(`<code id="user">`), cut(`<code id="made">`)
	if status != http.StatusOK || len(secret) < 40 || !strings.HasPrefix(user, "pbx-") || !strings.Contains(text, "username="+user) {
		t.Fatalf("connecting: %d %s", status, text)
	}
	if trunk, ok := b.world().TrunkByUser(user); !ok || trunk.Org != b.org || string(trunk.Admit.Secrets[0]) != secret {
		t.Error("what the page shows is not what the trunk has")
	}
	if _, _, text = ann.get("/setup/pbx"); strings.Contains(text, secret) || !strings.Contains(text, user) {
		t.Error("the secret is shown a second time, or the PBX is not listed")
	}
	if strings.Contains(text, "/decide") {
		t.Error("an administrator decides of addresses himself")
	}
	for _, c := range []struct {
		name, action string
		form         url.Values
		status       int
		says         string
	}{
		{"a name that another trunk has", "/setup/pbx", url.Values{"key": {"pbx"}}, 422, "su-fault"},
		{"addresses that are none", "/setup/pbx/pbx-hq/ranges", url.Values{"from": {"everywhere"}}, 422, "is no address range"},
		{"its addresses", "/setup/pbx/pbx-hq/ranges", url.Values{"from": {"127.0.0.91, 127.0.0.96/28"}, "note": {"the controller"}}, 200, "The operator is asked."},
		{"no certificate", "/setup/pbx/pbx-hq/certificates", url.Values{"certificate": {"x"}, "request": {"y"}}, 422, "no certificate in PEM"},
		{"a second secret", "/setup/pbx/pbx-hq/secrets", url.Values{"note": {"of March"}}, 200, `<code id="made">`},
		{"removal without the box", "/setup/pbx/pbx-hq/remove", nil, 409, "refused"},
		{"removal", "/setup/pbx/pbx-hq/remove", url.Values{"agree": {"yes"}}, 200, "The PBX is disconnected."},
	} {
		if status, _, text := ann.fill("/setup/pbx", c.action, c.form); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: %d, want %d and %q: %s", c.name, status, c.status, c.says, text)
		}
	}
	form := ann.hidden(text, "/setup/pbx", url.Values{"approve": {"yes"}})
	if status, _, _ := ann.send("/setup/pbx/requests/none/decide", form); status != 403 {
		t.Errorf("who is not the operator decides: %d", status)
	}
	for who, want := range map[string]int{"sid@example.com": 403, "aud@example.com": 200, "gus@example.com": 403} {
		p, _ := b.signIn(who)
		status, _, text := p.get("/setup/pbx")
		if status != want || strings.Contains(text, `action="/setup/pbx`) {
			t.Errorf("%s: %d, want %d and no form", who, status, want)
		}
	}
}
