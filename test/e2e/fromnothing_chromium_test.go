package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/callbox911/callbox/internal/sim/phone"
)

// screen is Ann's browser: what she does goes through the mouse and the keys, and
// what the pages say after it into the transcript.
type screen struct {
	f     *fromNothing
	ctx   context.Context
	shots int
}

// newScreen starts Debian's Chromium, or skips the test. It reaches nothing but this
// machine.
func newScreen(f *fromNothing) *screen {
	f.t.Helper()
	bin, err := exec.LookPath("chromium")
	if err != nil {
		f.t.Skip("chromium is not installed: apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.NoSandbox, chromedp.NoFirstRun,
		chromedp.Headless, chromedp.DisableGPU, chromedp.WindowSize(1280, 900), chromedp.UserDataDir(f.t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE "+f.ip(10)))
	ctx, cancel := chromedp.NewExecAllocator(f.ctx, opts...)
	f.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	f.t.Cleanup(cancel)
	return &screen{f: f, ctx: ctx}
}

func (s *screen) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	s.f.t.Helper()
	if err := chromedp.Do(s.ctx, actions...); err != nil {
		s.f.t.Fatalf("%s: %v\n%s\n%s", what, err, s.f.script.String(), s.text(`document.body.innerText`))
	}
}

func (s *screen) text(expression string) string {
	s.f.t.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		s.f.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (s *screen) until(what, expression string) {
	s.f.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		_, err := chromedp.Run(s.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(5*time.Second)))
		if err == nil {
			return
		}
		if s.ctx.Err() != nil || time.Now().After(end) {
			s.f.t.Fatalf("%s: %v\n%s\n%s", what, err, s.f.script.String(), s.text(`document.body.innerText`))
		}
	}
}

// mark finds what a person would look for, the first that is to be seen in the part
// of the page that was unfolded last, and marks it.
// what is an expression over an element e, of the elements that the selector finds.
func (s *screen) mark(selector, what string) bool {
	s.f.t.Helper()
	script := fmt.Sprintf(`(() => {
		for (const old of document.querySelectorAll('[data-e2e]')) old.removeAttribute('data-e2e');
		const said = (n) => n ? n.innerText.replace(/\s+/g, ' ').trim() : '';
		const within = %[1]q === 'summary' ? document : document.querySelector('[data-e2e-within]') || document;
		for (const e of within.querySelectorAll(%[1]q)) {
			if (!e.checkVisibility() || !(%[2]s)) continue;
			e.setAttribute('data-e2e', ''); e.scrollIntoView({block: 'center'}); return 'yes';
		}
		return ''; })()`, selector, what)
	return s.text(script) == "yes"
}

const marked = "[data-e2e]"

// label is an expression that an element has the label.
func label(text string) string {
	return fmt.Sprintf(`e.closest('label') && said(e.closest('label').querySelector('span') || e.closest('label')) === %q`, text)
}

func (s *screen) found(selector, what, name string) {
	s.f.t.Helper()
	if !s.mark(selector, what) {
		s.f.t.Fatalf("nobody can see %s\n%s\n%s", name, s.f.script.String(), s.text(`document.body.innerText`))
	}
}

// types fills a field that has the label by the keys.
func (s *screen) types(field, text, shown string) {
	s.f.t.Helper()
	s.found("input:not([type=hidden]):not([type=checkbox])", label(field), field)
	s.do("type into "+field, chromedp.Click(marked))
	s.text(`(document.activeElement.select(), '')`)
	s.do("type into "+field, chromedp.SendKeys(marked, text))
	if got := s.text(`document.querySelector('[data-e2e]').value`); got != text {
		s.f.t.Fatalf("typed %q into %s; there is %q", text, field, got)
	}
	s.f.write("  %s: %s", field, shown)
}

// fills fills fields: label, text, label, text. A list is chosen from by its text.
func (s *screen) fills(pairs ...string) {
	s.f.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !s.mark("select", label(pairs[i])) {
			s.types(pairs[i], pairs[i+1], pairs[i+1])
			continue
		}
		got := s.text(fmt.Sprintf(`(() => { const e = document.querySelector('[data-e2e]');
			const o = [...e.options].find((o) => o.text === %q); if (!o) return '';
			e.value = o.value; e.dispatchEvent(new Event('change', {bubbles: true})); return o.text; })()`, pairs[i+1]))
		if got == "" {
			s.f.t.Fatalf("%s has no %q", pairs[i], pairs[i+1])
		}
		s.f.write("  %s: %s", pairs[i], got)
	}
}

// unfolds opens a part of the page, or a step, that is folded.
func (s *screen) unfolds(title string) {
	s.f.t.Helper()
	s.found("summary", fmt.Sprintf(`said(e.querySelector('.su-title') || e).startsWith(%q)`, title), title)
	if s.text(`document.querySelector('[data-e2e]').parentElement.open ? 'open' : ''`) == "" {
		s.do("unfold "+title, chromedp.Click(marked))
	}
	s.until(title+" unfolds", `document.querySelector('[data-e2e]').parentElement.open`)
	s.text(`(() => { for (const old of document.querySelectorAll('[data-e2e-within]')) old.removeAttribute('data-e2e-within');
		document.querySelector('[data-e2e]').parentElement.setAttribute('data-e2e-within', ''); return ''; })()`)
}

// presses presses a button and waits for the page that comes.
func (s *screen) presses(button string) {
	s.f.t.Helper()
	s.found("button", fmt.Sprintf(`said(e) === %q`, button), "the button "+button)
	s.leaves(fmt.Sprintf("Ann presses “%s”", button))
}

// follows follows a link of the page.
func (s *screen) follows(link string) {
	s.f.t.Helper()
	s.found("a", fmt.Sprintf(`said(e) === %q`, link), "the link "+link)
	s.leaves(fmt.Sprintf("Ann follows “%s”", link))
}

func (s *screen) leaves(what string) {
	s.f.t.Helper()
	s.text(`(window.__old = true, '')`)
	s.do(what, chromedp.Click(marked))
	s.until(what, `!window.__old && document.readyState === 'complete' && document.querySelector('h1') !== null`)
	s.f.write("%s", what)
	s.says()
}

// says writes down where she is and what the page tells her.
func (s *screen) says() {
	s.f.t.Helper()
	s.f.write("    %s", s.text(`(() => { const said = (n) => n.innerText.replace(/\s+/g, ' ').trim();
		return [said(document.querySelector('h1')), ...[...document.querySelectorAll('.su-said, .su-fault')].map(said)].join(' · '); })()`))
}

// looks writes down what the page says of states and steps, and keeps a picture of it.
func (s *screen) looks(what string) {
	s.f.t.Helper()
	s.f.write("Ann looks: %s", what)
	s.f.write("%s", s.text(`(() => { const said = (n) => n ? n.innerText.replace(/\s+/g, ' ').trim() : '';
		const out = [];
		for (const x of document.querySelectorAll('.su-banner')) out.push('    ! ' + said(x));
		for (const d of document.querySelectorAll('.su-facts > div')) if (said(d.querySelector('dt')) !== 'Company id') out.push('    ' + said(d.querySelector('dt')) + ': ' + said(d.querySelector('dd')));
		for (const l of document.querySelectorAll('.su-sites > li')) out.push('    ' + [...l.querySelectorAll('.su-site, p')].map(said).join(' · '));
		for (const d of document.querySelectorAll('.su-steps > details')) {
			const title = said(d.querySelector('.su-title')).replace(/,? (done|open)\b.*/, '');
			const why = d.querySelector('.su-body > .su-why');
			out.push('    ' + (d.dataset.done === 'true' ? '✓ ' : '○ ') + title + (d.dataset.done === 'true' ? '' : ': ' + why.textContent.replace(/\s+/g, ' ').trim()));
		}
		for (const l of document.querySelectorAll('#people .su-rows > li')) out.push('    - ' + l.textContent.replace(/\s+/g, ' ').trim());
		return out.join('\n'); })()`))
	s.picture(what)
}

// picture keeps the page as it looks on a desk and on a telephone, in $CALLBOX_SHOTS
// or the test's own directory.
func (s *screen) picture(what string) {
	s.f.t.Helper()
	dir := os.Getenv("CALLBOX_SHOTS")
	if dir == "" {
		dir = s.f.t.TempDir()
	}
	s.shots++
	for _, width := range []int64{390, 1280} {
		s.do("picture", chromedp.EmulateViewport(width, 900))
		if s.text(`document.documentElement.scrollWidth > innerWidth ? 'wide' : ''`) != "" {
			s.f.t.Errorf("%s is wider than a window of %d", what, width)
		}
		png, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d-%d.png", s.shots, width)), png, 0o600)
		}
		if err != nil {
			s.f.t.Error(err)
		}
	}
}

// opens goes to the page of a site from the overview.
func (s *screen) opens(site string) {
	s.f.t.Helper()
	s.do("open the set-up", chromedp.Navigate("http://"+s.f.web+"/setup"))
	s.until("the set-up", `document.querySelector('h1')?.innerText === 'Set-up'`)
	s.follows(site)
}

// mailTo is the text of the newest mail to somebody that fits.
func (f *fromNothing) mailTo(who string, fits *regexp.Regexp) (found string) {
	f.t.Helper()
	f.await("a mail to "+who, func() bool {
		for _, m := range f.mail.Received() {
			if hit := fits.FindStringSubmatch(m.Text); hit != nil && len(m.To) == 1 && m.To[0] == who {
				found = hit[len(hit)-1]
			}
		}
		return found != ""
	})
	return found
}

var (
	linkOfMail = regexp.MustCompile(`(http\S+)`)
	codeOfMail = regexp.MustCompile(`Code:? ([A-Z0-9]{6})\b`)
)

// arrives is Ann, who got a mail and follows it in the browser.
func (s *screen) arrives(root *visitor) {
	s.f.t.Helper()
	root.does(http.MethodPost, "/organisations/key:quay/members", `{"email": "ann@example.com", "name": "Ann Mill", "role": "organisation"}`, nil)
	s.do("the invitation", chromedp.Navigate(s.f.mailTo("ann@example.com", linkOfMail)))
	s.until("the invitation", `document.querySelector('h1') !== null`)
	s.f.write("Ann opens the link of her mail")
	s.says()
	s.found("input[type=password]", "true", "the field of the password")
	s.do("password", chromedp.SendKeys(marked, "ferry lamp under nine"))
	s.found("button", `e.form && e.form.method === 'post'`, "the button of the password")
	s.leaves("Ann chooses a password")
	if at := s.text(`location.pathname`); at != "/setup" {
		s.f.t.Fatalf("the invitation leads to %s", at)
	}
	s.looks("nothing is there")
}

// describes puts in the two sites with all that is in them.
func (s *screen) describes() {
	s.f.t.Helper()
	for _, x := range []struct {
		name, line, house, street, kind, zip, point, floor, room string
	}{
		{"Head office", "pstn", "795", "Massachusetts", "Avenue", "02139", "42.36684, -71.10565", "2", "210"},
		{"Mill", "none", "449", "Broadway", "Street", "02138", "42.37305, -71.11146", "1", "front desk"},
	} {
		s.do("open the set-up", chromedp.Navigate("http://"+s.f.web+"/setup"))
		s.until("the set-up", `document.querySelector('h1')?.innerText === 'Set-up'`)
		s.unfolds("Add a site")
		s.fills("Name of the site", x.name, "Time zone", "Eastern (New York)", "Callback number", "+16175550100", "Its own telephone line", x.line)
		s.presses("Add the site")
		s.looks("the new site")
		s.unfolds("Buildings and addresses")
		s.fills("Name of the building", x.name+" 1", "House number", x.house, "Street name", x.street, "Street type (Avenue)", x.kind, "City", "Cambridge",
			"County", "Middlesex County", "State or province (MA)", "MA", "ZIP or postal code", x.zip, "Place on the map", x.point)
		s.presses("Save the building")
		s.unfolds("Places inside buildings")
		s.fills("Floor", x.floor, "Room", x.room)
		s.presses("Add the place")
		s.unfolds("Who is told of a call")
		s.fills("Mail addresses that are told of each call", "guard@example.com")
		s.presses("Add the addresses")
	}
}

// equips puts in who works at the sites, and the telephones there.
func (s *screen) equips() {
	s.f.t.Helper()
	s.opens("Mill")
	s.unfolds("Add a number, and where it rings")
	s.fills("Number", "+16175550122", "Where it rings", "Mill 1: floor 1, room front desk")
	s.presses("Add the number")
	s.looks("the mill is described")
	s.opens("Head office")
	s.unfolds("Network map")
	s.fills("What it is", "Switch port (chassis and port)", "BSSID, chassis or range", "0c:75:bd:00:00:01", "Port, of a switch", "Gi1/0/7")
	s.presses("Add the element")
	s.unfolds("Add a person")
	s.fills("Name", "Ada", "What telephones sign in as", "ada@quay.example", "Number that reaches the person", "+16175550111")
	s.presses("Add the person")
	s.unfolds("Add a telephone that moves")
	s.fills("MAC address", "00:11:22:aa:bb:cc", "Whose it is", "Ada")
	s.presses("Add the telephone")
	s.unfolds("Add a number, and where it rings")
	s.fills("Number", "+16175550111", "Where it rings", "Head office 1: floor 2, room 210", "Whose it is", "Ada")
	s.presses("Add the number")
	s.looks("the head office is described")
}

// attends adds who is there, has a test sent, and gives back the code of its mail.
func (s *screen) attends(site string) {
	s.f.t.Helper()
	s.opens(site)
	s.unfolds("Somebody there at every hour")
	s.fills("Who or where", site+" guard", "How", "Screen with sound", "A test is sent to", "guard@example.com")
	s.presses("Add")
	s.unfolds("Somebody there at every hour")
	s.presses("Send a test now")
	s.unfolds("Somebody there at every hour")
	code := s.f.mailTo("guard@example.com", regexp.MustCompile(`attends `+site+` guard[\s\S]*?`+codeOfMail.String()))
	s.f.write("The guard reads a code out of the mail that came")
	field := s.text(`[...document.querySelectorAll('label.field > span')].map((e) => e.innerText.trim()).find((t) => t.startsWith('Code of the test')) || ''`)
	s.found("input[name=code]", "true", field)
	wrong := "AAAAAA"
	s.do("code", chromedp.SendKeys(marked, wrong))
	s.types("Who saw it", "Bo Guard", "Bo Guard")
	s.picture("a test is on its way")
	s.f.write("  Code of the test: a wrong one")
	s.presses("Keep")
	s.found("input[name=code]", "true", field)
	s.text(`(document.querySelector('[data-e2e]').select(), '')`)
	s.do("code", chromedp.SendKeys(marked, code))
	s.f.write("  Code of the test: as it stands in the mail")
	s.presses("Keep")
}

// accepts reads and accepts each text, for all sites.
func (s *screen) accepts() {
	s.f.t.Helper()
	s.do("open the set-up", chromedp.Navigate("http://"+s.f.web+"/setup"))
	s.until("the set-up", `document.querySelector('h1')?.innerText === 'Set-up'`)
	for s.mark("input[type=checkbox]", label("I have read this and accept it")) {
		s.f.write("Ann reads “%s” and ticks that she accepts it", s.text(`document.querySelector('[data-e2e]').closest('details').querySelector('.su-title').firstChild.textContent.trim()`))
		s.do("tick", chromedp.Click(marked))
		s.presses("Accept")
	}
}

// makesSecret makes the secret that telephones ask for their location with.
func (s *screen) makesSecret() (secret, company string) {
	s.f.t.Helper()
	s.follows("Secrets")
	s.fills("What it is for", "telephones")
	s.presses("Make a secret")
	s.picture("a secret, shown once")
	secret = s.text(`document.getElementById('made').innerText.trim()`)
	company = s.text(`document.querySelector('.su-made code').innerText.trim()`)
	if secret == "" || company == "" {
		s.f.t.Fatal("the page shows no secret")
	}
	return secret, company
}

// takes moves a site to a stage.
func (s *screen) takes(site, stage string) {
	s.f.t.Helper()
	s.opens(site)
	s.unfolds(map[string]string{"933": "Stage 933", "911": "Stage 911"}[stage])
	s.presses("Take stage " + stage)
}

// From nothing to "911 works here" in Chromium: Ann has a mail and a browser, and does
// all of it by the mouse and the keys. The operator connects what is the platform's; the
// telephones are simulated. 911 is dialled before, between and after.
//
// Proves: W-13, W-15, W-17, W-25, W-28, W-29, W-30, C-54, C-56, C-57, N-05, N-13, N-44, F-24, F-36, F-38, E14
func TestFromNothingTo911WorksHereInChromium(t *testing.T) {
	t.Parallel()
	f := &fromNothing{site: newSiteFor(t, 8*time.Minute)}
	ann := newScreen(f)
	f.launch()
	ann.arrives(f.operator())
	ann.describes()
	ann.connects()
	bo := f.behind(func(c *phone.Config) { c.Number, c.UserID = "+16175550122", "" })
	ann.equips()
	f.dials911("Bo at the mill", f.dial(bo, phone.Dialling{}), f.a, "the PSAP")
	for _, site := range []string{"Head office", "Mill"} {
		ann.attends(site)
	}
	ann.accepts()
	ann.looks("two sites before a stage")
	secret, company := ann.makesSecret()
	for _, site := range []string{"Head office", "Mill"} {
		ann.takes(site, "933")
	}
	ada := f.behind(func(c *phone.Config) { c.UserID, c.Secret, c.CompanyID = "ada@quay.example", secret, company })
	f.dials911("Ada at the head office", f.dial(ada, phone.Dialling{Location: f.located(ada)}), f.b, "the site's own telephone line")
	ann.takes("Mill", "911")
	ann.looks("refused: nobody listened to a 933 yet")
	f.walk(map[string]func() *phone.Call{
		"Head office": func() *phone.Call { return f.dial(ada, phone.Dialling{Number: "933", Location: f.located(ada)}) },
		"Mill":        func() *phone.Call { return f.dial(bo, phone.Dialling{Number: "933"}) },
	}, ann.proved)
	for _, site := range []string{"Head office", "Mill"} {
		ann.proved(site)
		ann.looks(site + ", after its 933")
		ann.takes(site, "911")
	}
	ann.looks("the mill")
	ann.do("the overview", chromedp.Navigate("http://"+f.web+"/setup"))
	ann.until("the overview", `document.querySelector('h1')?.innerText === 'Set-up'`)
	ann.looks("911 works here")
	f.dials911("Ada at the head office", f.dial(ada, phone.Dialling{Location: f.located(ada)}), f.a, "the PSAP")
	f.dials911("Bo at the mill", f.dial(bo, phone.Dialling{}), f.a, "the PSAP")
	f.golden("from_nothing_chromium.txt")
}

// connects connects the PBX, and copies what is shown once.
func (s *screen) connects() {
	s.f.t.Helper()
	s.do("load the page of PBXs", chromedp.Navigate("http://"+s.f.web+"/setup/pbx"))
	s.fills("Name", "pbx", "What it is", "Asterisk")
	s.presses("Connect")
	s.until("what the PBX needs", `document.querySelector('#made')?.innerText`)
	s.f.pbx.User, s.f.pbx.Secret = s.text(`document.querySelector('#user').innerText`), s.text(`document.querySelector('#made').innerText`)
	s.f.write("Ann types user and secret into the PBX")
	s.picture("what the PBX needs")
}

// proved loads the page of a site and reports whether it knows of a good 933.
func (s *screen) proved(site string) bool {
	s.f.t.Helper()
	s.do("load "+site, chromedp.Navigate("http://"+s.f.web+"/setup/sites/"+strings.ReplaceAll(strings.ToLower(site), " ", "-")))
	return s.text(`document.querySelector('#proofs')?.dataset.done || ''`) == "true"
}
