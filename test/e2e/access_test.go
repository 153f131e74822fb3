package e2e

import (
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

	"github.com/callbox911/callbox/internal/sim/phone"
)

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// tryToSignIn tries an address and a password on the page, and returns the status.
func (s *site) tryToSignIn(email, password string) int {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	resp, err := client.Get("http://" + s.web + "/sign-in")
	if err != nil {
		s.t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	token := formToken.FindStringSubmatch(string(page))
	if err != nil || token == nil {
		s.t.Fatalf("the page of sign-in has no form: %v %s", err, page)
	}
	resp, err = client.PostForm("http://"+s.web+"/sign-in", url.Values{"form": {token[1]}, "email": {email}, "password": {password}})
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// Nobody can sign in, for nobody was ever invited, and then because all that
// sign-on knows is gone: 911 is answered all the same (F-24).
//
// Proves: F-24, E1, E3, D-12
func Test911WorksWhileNobodyCanSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	if status := s.tryToSignIn("nobody@example.com", "ferry lamp under nine"); status != http.StatusForbidden {
		t.Errorf("somebody who was never invited: %d", status)
	}
	dial := func() {
		t.Helper()
		p := s.phone()
		c := s.dial(p, phone.Dialling{Location: s.located(p)})
		s.answered(c)
		s.received(s.a)
		s.hangup(c)
	}
	dial()
	s.stop()
	for _, f := range []string{"callbox.db", "callbox.db-wal", "callbox.db-shm"} {
		_ = os.Remove(filepath.Join(s.data, f))
	}
	s.launch("--no-database")
	if status := s.tryToSignIn("nobody@example.com", "ferry lamp under nine"); status != http.StatusServiceUnavailable {
		t.Errorf("sign-in without its database: %d", status)
	}
	if out, err := s.command("member", "first", "--data", s.data, "root@example.com"); err == nil || !strings.Contains(out, "database does not answer") {
		t.Errorf("an administrator without a database: %v %s", err, out)
	}
	s.signIn() // the link of the organisation needs none
	dial()
	s.record("the call on the board", ended)
}
