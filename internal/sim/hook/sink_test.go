package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Proves: E12, W-34
func TestSignaturesAreChecked(t *testing.T) {
	s, err := Listen(Config{Secret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const body = `{"version":1}`
	sign := func(secret string, at time.Time) string {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
	}
	now := time.Now()
	for _, c := range []struct {
		name, signature, id, body string
		want                      int
	}{
		{"good", sign("s", now), "1", body, 204},
		{"good, one of two", sign("x", now) + ",v1=" + strings.SplitN(sign("s", now), "v1=", 2)[1], "2", body, 204},
		{"a repetition", sign("s", now), "1", body, 204},
		{"another secret", sign("x", now), "3", body, 401},
		{"old", sign("s", now.Add(-time.Hour)), "4", body, 401},
		{"another body", sign("s", now), "5", `{"version":2}`, 401},
		{"no id", sign("s", now), "", body, 401},
		{"nothing", "", "6", body, 401},
	} {
		req, err := http.NewRequest(http.MethodPost, s.URL(), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Callbox-Signature", c.signature)
		req.Header.Set("Callbox-Notice-Id", c.id)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.name, resp.StatusCode, c.want)
		}
	}
	got := s.Received()
	if len(got) != 2 || got[0].Repeats != 1 || got[0].Different != 0 || len(s.Refused()) != 5 {
		t.Errorf("received %+v, refused %v", got, s.Refused())
	}
}
