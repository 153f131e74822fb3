package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/admin/report/reporttest"
	"github.com/callbox911/callbox/internal/journal"
)

// Proves: W-50, E11, E12, D-12
func TestADeskSeesACallAppearWithoutReload(t *testing.T) {
	s := newSite(t, time.Time{})
	b := newBrowser(t, 1440, 900, false)
	history(t, s)
	link := s.link(harbor)
	b.open(link)
	if path := eval[string](b, `location.pathname`); path != "/calls" {
		t.Fatalf("signed in to %q", path)
	}
	eval[any](b, `window.__same = true`)

	// A call comes in, step by step, as a journal tells it.
	now := time.Now()
	live := story(harbor, 900, now)
	id := string(live.Call)
	s.tell(t, live.Arrived().Take()...)
	b.until(`document.querySelector('#live-list .row[data-id="` + id + `"]') !== null`)
	b.until(`document.getElementById('strip').dataset.alert === 'true'`)
	b.until(`document.title.startsWith('911 in progress')`)
	// Nobody had a call open: this one opens by itself.
	b.until(`document.querySelector('.call')?.dataset.id === '` + id + `' && location.pathname === '/calls/` + id + `'`)
	s.tell(t, live.Identified().Located().Routed().Attempt(4, 1).Due(5, journal.DueLegOut).Take()...)
	b.until(`document.getElementById('place').textContent.includes('Floor 2, Room 210')`)
	b.until(`document.querySelector('#live-list .row-where').textContent.includes('795 Massachusetts')`)
	b.until(`document.getElementById('announce').textContent.includes('New 911 call')`)
	s.tell(t, live.Told(62, journal.DueLegOut).Progress(130, 1, 180).Take()...)
	b.until(`document.querySelectorAll('.told-item').length === 2`)
	b.until(`document.querySelector('.state').textContent.includes('Ringing at Middlesex')`)
	b.until(`document.querySelector('#map[data-ready="true"] canvas') !== null`)
	s.tell(t, live.Answered(2420, 1).Take()...)
	b.until(`document.querySelector('.state').textContent.includes('Connected to Middlesex')`)

	// The clock runs by itself, and the map stayed the one it was.
	from := eval[string](b, `document.querySelector('.call-clock').textContent.trim()`)
	b.until(`document.querySelector('.call-clock').textContent.trim() !== '` + from + `'`)

	// A second call does not take the page away from the first.
	second := story(harbor, 901, time.Now())
	s.tell(t, second.Test().Identified().Located().Take()...)
	b.until(`document.getElementById('live-count').textContent === '2'`)
	if got := eval[string](b, `document.querySelector('.call').dataset.id`); got != id {
		t.Errorf("the open call was taken away for %s", got)
	}
	if got := eval[string](b, `[...document.querySelectorAll('#live-list .row')].map((r) => r.dataset.id).join()`); got != id+","+string(second.Call) {
		t.Errorf("rows moved: %s", got)
	}

	// It ends: the row keeps its place, the band is calm again.
	s.tell(t, live.Ended(9000, "psap", 6580).Take()...)
	b.until(`document.getElementById('strip').dataset.alert === 'false'`)
	b.until(`document.querySelector('#live-list .row[data-id="` + id + `"]').dataset.live === 'false'`)
	b.until(`document.querySelector('.advice').textContent.includes('The call is over')`)

	// Web Vitals calls a sum below 0.1 good; a fiftieth of it is a digit that
	// gets wider.
	if sum := eval[float64](b, `window.__shifts.reduce((sum, s) => sum + parseFloat(s), 0)`); sum > 0.002 {
		t.Errorf("the page moved under its reader by %.4f:\n%s", sum, strings.Join(eval[[]string](b, `window.__shifts`), "\n"))
	}

	// A past call opens by a press, with its whole story.
	past := string(reporttest.CallID(4))
	b.do(chromedp.Click(chromedp.CSS(`a[data-open="` + past + `"]`)))
	b.until(`document.querySelector('.call')?.dataset.id === '` + past + `'`)
	story := eval[string](b, `document.querySelector('.timeline').textContent`)
	for _, say := range []string{
		"Caller identified", "Identity header of the trunk", "Names the same user’s device; the header comes first",
		"Caller located", "Older than 30 minutes", "PSAP chosen", "SIP 486 Busy Here", "Calling Middlesex (demonstration)",
	} {
		if !strings.Contains(story, say) {
			t.Errorf("the timeline does not say %q", say)
		}
	}
	b.do(chromedp.Click(chromedp.CSS(`#document summary`)))
	b.until(`document.querySelector('#document').open && document.querySelector('#document code').textContent.includes('<ca:ROOM>210')`)
	// Back is back.
	eval[any](b, `history.back()`)
	b.until(`document.querySelector('.call')?.dataset.id === '` + id + `'`)

	if same := eval[bool](b, `window.__same === true`); !same {
		t.Error("the page was loaded anew")
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(c, "\n"))
	}
}

// Proves: D-12
func TestAPageComesBackAfterTheServerWasAway(t *testing.T) {
	s := newSite(t, time.Time{})
	b := newBrowser(t, 1440, 900, false)
	b.open(s.link(harbor))
	s.server.CloseClientConnections()
	s.tell(t, story(harbor, 1, time.Now()).Arrived().Identified().Located().Take()...)
	b.until(`document.querySelector('#live-list .row') !== null`)
	b.until(`document.getElementById('link').dataset.state === 'live'`)
	if n := eval[int](b, `document.querySelectorAll('#live-list .row').length`); n != 1 {
		t.Errorf("the call is there %d times", n)
	}
	s.remove(harbor) // and when its session is over, the page says so
	s.server.CloseClientConnections()
	b.until(`document.getElementById('link-text').textContent === 'Signed out'`)
}

func TestTheSoundOfANewCallStopsWhenSomebodyHasSeenIt(t *testing.T) {
	s := newSite(t, time.Time{})
	b := newBrowser(t, 1440, 900, false)
	b.open(s.link(harbor))
	b.do(chromedp.Click(chromedp.CSS(`#sound`)))
	b.until(`document.getElementById('sound').getAttribute('aria-pressed') === 'true'`)
	b.open(s.server.URL + "/calls") // the choice outlives the page
	b.until(`document.getElementById('sound').getAttribute('aria-pressed') === 'true'`)
	// A browser lets no sound out before a press; the page says that it waits.
	if got := eval[string](b, `document.getElementById('sound-text').textContent`); got != "Press for sound" {
		t.Errorf("before any press the page says %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS(`#sound`)))
	b.until(`document.getElementById('sound-text').textContent === 'Sound on'`)
	s.tell(t, story(harbor, 1, time.Now()).Arrived().Identified().Located().Take()...)
	b.until(`document.querySelector('.call') !== null`) // it opened by itself: seen by nobody
	b.until(`document.getElementById('silence')?.hidden === false`)
	b.do(chromedp.Click(chromedp.CSS(`#silence`)))
	b.until(`document.getElementById('silence').hidden === true`)
	s.tell(t, story(harbor, 2, time.Now()).Arrived().Identified().Located().Take()...)
	b.until(`document.getElementById('silence')?.hidden === false && document.getElementById('strip').dataset.call.endsWith('2')`)
	b.do(chromedp.Click(chromedp.CSS(`#strip a[data-open]`)))
	b.until(`document.getElementById('silence').hidden === true`)
	s.tell(t, story(harbor, 3, time.Now()).Test().Take()...)
	b.until(`document.getElementById('live-count').textContent === '3'`)
	if !eval[bool](b, `document.getElementById('silence').hidden`) {
		t.Error("a test sounds the alarm")
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(c, "\n"))
	}
}

func TestABrowserThatCannotDrawMapsSaysSoAndShowsTheRest(t *testing.T) {
	s := newSite(t, time.Time{})
	b := newBrowser(t, 1440, 900, false, "disable-3d-apis")
	history(t, s)
	b.open(s.link(harbor))
	b.open(s.server.URL + "/calls/" + string(reporttest.CallID(4)))
	b.until(`document.querySelector('.map-message')?.textContent.includes('cannot draw the map')`)
	b.until(`document.getElementById('map-text').textContent === '42.36684, -71.10565'`)
}

func TestThePageFitsSmallScreensAndTheKeyboard(t *testing.T) {
	s := newSite(t, time.Time{})
	b := newBrowser(t, 380, 760, false)
	history(t, s)
	b.open(s.link(harbor))
	fits := `document.documentElement.scrollWidth <= document.documentElement.clientWidth`
	if !eval[bool](b, fits) {
		t.Error("the lists are wider than the screen")
	}
	eval[any](b, `document.querySelector('.row > a').focus()`)
	b.do(chromedp.KeyEvent("\r"))
	b.until(`document.querySelector('.call') !== null && document.body.classList.contains('has-open')`)
	if !eval[bool](b, fits) {
		t.Error("the call is wider than the screen")
	}
	b.do(chromedp.Click(chromedp.CSS(`a[data-back]`)))
	b.until(`!document.body.classList.contains('has-open') && location.pathname === '/calls'`)
}

// contrast lists texts whose contrast with what is behind them is below WCAG
// 2.2 AA (section 1.4.3).
const contrast = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const bad = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode());) {
    const e = n.parentElement;
    if (!n.nodeValue.trim() || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || e.closest('.unseen, #map, .skip')) continue;
    const behind = [];
    for (let p = e; p; p = p.parentElement) { const c = rgba(getComputedStyle(p).backgroundColor); behind.push(c); if (c[3] === 1) break; }
    let back = [255, 255, 255, 1];
    for (const c of behind.reverse()) back = over(c, back);
    const style = getComputedStyle(e);
    const fore = over(rgba(style.color), back);
    const [hi, lo] = [light(fore), light(back)].sort((x, y) => y - x);
    const ratio = (hi + 0.05) / (lo + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.add(e.className + ' "' + n.nodeValue.trim().slice(0, 40) + '" ' + ratio.toFixed(2));
  }
  return [...bad];
})()`

func TestTextIsReadableInLightAndDark(t *testing.T) {
	for _, dark := range []bool{false, true} {
		s := newSite(t, time.Time{})
		b := newBrowser(t, 1440, 900, dark)
		history(t, s)
		s.tell(t, story(harbor, 900, time.Now()).Arrived().Identified().Located().Take()...)
		b.open(s.link(harbor))
		for _, path := range []string{"/calls", "/calls/" + string(reporttest.CallID(3)), "/calls/" + string(reporttest.CallID(5)), "/calls/" + string(reporttest.CallID(900))} {
			b.open(s.server.URL + path)
			if bad := eval[[]string](b, contrast); len(bad) > 0 {
				t.Errorf("dark %v, %s: too little contrast:\n%s", dark, path, strings.Join(bad, "\n"))
			}
		}
		b.do(chromedp.Navigate(s.server.URL + "/nowhere"))
		if bad := eval[[]string](b, contrast); len(bad) > 0 {
			t.Errorf("dark %v, plain page: too little contrast:\n%s", dark, strings.Join(bad, "\n"))
		}
	}
}
