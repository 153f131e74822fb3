package trial

import (
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// The outcomes of an arranged 911.
const (
	Passed    = "passed"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// maxText bounds what people write about a test.
const maxText = 4000

// Arrange records that a 911 call was agreed with a PSAP, and returns its id.
// Nothing is dialled: a person calls from a telephone of the place.
func (s *Service) Arrange(org e911.OrgID, a journal.Arranged) (string, error) {
	var faults []e911.Fault
	need := func(path, v, fix string) {
		if strings.TrimSpace(v) == "" {
			faults = append(faults, e911.Fault{Path: path, Code: "required", Msg: "is missing", Fix: fix})
		}
	}
	need("psap", a.PSAP, "name the PSAP that agreed")
	need("contact", a.Contact, "name the person there who agreed, and how he is reached")
	if a.For.IsZero() {
		faults = append(faults, e911.Fault{Path: "for", Code: "required", Msg: "is missing", Fix: "say when 911 will be called, 2026-12-01T10:00:00Z"})
	}
	for path, v := range map[string]string{"psap": a.PSAP, "contact": a.Contact, "script": a.Script, "place": a.Place, "trunk": a.Trunk} {
		if len(v) > maxText {
			faults = append(faults, e911.Fault{Path: path, Code: "length", Msg: "is too long", Fix: "write it shorter and keep the rest in a file"})
		}
	}
	if len(faults) > 0 {
		return "", &e911.Error{Kind: e911.Invalid, Msg: "the arranged test is not complete", Faults: faults}
	}
	a.ID = "arranged-" + string(e911.NewID[e911.CallID]())
	s.record(journal.New(journal.TestArranged, s.cfg.Now(), org, "", a))
	return a.ID, nil
}

// Result records what came of an arranged 911.
func (s *Service) Result(r journal.ArrangedResult) error {
	switch {
	case !slices.Contains([]string{Passed, Failed, Cancelled}, r.Outcome):
		return e911.Errorf(e911.Invalid, "the outcome is passed, failed or cancelled")
	case r.Outcome == Passed && strings.TrimSpace(r.ReadBack) == "":
		return e911.Errorf(e911.Invalid, "a test passes by what the call-taker read back: write it with --read-back")
	case len(r.ReadBack) > maxText || len(r.Evidence) > maxText:
		return e911.Errorf(e911.Invalid, "what was read back is too long")
	case (r.Evidence == "") != (r.SHA256 == ""):
		return e911.Errorf(e911.Invalid, "evidence is a file with the digest of its bytes")
	}
	s.book.mu.Lock()
	i := slices.IndexFunc(s.book.arranged, func(a *Arranged) bool { return a.ID == r.ID })
	var org e911.OrgID
	var at time.Time
	if i >= 0 {
		org, at = s.book.arranged[i].Org, s.book.arranged[i].For
	}
	s.book.mu.Unlock()
	now := s.cfg.Now()
	switch {
	case i < 0:
		return e911.Errorf(e911.NotFound, "there is no arranged test %s: callbox tests lists them", r.ID)
	case now.Before(at) && r.Outcome != Cancelled:
		return e911.Errorf(e911.Invalid, "this test is arranged for %s, which is not yet", at.UTC().Format(time.RFC3339))
	}
	s.record(journal.New(journal.TestResult, now, org, "", r))
	return nil
}
