package locate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

var (
	wiredKinds = []e911.LocatedBy{port, chassis, mac, e911.ByATAPort}
	anyNetwork = []e911.LocatedBy{port, bssid, nearby, chassis, mac, privateIP, publicIP, e911.ByGateway, e911.ByDECTBase, e911.ByAP, e911.ByATAPort}
	keys       = []string{"mill", "mill/1", "mill/2", "mill/2/210", "mill/2/211", "mill/3", "annex/1", "depot/1", "depot/1/5"}
)

// anyCandidate draws any candidate that a call can have.
func anyCandidate(t *rapid.T) locate.Candidate {
	age := time.Duration(rapid.Int64Range(int64(-2*time.Minute), int64(60*24*time.Hour)).Draw(t, "age"))
	if rapid.Bool().Draw(t, "recent") {
		age = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "recent age"))
	}
	key := rapid.SampledFrom(keys).Draw(t, "place")
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return number(key)
	case 1:
		return siteDefault(key)
	case 2:
		return userSet(key, age)
	case 3:
		return confirmed(key, age)
	case 4:
		p := place(key)
		if rapid.Bool().Draw(t, "geodetic") {
			p = point(rapid.Float64Range(30, 45).Draw(t, "lat"), rapid.Float64Range(-100, -70).Draw(t, "lon"), rapid.Float64Range(0, 500).Draw(t, "radius"))
		}
		return invite(p, rapid.SampledFrom([]string{"", "GPS", "Default", "Manual"}).Draw(t, "method"), age)
	}
	c := held(rapid.SampledFrom(anyNetwork).Draw(t, "by"), key, age)
	if rapid.Bool().Draw(t, "by token") {
		c.Rank, c.Via = locate.RankToken, "token"
	}
	if rapid.IntRange(0, 9).Draw(t, "since") == 0 {
		c.Since = c.At.Add(-time.Hour)
	}
	c.Who = rapid.SampledFrom([]locate.Witness{"", locate.ByDevice, locate.ByServer, locate.ByNetwork}).Draw(t, "who")
	switch rapid.IntRange(0, 19).Draw(t, "past") {
	case 0:
		c.Over = "over"
	case 1:
		c.Weak = "weak"
	}
	c.Verdict = rapid.SampledFrom([]locate.Verdict{"", "", "", locate.Invalid, locate.Unverified}).Draw(t, "verdict")
	return c
}

func anySituation(t *rapid.T) locate.Situation {
	b := rapid.Bool()
	return locate.Situation{HELD: b.Draw(t, "HELD"), DIDFallback: b.Draw(t, "W-51"), SourceInSite: b.Draw(t, "in site"), SeenOffSite: b.Draw(t, "off site")}
}

// The promises of design 2.2 for whatever evidence comes together.
//
// Proves: E11, E13, F-01, F-04, F-05, F-18
func TestPromisesForAnyEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.SliceOfN(rapid.Custom(anyCandidate), 0, 8).Draw(t, "candidates")
		s := anySituation(t)
		before := slices.Clone(candidates)
		r := locate.Decide(candidates, s, now)
		explained(t, r, len(candidates))
		if diff := cmp.Diff(before, candidates); diff != "" {
			t.Fatalf("the candidates were changed:\n%s", diff)
		}
		if diff := cmp.Diff(r, locate.Decide(candidates, s, now)); diff != "" {
			t.Fatalf("two answers to one question:\n%s", diff)
		}

		// Evidence past its age is never reported fresh.
		if age := now.Sub(r.At); r.Class == locate.Fresh && age > locate.MaxAge(r.By) {
			t.Fatalf("%s of %s ago is reported fresh", r.By, age)
		}
		// Old radio and address evidence never names a room.
		if r.Class == locate.Aged && !slices.Contains(wiredKinds, r.By) && (r.Place.Location != "" || r.Place.Civic.FLR != "") {
			t.Fatalf("aged %s names %q", r.By, r.Place.Display)
		}
		// Time never lies in the future.
		if r.At.After(now) {
			t.Fatalf("evidence of %s", r.At)
		}
		// A number or a site never stands for a device that locates itself
		// somewhere else.
		if (r.By == e911.ByNumber || r.By == e911.BySiteDefault) && s.HELD && !s.DIDFallback && !s.SourceInSite {
			t.Fatalf("%s stands for a HELD device", r.By)
		}
		if r.By == e911.BySiteDefault && s.SeenOffSite {
			t.Fatal("the site's building for a device seen off site")
		}
		// Nothing is an answer only where nothing is usable.
		if r.By == e911.ByNothing {
			for _, l := range r.Lost {
				if l.Usable && l.Rank != locate.RankInvite && l.Class == locate.Fresh {
					t.Fatalf("unlocated although %s is fresh and usable", l.By)
				}
			}
		}
		if r.By != e911.ByNothing && !locate.Routable(r.Place) {
			t.Fatalf("no PSAP follows from %+v", r.Place)
		}
		for _, l := range r.Lost {
			if l.Verdict == locate.Invalid && l.Usable {
				t.Fatal("an invalid address may travel")
			}
		}
	})
}

// Wired evidence that nothing fresher contradicts never loses to an address of
// a number or a site, whatever else there is.
//
// Proves: F-01, E13
func TestUncontradictedWiredEvidenceNeverLosesToANumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		others := rapid.SliceOfN(rapid.Custom(anyCandidate), 0, 6).Draw(t, "others")
		at := time.Duration(rapid.Int64Range(0, int64(365*24*time.Hour)).Draw(t, "age"))
		w := held(rapid.SampledFrom(wiredKinds).Draw(t, "by"), rapid.SampledFrom(keys).Draw(t, "place"), at)
		// Fresher evidence that is not about a number may contradict it.
		w.Since = time.Time{}
		others = slices.DeleteFunc(others, func(c locate.Candidate) bool {
			return c.Rank <= locate.RankUserSet && c.At.After(w.At)
		})
		all := append(others, w)
		r := locate.Decide(rapid.Permutation(all).Draw(t, "order"), anySituation(t), now)
		if r.Rank >= locate.RankNumber {
			t.Fatalf("%s wins over %s of %s", r.By, w.By, at)
		}
	})
}

// The order in which candidates are collected decides nothing, but between
// equals.
//
// Proves: E11
func TestOrderOfCollectionDecidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.SliceOfN(rapid.Custom(anyCandidate), 0, 6).Draw(t, "candidates")
		s := anySituation(t)
		a := locate.Decide(candidates, s, now)
		b := locate.Decide(rapid.Permutation(candidates).Draw(t, "permutation"), s, now)
		// Two of one kind and time are equal: then the first given counts.
		type kind struct {
			by e911.LocatedBy
			at int64
		}
		seen := map[kind]bool{}
		for _, c := range candidates {
			at := min(c.At.UnixNano(), now.UnixNano())
			if seen[kind{c.By, at}] {
				return
			}
			seen[kind{c.By, at}] = true
		}
		if a.By != b.By || a.Place.Display != b.Place.Display || a.Class != b.Class || !a.At.Equal(b.At) {
			t.Fatalf("%s at %s, but %s at %s in another order", a.By, a.Place.Display, b.By, b.Place.Display)
		}
	})
}

// A device that moves, and evidence of each move: without false evidence the
// answer is never another building than the one where it is.
//
// Proves: F-38, F-18, E13
func TestAWalkNeverEndsInAnotherBuilding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.IntRange(1, 6).Draw(t, "steps")
		at := now.Add(-time.Duration(steps) * 2 * time.Hour)
		var candidates []locate.Candidate
		var here string
		for range steps {
			at = at.Add(time.Duration(rapid.Int64Range(int64(time.Minute), int64(2*time.Hour)).Draw(t, "stay")))
			here = rapid.SampledFrom([]string{"mill/1", "mill/2/210", "annex/1", "depot/1"}).Draw(t, "place")
			by := rapid.SampledFrom(anyNetwork).Draw(t, "by")
			candidates = append(candidates, held(by, here, now.Sub(at)))
		}
		if rapid.Bool().Draw(t, "number elsewhere") {
			candidates = append(candidates, number("depot/1/5"))
		}
		r := locate.Decide(rapid.Permutation(candidates).Draw(t, "order"), locate.Situation{}, now)
		if want := place(here).Building; r.Place.Building != want {
			t.Fatalf("the device is in %s, the answer is %s by %s", want, r.Place.Building, r.By)
		}
	})
}

// Whatever comes together: what is chosen is not contradicted, no worse class
// beats a better one, and what is over is never chosen.
//
// Proves: E13, F-01, F-18
func TestWhatIsChosenStands(t *testing.T) { rapid.Check(t, chosenStands) }

// FuzzDecide lets the fuzzer look for evidence that breaks the promises.
//
// Proves: E13, F-01, F-18
func FuzzDecide(f *testing.F) { f.Fuzz(rapid.MakeFuzz(chosenStands)) }

func chosenStands(t *rapid.T) {
	candidates := rapid.SliceOfN(rapid.Custom(anyCandidate), 0, 10).Draw(t, "candidates")
	s := anySituation(t)
	s.Handset = rapid.Bool().Draw(t, "handset")
	r := locate.Decide(candidates, s, now)
	explained(t, r, len(candidates))
	if len(locate.Explain(r)) < len(candidates)+2 {
		t.Fatal("an explanation leaves something out")
	}
	if (r.Confidence == locate.NoConfidence) != (r.By == e911.ByNothing) || r.Because == "" {
		t.Fatalf("%s confidence in %s", r.Confidence, r.By)
	}
	if r.Confidence == locate.High && r.Class != locate.Fresh {
		t.Fatalf("high confidence in what is %s", r.Class)
	}
	for _, l := range r.Lost {
		class := l.Class == locate.Fresh || l.Class == locate.Aged
		elsewhere := l.Place.Building != "" && r.Place.Building != "" && l.Place.Building != r.Place.Building
		news := l.At
		if !l.Since.IsZero() {
			news = l.Since
		}
		if r.Rank <= locate.RankUserSet && r.Class != locate.FallBack && l.Rank <= locate.RankUserSet && class && elsewhere && news.After(r.At) && l.Over == "" {
			t.Fatalf("%s of %s was chosen although %s of %s puts the device elsewhere", r.By, r.At, l.By, l.At)
		}
		better := l.Class == locate.Fresh && r.Class != locate.Fresh || l.Class == locate.Aged && r.Class != locate.Fresh && r.Class != locate.Aged
		if better && l.Usable && !strings.HasPrefix(l.Why, "contradicted") && !strings.HasPrefix(l.Why, "the user set") {
			t.Fatalf("%s, %s, loses to %s, %s: %s", l.By, l.Class, r.By, r.Class, l.Why)
		}
		if l.Over != "" && (l.Class == locate.Fresh || l.Usable) {
			t.Fatalf("%+v is over", l)
		}
	}
	for _, f := range r.Findings {
		if f.Chosen && f.Why == "over" {
			t.Fatal("what is over was chosen")
		}
	}
	if s.Handset && slices.Contains(r.Flags, locate.FlagFloor) && r.Place.Civic.FLR != "" {
		t.Fatalf("floor unknown, and yet %s", r.Place.Display)
	}
}
