package webhook_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/notifytest"
	"github.com/callbox911/callbox/internal/notify/webhook"
	"github.com/callbox911/callbox/internal/sim/hook"
)

const secret = "whsec-test"

type other struct{ *hook.Sink }

func (o other) Arrivals() (out []notifytest.Arrival) {
	for _, r := range o.Received() {
		out = append(out, notifytest.Arrival{ID: r.ID, Text: string(r.Body), Repeats: r.Repeats, Different: r.Different})
	}
	return out
}
func (o other) Accept() { o.Answer(http.StatusNoContent) }
func (o other) Busy()   { o.Answer(http.StatusServiceUnavailable) }
func (o other) Refuse() { o.Answer(http.StatusNotFound) }

func open(t *testing.T) notifytest.Harness {
	t.Helper()
	sink, err := hook.Listen(hook.Config{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sink.Close)
	c := webhook.New(webhook.Config{})
	t.Cleanup(c.Close)
	return notifytest.Harness{Channel: c, To: sink.URL(), Bad: "ftp://127.0.0.1/x", Secrets: []e911.Secret{secret}, Other: other{sink}}
}

// Proves: W-34, N-25, E4
func TestConformance(t *testing.T) { notifytest.Run(t, open) }

// Proves: W-34
func TestAnswersAreJudged(t *testing.T) {
	for status, want := range map[int]error{
		200: nil, 201: nil, 204: nil, 299: nil,
		301: notify.ErrRefused, 302: notify.ErrRefused, 307: notify.ErrRefused,
		400: notify.ErrRefused, 401: notify.ErrRefused, 404: notify.ErrRefused,
		410: notify.ErrGone,
		408: errDown, 425: errDown, 429: errDown, 500: errDown, 503: errDown,
	} {
		h := open(t)
		sink := h.Other.(other).Sink
		sink.Answer(status)
		err := h.Channel.Deliver(t.Context(), h.Notice(1, notifytest.Due()))
		switch {
		case want == nil && err != nil:
			t.Errorf("%d: %v, want delivered", status, err)
		case errors.Is(want, errDown) && (err == nil || errors.Is(err, notify.ErrRefused) || errors.Is(err, notify.ErrGone)):
			t.Errorf("%d: %v, want down", status, err)
		case want != nil && !errors.Is(want, errDown) && !errors.Is(err, want):
			t.Errorf("%d: %v, want %v", status, err, want)
		}
		if hits := sink.Hits(); hits != 1 {
			t.Errorf("%d: %d requests, want 1: a redirect is not followed", status, hits)
		}
	}
}

var errDown = errors.New("down")

// Proves: W-34
func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := w.Write(make([]byte, 8192)); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	defer close(stop)
	h := open(t)
	n := h.Notice(1, notifytest.Due())
	n.To = srv.URL
	began := time.Now()
	if err := h.Channel.Deliver(t.Context(), n); err != nil {
		t.Errorf("Deliver: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("took %v", took)
	}
}

// Proves: W-34
func TestAnAddressThatIsNotAllowedGetsNothing(t *testing.T) {
	h := open(t)
	c := webhook.New(webhook.Config{Allow: func(a netip.Addr) bool { return !a.IsLoopback() }})
	if err := c.Deliver(t.Context(), h.Notice(1, notifytest.Due())); !errors.Is(err, notify.ErrRefused) {
		t.Errorf("err = %v, want ErrRefused", err)
	}
	if hits := h.Other.(other).Hits(); hits != 0 {
		t.Errorf("%d requests", hits)
	}
}

// Proves: W-34
func TestAnErrorDoesNotTellTheURL(t *testing.T) {
	h := open(t)
	h.Other.Down()
	n := h.Notice(1, notifytest.Due())
	n.To += "?token=s3cret"
	if err := h.Channel.Deliver(t.Context(), n); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("err = %v", err)
	}
}

// Proves: W-34
func TestTheSignatureHolds(t *testing.T) {
	now := time.Unix(1_770_000_000, 0)
	body := []byte(`{"version":1}`)
	two := webhook.Sign(now, body, "old", "new")
	// The vector of docs/webhooks.md, made with openssl(1).
	if got, want := webhook.Sign(now, body, "whsec-example"), "t=1770000000,v1=9a72e8cb1c52021e0b8547119850c0edba8cea814e3e0a6bf71997aba8eb4387"; got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
	for _, c := range []struct {
		name   string
		header string
		body   string
		secret e911.Secret
		now    time.Time
		ok     bool
	}{
		{"the first of two secrets", two, string(body), "old", now, true},
		{"the second of two secrets", two, string(body), "new", now, true},
		{"another secret", two, string(body), "x", now, false},
		{"another body", two, `{"version":2}`, "new", now, false},
		{"a little late", two, string(body), "new", now.Add(4 * time.Minute), true},
		{"much too late", two, string(body), "new", now.Add(6 * time.Minute), false},
		{"from the future", two, string(body), "new", now.Add(-6 * time.Minute), false},
		{"another time", strings.Replace(two, "t=1", "t=2", 1), string(body), "new", now, false},
		{"nothing", "", string(body), "new", now, false},
		{"no sum", "t=1770000000", string(body), "new", now, false},
	} {
		if err := webhook.Verify(c.header, []byte(c.body), c.secret, c.now, 5*time.Minute); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTheDocumentedBodyIsTheBody keeps docs/webhooks.md true: its example is
// what is sent, byte for byte but for white space.
//
// Proves: W-34, E10
func TestTheDocumentedBodyIsTheBody(t *testing.T) {
	h := open(t)
	n := h.Notice(1, notifytest.Due())
	n.Due.PSAPLine = "+16175550199"
	n.Due.Demonstration = true
	n.Due.Flags = []string{"disagreement"}
	got, err := webhook.Body(n)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```json\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/webhooks.md has no JSON example")
	}
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(example), &b); err != nil {
		t.Fatalf("docs/webhooks.md: %v", err)
	}
	if d := cmp.Diff(b, a); d != "" {
		t.Errorf("docs/webhooks.md (-) and the body (+) differ:\n%s", d)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("t=1,v1=00", "{}")
	f.Add("t=1770000000,v1=", "")
	f.Fuzz(func(t *testing.T, header, body string) {
		if webhook.Verify(header, []byte(body), secret, time.Unix(1_770_000_000, 0), time.Hour) == nil {
			t.Fatal("somebody without the secret has signed")
		}
	})
}

// Proves: F-36, E10
func TestTheBodySaysWhatThePSAPSeesWhereThatDiffers(t *testing.T) {
	n := notify.Notice{Due: notifytest.Due()}
	body := func() map[string]any {
		b, err := webhook.Body(n)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if _, there := body()["sent_to_911"]; there {
		t.Error("both are one, and two are told")
	}
	n.Due.Sent = &e911.Place{Display: "1 City Hall Square"}
	m := body()
	if sent, _ := m["sent_to_911"].(map[string]any); sent["display"] != "1 City Hall Square" || m["location"].(map[string]any)["display"] != n.Due.Place.Display {
		t.Errorf("sent %v, location %v", m["sent_to_911"], m["location"])
	}
}
