package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/journal"
)

// attempt finds the attempt n, nil when it is not kept.
func (r *CallRecord) attempt(n int) *Attempt {
	for i := len(r.Attempts) - 1; i >= 0; i-- {
		if r.Attempts[i].N == n {
			return &r.Attempts[i]
		}
	}
	return nil
}

func (r *CallRecord) hasAnswer() bool { return r.AnsweredAt != nil }

func (r *CallRecord) has(kind journal.Kind) bool {
	return slices.ContainsFunc(r.Timeline, func(e Entry) bool { return e.Kind == kind })
}

// isRelay reports whether the ladder reaches the PSAP as the relay centre.
func (r *CallRecord) isRelay(psap journal.Ref) bool {
	return slices.ContainsFunc(r.Rungs, func(g journal.Rung) bool { return g.Kind == "relay" && g.PSAP == psap })
}

// document keeps a PIDF-LO once and returns its 1-based place, 0 for none.
func (r *CallRecord) document(text string) int {
	if text == "" {
		return 0
	}
	if i := slices.Index(r.Documents, text); i >= 0 {
		return i + 1
	}
	if len(r.Documents) >= maxDocuments {
		r.flag([]string{"documents_omitted"})
		return 0
	}
	r.Documents = append(r.Documents, text)
	return len(r.Documents)
}

// flag adds the flags that are not there yet.
func (r *CallRecord) flag(flags []string) {
	for _, f := range flags {
		if !slices.Contains(r.Flags, f) {
			r.Flags = append(r.Flags, f)
		}
	}
}

// insert puts the entry where its time belongs.
func (r *CallRecord) insert(e Entry) {
	i := len(r.Timeline)
	for i > 0 && later(r.Timeline[i-1], e) {
		i--
	}
	r.Timeline = slices.Insert(r.Timeline, i, e)
}

func later(a, b Entry) bool {
	if !a.At.Equal(b.At) {
		return a.At.After(b.At)
	}
	if a.Node != b.Node {
		return a.Node > b.Node
	}
	return a.Seq > b.Seq
}

// trim drops the middle of what has no bound of its own.
func (r *CallRecord) trim() {
	for len(r.Attempts) > maxAttempts {
		n := r.Attempts[maxAttempts/2].N
		r.Attempts = slices.Delete(r.Attempts, maxAttempts/2, maxAttempts/2+1)
		r.Timeline = slices.DeleteFunc(r.Timeline, func(e Entry) bool { return e.Attempt == n && repeats(e) })
	}
	for len(r.Timeline) > maxTimeline {
		i := maxTimeline / 2
		for i < len(r.Timeline)-1 && !repeats(r.Timeline[i]) {
			i++
		}
		if !repeats(r.Timeline[i]) {
			return // only facts that happen once are left; they are few by nature
		}
		r.Timeline = slices.Delete(r.Timeline, i, i+1)
	}
}

func repeats(e Entry) bool {
	switch e.Kind {
	case journal.CallAttempt, journal.CallProgress, journal.CallFailed, journal.NotifyFailed, journal.CallChanged, journal.CallRelocated, journal.CallUpdated:
		return true
	}
	return false
}

// clone copies what Apply changes in place, so that readers of the old value
// are not disturbed. Bodies that are only ever replaced are shared.
func (r *CallRecord) clone() *CallRecord {
	c := *r
	c.Attempts = slices.Clone(r.Attempts)
	c.Documents = slices.Clone(r.Documents)
	c.Due = slices.Clone(r.Due)
	c.Notices = slices.Clone(r.Notices)
	c.Flags = slices.Clone(r.Flags)
	c.Timeline = slices.Clone(r.Timeline)
	c.Applied = maps.Clone(r.Applied)
	return &c
}

func set(to *string, s string) {
	if s != "" {
		*to = s
	}
}

// name is what a person calls the object.
func name(r journal.Ref) string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Key != "":
		return r.Key
	}
	return r.ID
}

func upper(s string) string { return strings.ToUpper(s) }

// sentence joins the parts that say something, as one sentence.
func sentence(parts ...string) string {
	var said []string
	for _, p := range parts {
		p = strings.TrimSuffix(strings.TrimSpace(p), ".")
		if p != "" && p != "by" && p != "from" && p != "Trunk" {
			said = append(said, p)
		}
	}
	if len(said) == 0 {
		return ""
	}
	s := strings.Join(said, ", ")
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:] + "."
}

// code tells a SIP status as engineers read it.
func code(n int, reason string) string {
	switch {
	case n == 0:
		return reason
	case reason == "":
		return fmt.Sprintf("SIP %d", n)
	}
	return fmt.Sprintf("SIP %d %s", n, strings.TrimPrefix(reason, fmt.Sprintf("%d ", n)))
}

func channel(c string) string {
	switch c {
	case "mail":
		return "Mail"
	case "webhook":
		return "Webhook"
	}
	return c
}

func tries(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" at try %d", n)
}
