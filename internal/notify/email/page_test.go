package email

import (
	"bytes"
	"html"
	"html/template"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// general is mail.html for the library's engine, which knows the context of each
// place.
func general(t *testing.T) *template.Template {
	t.Helper()
	text := strings.NewReplacer("{{if ", "{{if .", "{{rows}}", "{{range .Rows}}").Replace(page)
	text = regexp.MustCompile(`\{\{([A-Z]\w+)\}\}`).ReplaceAllString(text, "{{.$1}}")
	return template.Must(template.New("mail").Parse(text))
}

// The page says what the library's engine would make of the same text, and nothing
// that comes from outside becomes markup.
//
// Proves: W-34, E14
func TestThePageIsThatOfTheGeneralEngine(t *testing.T) {
	engine := general(t)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z <>&"'é]{0,12}`)
		v := view{
			Tone: "#b3261e", Mark: word.Draw(t, "mark"), What: word.Draw(t, "what"), Where: word.Draw(t, "where"), Reach: word.Draw(t, "reach"),
			Tel: rapid.SampledFrom([]string{"", "+16175550111"}).Draw(t, "tel"), Advice: word.Draw(t, "advice"), Footer: word.Draw(t, "footer"),
			Preview: word.Draw(t, "preview"), Headline: word.Draw(t, "headline"), Link: rapid.SampledFrom([]string{"", "https://callbox.example/calls/0123"}).Draw(t, "link"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			v.Rows = append(v.Rows, field{word.Draw(t, "name"), word.Draw(t, "value")})
		}
		var want bytes.Buffer
		if err := engine.Execute(&want, v); err != nil {
			t.Fatal(err)
		}
		got := string(v.html())
		if diff := cmp.Diff(html.UnescapeString(want.String()), html.UnescapeString(got)); diff != "" {
			t.Fatal(diff)
		}
		if n := strings.Count(want.String(), "<"); strings.Count(got, "<") != n {
			t.Fatalf("%d angle brackets, want %d:\n%s", strings.Count(got, "<"), n, got)
		}
	})
}

// Proves: W-34
func TestALinkThatIsNoPageIsLeftOut(t *testing.T) {
	for _, link := range []string{"javascript:alert(1)", "ftp://x.example/", "://", ""} {
		if got := string((view{Link: link}).html()); strings.Contains(got, "Follow the call") {
			t.Errorf("%q is a link", link)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	c, err := New(Config{Server: "127.0.0.1:25", TLS: TLSNone, From: "callbox@harbor.example"})
	if err != nil {
		b.Fatal(err)
	}
	n := notify.Notice{
		ID: "ffdb0770-a568-853e-900e-307e11191138", To: "security@harbor.example", Call: "01a20373-7b20-7eaa-ad9b-a80b09177558", At: time.Unix(1_770_000_000, 0),
		Link: "https://callbox.example/calls/01a20373", Due: journal.Due{
			Reason: journal.DueLegOut, Class: e911.ClassEmergency, Who: "Front desk", Callback: "+16175550111", Zone: "America/New_York", SiteName: "Headquarters",
			OrgName: "Harbor Foods", Place: e911.Place{Display: "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210", Civic: e911.Civic{FLR: "2", ROOM: "210"}},
			PSAP: journal.Ref{Name: "Middlesex"}, Flags: []string{"unlocated"},
		},
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := c.message(n)
		if err != nil {
			b.Fatal(err)
		}
		var text bytes.Buffer
		if _, err := m.WriteTo(&text); err != nil {
			b.Fatal(err)
		}
	}
}
