package digest_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
)

var (
	phone = netip.MustParseAddr("192.0.2.7")
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// Proves: RFC 7616 section 3.9.1 (the values are the RFC's own, but for what is random)
func TestAnAnswerIsTheOneOfTheRFC(t *testing.T) {
	c := digest.NewClient("Mufasa", "", "Circle of Life")
	for algorithm, want := range map[string]string{
		"MD5":     "Digest username=\"Mufasa\", realm=\"http-auth@example.org\"",
		"SHA-256": "algorithm=SHA-256",
	} {
		got, err := c.Answer(digest.Question{
			Challenges: []string{`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm + `, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`},
			Method:     "GET", URI: "/dir/index.html",
		})
		if err != nil || !strings.Contains(got, want) || !strings.Contains(got, "qop=auth, nc=0000000") || !strings.Contains(got, "opaque=") {
			t.Errorf("%s: %q, %v", algorithm, got, err)
		}
	}
	// Without qop nothing is random: RFC 2617's worked example.
	old := digest.NewClient("Mufasa", "testrealm@host.com", "Circle Of Life")
	got, err := old.Answer(digest.Question{Challenges: []string{`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`}, Method: "GET", URI: "/dir/index.html"})
	if err != nil || !strings.Contains(got, `response="670fd8c2df070c60b045671b8b24ff02"`) {
		t.Errorf("%q, %v", got, err)
	}
}

// Proves: C-70, C-71, RFC 8760 section 2.4
func TestBothRolesAgree(t *testing.T) {
	v := digest.NewVerifier("callbox")
	c := digest.NewClient("2101", "callbox", "right")
	for _, one := range []struct {
		name        string
		line        int // of the challenges; 2: both
		secrets     []e911.Secret
		method      string
		from        netip.Addr
		after       time.Duration
		good, stale bool
	}{
		{"SHA-256", 0, []e911.Secret{"right"}, "REGISTER", phone, 0, true, false},
		{"MD5", 1, []e911.Secret{"right"}, "REGISTER", phone, 0, true, false},
		{"the better of two", 2, []e911.Secret{"right"}, "REGISTER", phone, 0, true, false},
		{"one of several secrets", 2, []e911.Secret{"old", "right"}, "REGISTER", phone, 0, true, false},
		{"another secret", 2, []e911.Secret{"wrong"}, "REGISTER", phone, 0, false, false},
		{"no secret is set", 2, []e911.Secret{""}, "REGISTER", phone, 0, false, false},
		{"for another method", 2, []e911.Secret{"right"}, "INVITE", phone, 0, false, false},
		{"from another address", 2, []e911.Secret{"right"}, "REGISTER", netip.MustParseAddr("192.0.2.8"), 0, false, true},
		{"too late", 2, []e911.Secret{"right"}, "REGISTER", phone, time.Hour, false, true},
	} {
		t.Run(one.name, func(t *testing.T) {
			lines := v.Challenges(phone, false, noon)
			if one.line < 2 {
				lines = lines[one.line : one.line+1]
			}
			answer, err := c.Answer(digest.Question{Challenges: lines, Method: "REGISTER", URI: "sip:callbox.example"})
			if err != nil {
				t.Fatal(err)
			}
			if one.line == 2 && !strings.Contains(answer, "SHA-256") {
				t.Errorf("took the worse algorithm: %s", answer)
			}
			check := digest.Request{Params: digest.Params(strings.TrimPrefix(answer, "Digest ")), Method: one.method, Target: "sip:callbox.example", From: one.from, Now: noon.Add(one.after), Secrets: one.secrets}
			if good, stale := v.Check(check); good != one.good || stale != one.stale {
				t.Errorf("good %v, stale %v", good, stale)
			}
			if good, stale := v.Check(check); one.good && (good || !stale) {
				t.Errorf("a replay is good %v, stale %v", good, stale)
			}
		})
	}
}

// Proves: C-71 (what a server may not make us say)
func TestChallengesThatAreNotAnswered(t *testing.T) {
	c := digest.NewClient("us", "carrier", "s")
	for name, line := range map[string]string{
		"another realm":     `Digest realm="evil", nonce="n"`,
		"Basic":             `Basic realm="carrier"`,
		"no nonce":          `Digest realm="carrier"`,
		"unknown algorithm": `Digest realm="carrier", nonce="n", algorithm=SHA-512-256`,
		"unknown qop":       `Digest realm="carrier", nonce="n", qop="auth-conf"`,
		"a quote inside":    `Digest realm="carrier", nonce="n\"x"`,
		"nothing":           ``,
	} {
		if got, err := c.Answer(digest.Question{Challenges: []string{line}, Method: "INVITE", URI: "sip:a"}); !errors.Is(err, digest.ErrNoChallenge) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func FuzzParams(f *testing.F) {
	f.Add(`username="a\"b", realm=x, nc=00000001`)
	f.Fuzz(func(t *testing.T, s string) {
		if n := len(digest.Params(s)); n > 16 {
			t.Errorf("%d parameters", n)
		}
	})
}
