package web_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/setup"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// A table is chosen, looked at and brought in by a person at a browser; every page of it,
// and those of charges and outages, fit a wide window and a telephone's.
//
// Proves: N-44, C-62
func TestATableComesInInABrowser(t *testing.T) {
	s := newSetUpBench(t)
	s.must(s.svc.SetPrices(t.Context(), "test", s.org, rules.Prices{Currency: "USD", Call: 10_000, Users: []rules.Rate{
		{Place: "US-MA", Kind: rules.FeeState, Name: "Massachusetts 911 surcharge", Cents: 150}, {Place: "US", Kind: rules.FeeTax, Name: "Federal excise", Cents: 12},
	}}))
	s.must(s.svc.SetDestination(t.Context(), "test", s.org, setup.Destination{Key: "guard", Site: s.annex, Kind: rules.Screen, Name: "Guard’s desk", Hours: "always"}))
	var err error
	s.svc, err = setup.New(setup.Config{Store: s.store, Editor: s.editor, World: s.world, Now: s.now, Send: func(context.Context, setup.TestNotice) error { return nil }})
	s.must(err)
	_, err = s.svc.SendTest(t.Context(), "test", s.org, "guard")
	s.must(err)
	b := newBrowser(t, 1280, 900, false)
	fits := func(name string) {
		t.Helper()
		for _, width := range []int64{1280, 390} {
			b.do(chromedp.EmulateViewport(width, 900))
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s at %d is wider than the window", name, width)
			}
			keepPicture(b, fmt.Sprintf("import-%s-%d", name, width))
		}
		b.do(chromedp.EmulateViewport(1280, 900))
	}
	file := filepath.Join(t.TempDir(), "buildings.csv")
	text := twoBuildings + "annex-3,nowhere,Annex three,US,MA,Cambridge,Main,Street,16,02142,42.36,-71.08\nannex-4,annex,Annex four,US,MA,Cambridge,Main,Street,18,02142,200,-71.08\n"
	s.must(os.WriteFile(file, []byte(text), 0o600))
	b.do(chromedp.Navigate(s.base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	press(b, "/sign-in", "Sign in", "email", "ann@example.com", "password", guardPassword)
	b.do(chromedp.Navigate(s.base + "/setup/sites/annex"))
	b.until(`document.querySelector('a[href="/setup/import?kind=buildings"]') !== null`)
	b.do(chromedp.Navigate(s.base + "/setup/import?kind=buildings"))
	b.until(`document.querySelector('input[type=file]') !== null`)
	fits("1-form")
	b.do(chromedp.SetUploadFiles(`input[type=file]`, []string{file}), chromedp.Click(`input[name=partial]`), chromedp.Click(`.su-send`))
	b.until(`document.querySelector('input[name=hash]') !== null`) // it looks again by itself
	fits("2-preview")
	if got := len(s.buildings(s.annex)); got != 0 {
		t.Errorf("before the button there are %d buildings", got)
	}
	b.do(chromedp.Click(`.su-send`))
	b.until(`document.querySelector('.su-said') !== null`)
	fits("3-done")
	if got := strings.Join(s.buildings(s.annex), " "); got != "annex-1 annex-2" {
		t.Errorf("stored is %s", got)
	}
	for name, path := range map[string]string{"4-listed": "/setup/import", "a-code": "/setup/sites/annex?step=attended", "5-charges": "/setup/charges", "6-outages": "/setup/outages", "7-help": "/help/profile", "8-calls": "/calls", "9-profile": "/profile"} {
		b.do(chromedp.Navigate(s.base + path))
		b.until(`document.querySelector('h1, .board') !== null && document.readyState === 'complete'`)
		fits(name)
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
	}
}
