package web

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/portal"
)

// Tests are tests of who is told of calls, as *setup.Service has them. Errors keep
// nothing from the page of calls.
type Tests interface {
	Waiting(ctx context.Context, org e911.OrgID) ([]setup.WaitingTest, error)
	SawTest(ctx context.Context, who admin.Actor, org e911.OrgID, key string, seen setup.Seen) error
}

// purposeTest binds the link in a test, purposePress the form of one at the board.
const (
	purposeTest  = "attended_test"
	purposePress = "attended_press"
)

// maxName bounds the name that somebody gives himself, in octets.
const maxName = 128

// testTimeout bounds the look for tests: the page of calls waits for none.
const testTimeout = 500 * time.Millisecond

// testTicket is what the link in a test seals. Expires is milliseconds since 1970.
type testTicket struct {
	Org         e911.OrgID `json:"o"`
	Destination string     `json:"d"`
	Code        string     `json:"c"`
	To          string     `json:"t"` // where the test was sent, for a person
	Expires     int64      `json:"e"`
}

// TestLink returns the address of the page on which one press says that a test was
// seen. To fetch it changes nothing: programs look at links in mails. It works as long
// as the test waits.
func TestLink(ring *seal.Ring, base string, to setup.TestNotice) (string, error) {
	b, err := json.Marshal(testTicket{
		Org: to.Org, Destination: to.Destination, Code: to.Code, To: cmp.Or(to.Mail, "the webhook of "+to.Alert), Expires: to.At.Add(setup.TestLife).UnixMilli(),
	})
	if err != nil {
		return "", fmt.Errorf("write the link of a test: %w", err)
	}
	sealed, err := ring.Seal(purposeTest, b)
	if err != nil {
		return "", fmt.Errorf("seal the link of a test: %w", err)
	}
	return strings.TrimSuffix(base, "/") + "/seen?t=" + url.QueryEscape(sealed), nil
}

func (h *Handler) openTest(token string) (t testTicket, err error) {
	b, err := h.cfg.Ring.Open(purposeTest, token)
	if err != nil {
		return t, fmt.Errorf("open the link of a test: %w", err)
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("read the link of a test: %w", err)
	}
	if h.cfg.Now().UnixMilli() >= t.Expires {
		return t, errExpired
	}
	return t, nil
}

// waiting are the tests that wait; none where the database is away.
func (h *Handler) waiting(ctx context.Context, org e911.OrgID) []setup.WaitingTest {
	if h.cfg.Tests == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	all, err := h.cfg.Tests.Waiting(ctx, org)
	if err != nil {
		return nil // the page says by itself that the database is away
	}
	return all
}

// askSeen shows the one press, to who followed the link of a test.
func (h *Handler) askSeen(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("t")
	t, err := h.openTest(token)
	if err != nil || h.cfg.Tests == nil {
		h.badTest(w, r, err)
		return
	}
	for _, x := range h.waiting(r.Context(), t.Org) {
		if x.Destination == t.Destination {
			h.page(w, r, http.StatusOK, portal.TestSeen(h.frame("TEST, no emergency – Callbox"), portal.Test{Key: x.Destination, Name: x.Name, Site: x.Site}, token))
			return
		}
	}
	h.badTest(w, r, e911.Errorf(e911.Conflict, "no test waits there"))
}

// seen takes the one press.
func (h *Handler) seen(w http.ResponseWriter, r *http.Request) {
	t, err := h.openTest(r.PostFormValue("t"))
	if err == nil && h.cfg.Tests == nil {
		err = e911.Errorf(e911.Unavailable, "tests are not kept here")
	}
	if err == nil {
		by := t.To
		if name := personName(r.PostFormValue("by")); name != "" {
			by = name + ", " + t.To
		}
		err = h.cfg.Tests.SawTest(r.Context(), "link of a test", t.Org, t.Destination, setup.Seen{By: by, How: setup.ByLink, Code: t.Code})
	}
	if err != nil {
		h.badTest(w, r, err)
		return
	}
	h.page(w, r, http.StatusOK, portal.Message(h.frame("Callbox"), "Thank you", []string{"It is kept that you saw the test. There is no emergency, and nothing else to do."}, ""))
}

func (h *Handler) badTest(w http.ResponseWriter, r *http.Request, err error) {
	status, why := http.StatusForbidden, "This link is not one of ours, or was cut short when it was copied."
	switch kind := e911.KindOf(err); {
	case errors.Is(err, errExpired):
		why = "This test is older than half an hour. Whoever sent it may send another."
	case kind == e911.Conflict, kind == e911.NotFound, kind == e911.Invalid && len(e911.FaultsOf(err)) > 0:
		status, why = http.StatusConflict, "Somebody said already that he saw this test, or a newer one was sent. There is nothing to do."
	case kind == e911.Unavailable:
		status, why = http.StatusServiceUnavailable, "This cannot be kept right now. Calls are not affected; try again in a moment."
	}
	h.cfg.Log.Info("the link of a test was not taken", obs.KeySrc, r.RemoteAddr, obs.Err(err))
	h.page(w, r, status, portal.Message(h.frame("TEST, no emergency – Callbox"), "There is no emergency", []string{why}, ""))
}

// personName is a name as one line, cut.
func personName(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.ToValidUTF8(s[:min(len(s), maxName)], "")
}

// boardTests are the tests that the live board shows: those of screens.
func (h *Handler) boardTests(r *http.Request, org e911.OrgID) (out []portal.Test) {
	sites := sitesOf(r.Context())
	for _, x := range h.waiting(r.Context(), org) {
		if x.Screen && (sites == nil || slices.Contains(sites, x.At)) {
			out = append(out, portal.Test{Key: x.Destination, Name: x.Name, Site: x.Site, Form: h.pressToken(r, org, x.Destination)})
		}
	}
	return out
}

// pressToken is what the form of a test carries, and no other site knows: it follows
// from the session and the test alone, so that the band is the same each time it is
// asked for and is not read out again.
func (h *Handler) pressToken(r *http.Request, org e911.OrgID, key string) string {
	secret, err := h.cfg.Ring.Derive(purposePress)
	if err != nil {
		return "" // no form is taken then
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s\x00%s\x00", org, key)
	if c, err := r.Cookie(cookieName); err == nil {
		fmt.Fprintf(mac, "link\x00%s", c.Value)
	} else if h.people != nil {
		if session, _, ok, err := h.people.Who(r); err == nil && ok {
			fmt.Fprintf(mac, "person\x00%s", session.ID)
		}
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// showTests is the part of the board with the tests that wait; the page asks for it
// now and then, beside its events.
func (h *Handler) showTests(w http.ResponseWriter, r *http.Request) {
	h.page(w, r, http.StatusOK, portal.TestBand(h.boardTests(r, orgOf(r))))
}

// pressTest keeps that who is at the board saw a test. Whoever sees the board may: that
// he sees it is what is shown.
func (h *Handler) pressTest(w http.ResponseWriter, r *http.Request) {
	org, sites, in := h.boardOf(r)
	r = r.WithContext(withSites(r.Context(), sites))
	token := h.pressToken(r, org, r.PostFormValue("key"))
	if !in || token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(r.PostFormValue("form"))) != 1 {
		h.page(w, r, http.StatusForbidden, portal.Message(h.frame("Callbox"), "This page is too old", []string{"Go back, load the page again, and press once more."}, ""))
		return
	}
	if sites != nil && !slices.ContainsFunc(h.boardTests(r, org), func(t portal.Test) bool { return t.Key == r.PostFormValue("key") }) {
		http.Redirect(w, r, "/calls", http.StatusSeeOther) // of another site, or over
		return
	}
	if h.cfg.Tests != nil {
		by, who := "who is at the live board, signed in by a link", admin.Actor("live board")
		if h.people != nil {
			if _, person, ok, err := h.people.Who(r); err == nil && ok {
				by, who = person.Email+", at the live board", admin.Actor(person.Email)
			}
		}
		err := h.cfg.Tests.SawTest(r.Context(), who, org, r.PostFormValue("key"), setup.Seen{By: by, How: setup.ByBoard})
		if err != nil && e911.KindOf(err) != e911.Conflict && e911.KindOf(err) != e911.NotFound {
			h.fail(w, r, err)
			return
		}
	}
	http.Redirect(w, r, "/calls", http.StatusSeeOther)
}
