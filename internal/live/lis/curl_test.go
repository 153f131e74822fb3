package lis_test

import (
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/callbox911/callbox/wire/held"
)

// Somebody else's HTTP client proves the company's secret in both ways.
//
// Proves: W-18, F-38
func TestCurlAuthenticates(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed (Debian package curl)")
	}
	b := newBench(t)
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	body := string(encode(request(withPort("Gi1/0/7"))))
	for _, c := range []struct{ scheme, user, want string }{
		{"--digest", company + ":" + secret, "210"},
		{"--basic", company + ":" + secret, "210"},
		{"--anyauth", company + ":" + secret, "210"},
		{"--digest", company + ":guess", "notLocatable"},
		{"--basic", company + ":guess", "notLocatable"},
	} {
		out, err := exec.CommandContext(t.Context(), curl, "--silent", "--noproxy", "*", c.scheme, "--user", c.user,
			"--header", "Content-Type: "+held.ContentType, "--header", "Accept: "+held.MediaType, "--data-binary", body,
			srv.URL+"/held/"+company).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", c.scheme, err, out)
		}
		resp, err := held.ParseReply(out)
		if err != nil && !strings.HasPrefix(err.Error(), "HELD ") {
			t.Fatalf("%s: %v in %q", c.scheme, err, out)
		}
		if got := roomOf(t, resp, err); got != c.want {
			t.Errorf("%s as %s: got %s, want %s", c.scheme, strings.SplitN(c.user, ":", 2)[1], got, c.want)
		}
	}
}
