package locate_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// contestants are the rows and columns of testdata/precedence.txt, in order.
func contestants() []string {
	return []string{"invite", "doubted", "foreign", "ata", "port", "bssid", "near", "chassis", "mac", "gateway", "dect", "ap", "private", "public", "source", "confirmed", "set", "number", "site"}
}

// contestant makes one of them at a place.
func contestant(name, key string, age time.Duration) locate.Candidate {
	kinds := map[string]e911.LocatedBy{
		"ata": e911.ByATAPort, "port": port, "bssid": bssid, "near": nearby, "chassis": chassis, "mac": mac, "gateway": e911.ByGateway,
		"dect": e911.ByDECTBase, "ap": e911.ByAP, "private": privateIP, "public": publicIP,
	}
	switch name {
	case "invite":
		return invite(place(key), "GPS", age)
	case "doubted":
		return invite(place(key), "Default", age)
	case "foreign":
		return token(e911.ByPIDFLO, key, age)
	case "source":
		c := held(privateIP, key, age)
		c.Rank, c.Via = locate.RankRegistration, "source"
		return c
	case "confirmed":
		return confirmed(key, age)
	case "set":
		return userSet(key, age)
	case "number":
		return number(key)
	case "site":
		return siteDefault(key)
	}
	return held(kinds[name], key, age)
}

// pastAge is an age at which evidence of a kind is no longer fresh, written down
// and not asked of the code.
func pastAge(name string) time.Duration {
	switch name {
	case "ata", "port", "chassis", "mac":
		return 25 * time.Hour
	case "bssid", "dect", "ap":
		return 31 * time.Minute
	case "near":
		return 11 * time.Minute
	case "gateway", "private", "public", "source":
		return 4*time.Hour + time.Minute
	case "confirmed":
		return 30*24*time.Hour + time.Minute
	case "set":
		return 12*time.Hour + time.Minute
	}
	return 16 * time.Minute
}

// matchFor makes the two candidates of a cell.
func matchFor(section, row, column string) (a, b locate.Candidate) {
	const here, there = "mill/2/210", "annex/1/5"
	switch section {
	case "same":
		return contestant(row, here, time.Minute), contestant(column, here, time.Minute)
	case "rowaged":
		return contestant(row, here, pastAge(row)), contestant(column, here, time.Minute)
	case "bothaged":
		return contestant(row, here, pastAge(row)), contestant(column, here, pastAge(column))
	case "moved":
		return contestant(row, there, time.Minute), contestant(column, here, 5*time.Minute)
	}
	return contestant(row, there, pastAge(row)), contestant(column, here, pastAge(row)+pastAge(column))
}

func situationOf(text string) locate.Situation {
	p := strings.Split(text, "/")
	return locate.Situation{
		HELD: p[0] == "held" || p[0] == "handset", Handset: strings.HasSuffix(p[0], "handset"),
		DIDFallback: p[1] == "on", SourceInSite: p[2] == "yes",
	}
}

// Each pair of ranks and of kinds of network evidence, fresh, aged and
// contradicted, by device class, W-51 and source. The outcomes are written by
// the rules at the head of the file.
//
// Proves: F-01, F-04, F-05, F-14, F-18, F-33, F-38, W-39, W-41, W-51, W-57
func TestPrecedenceOfEveryPair(t *testing.T) {
	text, err := os.ReadFile("testdata/precedence.txt")
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string][]string{}
	var section, group string
	cells, sections, situations := 0, 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "#") || line == "" || strings.HasPrefix(line, " "):
		case strings.HasPrefix(line, "situations "):
			name, list, _ := strings.Cut(strings.TrimPrefix(line, "situations "), " = ")
			groups[name] = strings.Fields(list)
		case strings.HasPrefix(line, "== "):
			f := strings.Split(strings.TrimPrefix(line, "== "), " | ")
			section, group = f[0], f[1]
			sections++
		default:
			f := strings.Fields(line)
			if len(f) != 1+len(contestants()) {
				t.Fatalf("a row of %d columns: %q", len(f)-1, line)
			}
			for i, want := range f[1:] {
				for _, s := range groups[group] {
					situations[s] = true
					cells++
					checkCell(t, section, s, f[0], contestants()[i], want)
				}
			}
		}
	}
	if want := 5 * 16 * len(contestants()) * len(contestants()); cells != want || sections != 20 || len(situations) != 16 {
		t.Errorf("%d cells in %d sections and %d situations, want %d in 20 and 16", cells, sections, len(situations), want)
	}
}

func checkCell(t *testing.T, section, situation, row, column, want string) {
	t.Helper()
	a, b := matchFor(section, row, column)
	a.Said, b.Said = "row", "column"
	for _, pair := range [][]locate.Candidate{{a, b}, {b, a}} {
		r := locate.Decide(pair, situationOf(situation), now)
		got := "-"
		if i := slices.IndexFunc(r.Findings, func(f e911.Finding) bool { return f.Chosen }); i >= 0 {
			got = map[string]string{"row": "<", "column": "^"}[r.Findings[i].Said]
			if want == "=" && r.Findings[i].Said == pair[0].Said {
				got = "="
			}
		}
		if got != want {
			t.Errorf("%s, %s: %s against %s, %s given first: %s, want %s", section, situation, row, column, pair[0].Said, got, want)
		}
	}
}
