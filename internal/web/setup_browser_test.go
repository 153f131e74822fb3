package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/e911"
)

// press fills the first form of the page with that action whose button has that text,
// presses it, and waits for the page that comes.
func press(b *browser, action, button string, fields ...string) {
	b.t.Helper()
	var set strings.Builder
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&set, "{const e=f.elements[%q]; if(e.type==='checkbox') e.checked=true; else e.value=%q;}", fields[i], fields[i+1])
	}
	script := fmt.Sprintf(`(() => { for (const f of document.querySelectorAll('form')) {
		const press = f.querySelector('button');
		if (!f.getAttribute('action').endsWith(%q) || !press || press.textContent.trim() !== %q) continue;
		for (let d = f.closest('details'); d; d = d.parentElement.closest('details')) d.open = true;
		%s window.__old = true; press.click(); return true; } return false; })()`, action, button, set.String())
	if !eval[bool](b, script) {
		b.t.Fatalf("there is no button %q of a form %s: %s", button, action, eval[string](b, `document.body.innerText`))
	}
	b.until(`!window.__old && document.readyState === 'complete'`)
	if wrong := eval[string](b, `[...document.querySelectorAll('.su-fault')].map((e) => e.innerText).join(' / ')`); wrong != "" {
		b.t.Fatalf("%s is refused: %s", action, wrong)
	}
}

// One site from nothing to stage 911 by pressing buttons; the 933 alone is simulated.
//
// Proves: W-13, W-15, W-17, W-23, W-28, W-29, W-30, N-05, N-08, C-57
func TestASiteFromNothingTo911InABrowser(t *testing.T) {
	s := newSetUpBench(t)
	b := newBrowser(t, 1280, 900, false)
	fits := func(name string) {
		t.Helper()
		for _, width := range []int64{1280, 390} {
			b.do(chromedp.EmulateViewport(width, 900))
			if wide := eval[string](b, `[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3).map((e) => e.className || e.nodeName).join(' ')`); wide != "" && eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s at %d is wider than the window: %s", name, width, wide)
			}
			keepPicture(b, fmt.Sprintf("setup-%s-%d", name, width))
		}
	}
	b.do(chromedp.Navigate(s.base + "/sign-in"))
	b.until(`document.querySelector('form[action="/sign-in"]') !== null`)
	press(b, "/sign-in", "Sign in", "email", "ann@example.com", "password", guardPassword)
	if at := eval[string](b, `location.pathname`); at != "/setup" {
		t.Fatalf("the first sign-in leads to %s", at)
	}
	fits("1-overview")
	b.do(chromedp.Click(`a.su-name[href="/setup/sites/annex"]`))
	b.until(`location.pathname === '/setup/sites/annex' && document.readyState === 'complete'`)
	fits("2-nothing")
	press(b, "/building", "Save the building", "name", "Annex hall", "HNO", "12", "RD", "Main", "STS", "Street", "A3", "Cambridge", "A2", "Middlesex County", "A1", "MA", "PC", "02142", "country", "US", "point", "42.3625, -71.0843")
	press(b, "/location", "Add the place", "FLR", "1", "LOC", "Reception")
	fits("3-located")
	press(b, "/callback", "Save the number", "ecbn", "+16175550190")
	press(b, "/alert", "Add the addresses", "mail", "annex@harbor.example")
	press(b, "/destination", "Add", "name", "Guard's desk", "kind", "screen", "hours", "always")
	fits("4-attended")
	press(b, "/tested", "Keep", "by", "Bo Guard")
	for range 3 {
		press(b, "/accept", "Accept", "agree", "yes")
	}
	press(b, "/stage", "Take stage 933", "stage", "933")
	fits("5-stage-933")
	s.call933("annex-hall")
	b.do(chromedp.Navigate(s.base + "/setup/sites/annex?step=proofs"))
	b.until(`document.querySelector('#proofs[data-done="true"]') !== null`)
	fits("6-proved")
	press(b, "/stage", "Take stage 911", "stage", "911")
	fits("7-done")
	st, err := s.svc.Status(t.Context(), s.org, "annex")
	if err != nil || st.Sites[0].Stage != e911.Stage911 || st.Sites[0].State != "compliant" {
		t.Errorf("in the end: %+v %v", st.Sites, err)
	}
	for name, path := range map[string]string{
		"8-overview": "/setup", "9-settings": "/setup/settings", "a-secrets": "/setup/secrets", "b-charges": "/setup/charges", "c-help": "/help/alerts", "d-helps": "/help",
		"f-all-steps": "/setup/sites/hq",
	} {
		b.do(chromedp.Navigate(s.base + path))
		b.until(`document.querySelector('main h1') !== null`)
		fits(name)
	}
	b.do(chromedp.Navigate(s.base + "/calls"))
	b.until(`document.querySelector('.setup-banner') !== null`)
	fits("e-calls")
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(c, "\n"))
	}
}
