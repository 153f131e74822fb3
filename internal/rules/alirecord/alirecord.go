// Package alirecord has the rules of the loop by which an ELIN's record gets
// into a carrier's ALI database (F-39 (1)): sent, accepted or rejected or not
// found, fixed, confirmed. An ELIN is usable only when somebody has seen its
// record, and only as long as nothing can have moved that to another street
// address: what the carrier may hold then and where the caller is are the same.
package alirecord

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/msag"
)

// Digest says which address a place has, as its record would have it. The
// place is a location's whole civic address, its building's included; m is what
// a layer says of it, or nothing. Record is not set.
func Digest(place e911.Civic, m gis.MSAG) e911.ALIDigest {
	f, _ := msag.Of(place, gis.MSAG{})
	d := e911.ALIDigest{Street: hash(f.StreetKey()), Place: hash(f.StreetKey() + "|" + f.Location)}
	if m != (gis.MSAG{}) {
		d.Zone = hash(m.Community + "|" + m.ESN)
	}
	return d
}

// RecordDigest is the digest of a whole record as it is sent.
func RecordDigest(text string) string { return hash(text) }

// hash is short, because it is kept with every ELIN: 128 bits are far more than
// a change by hand needs to be seen.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}

// differ compares one part of two digests; what is not known never differs.
func differ(a, b string) bool { return a != "" && b != "" && a != b }

func moved(a, b e911.ALIDigest) bool { return differ(a.Street, b.Street) || differ(a.Zone, b.Zone) }

func changed(a, b e911.ALIDigest) bool {
	return moved(a, b) || differ(a.Place, b.Place) || differ(a.Record, b.Record)
}

// Use says whether an ELIN may be sent for a call.
type Use struct {
	OK bool `json:"ok"`
	// Why says why not; with OK it is a warning, or empty.
	Why string `json:"why,omitempty"`
}

// Usable reports whether the number may be sent as the ELIN of its location,
// whose whole civic address is place: it is one, its record was confirmed, and
// the street address is the one that was confirmed. A floor or room that was
// changed since leaves it usable, with a warning.
func Usable(n e911.NumberRec, place e911.Civic) Use {
	return UsableAt(n, Digest(place, gis.MSAG{}))
}

// UsableAt is Usable for a place whose digest is at hand, with its MSAG's zone
// where a layer knows it.
func UsableAt(n e911.NumberRec, now e911.ALIDigest) Use {
	r := n.Record()
	switch {
	case !n.ELIN:
		return Use{Why: "it is no ELIN"}
	case n.Location == "":
		return Use{Why: "it has no location"}
	case r.ConfirmedAt.IsZero() || r.Confirmed.Street == "":
		return Use{Why: unconfirmed(r)}
	case differ(r.Confirmed.Street, now.Street) || now.Street == "":
		return Use{Why: "the street address is not the one that was confirmed"}
	case differ(r.Confirmed.Zone, now.Zone):
		return Use{Why: "community or ESN in the MSAG are not what was confirmed"}
	case differ(r.Confirmed.Place, now.Place):
		return Use{OK: true, Why: "the floor, room or other detail on the screen is an old one"}
	case r.State != e911.ALIConfirmed:
		return Use{OK: true, Why: "a change was sent since it was confirmed"}
	}
	return Use{OK: true}
}

func unconfirmed(r e911.ALIRecord) string {
	switch r.State {
	case e911.ALISent:
		return "its record was sent and is not answered"
	case e911.ALIAccepted:
		return "its record was accepted, and nobody has seen it"
	case e911.ALIRejected:
		return "its record was rejected"
	case e911.ALINoRecord:
		return "the carrier has no record of it"
	case e911.ALIFixed:
		return "its record is mended, and not sent again"
	}
	return "its record was never sent"
}

// Held reports whether the carrier holds a record of the number, or may: such a
// number must be withdrawn before it is deleted or given to another place.
func Held(r e911.ALIRecord) bool {
	return r.Held != (e911.ALIDigest{}) || r.State == e911.ALISent
}

// Function codes of NENA 02-010.
const (
	Insert = "I"
	Change = "C"
	Delete = "D"
)

// Due says what is to be sent for a number now: I, C or D, or nothing and why.
// now is the digest of its present location with the present record.
func Due(n e911.NumberRec, now e911.ALIDigest) (function, why string) {
	r := n.Record()
	waits := r.State == e911.ALISent
	switch {
	case !n.ELIN && !Held(r):
		return "", "it is no ELIN, and the carrier holds nothing"
	case !n.ELIN && waits && r.Function == Delete:
		return "", "its deletion was sent and is not answered"
	case !n.ELIN:
		return Delete, ""
	case waits && r.Function == Delete:
		return "", "its deletion was sent: what the carrier holds is known when that is answered"
	case waits && changed(r.Sent, now):
		return "", "it was sent and is not answered: the change since follows then, or at once with everything"
	case waits:
		return "", "it was sent and is not answered"
	case r.State == e911.ALIRejected && !changed(r.Sent, now):
		return "", "it was rejected, and nothing was mended since"
	case (r.State == e911.ALIAccepted || r.State == e911.ALIConfirmed) && !changed(r.Sent, now):
		return "", "the carrier holds it as it is"
	}
	return again(r), ""
}

// again is how a record is sent that the carrier may or may not hold: as it was
// sent before, while that is not answered.
func again(r e911.ALIRecord) string {
	switch {
	case r.Held != (e911.ALIDigest{}):
		return Change
	case r.State == e911.ALISent && r.Function != "":
		return r.Function
	}
	return Insert
}

// Again is the function code to send a number with, whatever was sent before.
func Again(n e911.NumberRec) string {
	if !n.ELIN {
		return Delete
	}
	return again(n.Record())
}

// Outcome is what the carrier says about a record.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted"
	Rejected Outcome = "rejected"
	NoRecord Outcome = "no_record_found" // for a change: there is nothing to change
	Exists   Outcome = "exists"          // for an insert: there is a record already
)

// Sent is the event that a file with the record was written whole.
type Sent struct {
	Function string
	Cycle    int
	Digest   e911.ALIDigest
	At       time.Time
}

// Answered is the event that the carrier answered it.
type Answered struct {
	Outcome Outcome
	Codes   string
	At      time.Time
}

// Fixed is the event that somebody mended what had been refused.
type Fixed struct {
	By, Evidence string
	At           time.Time
}

// Confirmed is the event that somebody saw the record, by a test call or a
// query. Now is the digest of the location.
type Confirmed struct {
	By, Evidence string
	Now          e911.ALIDigest
	At           time.Time
}

// Doubted is the event that somebody saw another record, or, with NoRecord,
// none.
type Doubted struct {
	NoRecord     bool
	By, Evidence string
	At           time.Time
}

// Step applies one event. An event that the state does not allow is refused
// with a Conflict Error that says what to do, and changes nothing.
func Step(r e911.ALIRecord, event any) (e911.ALIRecord, error) {
	switch ev := event.(type) {
	case Sent:
		return sent(r, ev), nil
	case Answered:
		return answered(r, ev)
	case Fixed:
		if r.State != e911.ALIRejected && r.State != e911.ALINoRecord {
			return r, e911.Errorf(e911.Conflict, "only what was rejected or not found can be fixed, and this is %s", Word(r.State))
		}
		r.State, r.Since, r.Evidence = e911.ALIFixed, ev.At, note(ev.By, ev.Evidence)
		return r, nil
	case Confirmed:
		return confirmed(r, ev)
	case Doubted:
		return doubted(r, ev)
	}
	return r, e911.Errorf(e911.Internal, "an ALI record knows no event %T", event)
}

// unknown is what the carrier holds when it holds something that we did not see
// it accept.
var unknown = e911.ALIDigest{Record: "unknown"}

func sent(r e911.ALIRecord, ev Sent) e911.ALIRecord {
	if ev.Function == Delete || moved(r.Confirmed, ev.Digest) {
		r = forget(r)
	}
	if r.State == e911.ALISent && r.Function != Delete && r.Held == (e911.ALIDigest{}) && changed(r.Sent, ev.Digest) {
		r.Held = unknown // the carrier may have taken what was sent before
	}
	r.State, r.Since, r.SentAt, r.AnsweredAt = e911.ALISent, ev.At, ev.At, time.Time{}
	r.Function, r.Cycle, r.Sent, r.Codes = ev.Function, ev.Cycle, ev.Digest, ""
	return r
}

// forget takes a confirmation back.
func forget(r e911.ALIRecord) e911.ALIRecord {
	r.Confirmed, r.ConfirmedAt, r.ConfirmedBy = e911.ALIDigest{}, time.Time{}, ""
	return r
}

func answered(r e911.ALIRecord, ev Answered) (e911.ALIRecord, error) {
	if r.State != e911.ALISent {
		return r, e911.Errorf(e911.Conflict, "it awaits no answer: it is %s", Word(r.State))
	}
	if r.Function == Delete && (ev.Outcome == Accepted || ev.Outcome == NoRecord) {
		return e911.ALIRecord{}, nil // it is gone
	}
	r.Since, r.AnsweredAt, r.Codes = ev.At, ev.At, ev.Codes
	switch ev.Outcome {
	case Accepted:
		r.State, r.Held = e911.ALIAccepted, r.Sent
	case Rejected:
		r.State = e911.ALIRejected
	case Exists:
		// What the carrier holds is not our word. Nothing has to be mended: it is
		// sent again, as a change.
		r = forget(r)
		r.State, r.Held = e911.ALIFixed, unknown
	case NoRecord:
		r = forget(r)
		r.State, r.Held = e911.ALINoRecord, e911.ALIDigest{}
	default:
		return r, e911.Errorf(e911.Invalid, "an answer is not %q", ev.Outcome)
	}
	return r, nil
}

func confirmed(r e911.ALIRecord, ev Confirmed) (e911.ALIRecord, error) {
	switch {
	case r.State != e911.ALIAccepted && r.State != e911.ALIConfirmed:
		return r, e911.Errorf(e911.Conflict, "only what the carrier has accepted can be confirmed, and this is %s", Word(r.State))
	case strings.TrimSpace(ev.By) == "" || strings.TrimSpace(ev.Evidence) == "":
		return r, e911.Errorf(e911.Invalid, "say who saw the record, and how: a test call, a query")
	case ev.Now.Street == "" || moved(r.Held, ev.Now):
		return r, e911.Errorf(e911.Conflict, "the address was changed since it was sent: export it again, and confirm what the screen shows then")
	}
	r.State, r.Since = e911.ALIConfirmed, ev.At
	r.Confirmed, r.ConfirmedAt, r.ConfirmedBy, r.Evidence = r.Held, ev.At, ev.By, ev.Evidence
	return r, nil
}

func doubted(r e911.ALIRecord, ev Doubted) (e911.ALIRecord, error) {
	if r.State == e911.ALINone {
		return r, e911.Errorf(e911.Conflict, "nothing was ever sent for it")
	}
	if strings.TrimSpace(ev.By) == "" || strings.TrimSpace(ev.Evidence) == "" {
		return r, e911.Errorf(e911.Invalid, "say who saw it, and how: a test call, a query")
	}
	r = forget(r)
	r.Evidence = note(ev.By, ev.Evidence)
	if r.State == e911.ALISent {
		return r, nil // the answer is still to come
	}
	r.Since, r.Codes, r.State = ev.At, "", e911.ALIRejected
	if ev.NoRecord {
		r.State, r.Held = e911.ALINoRecord, e911.ALIDigest{}
	}
	return r, nil
}

func note(by, evidence string) string {
	if evidence == "" {
		return by
	}
	return by + ": " + evidence
}

// Word says a state as people do.
func Word(s e911.ALIState) string {
	if s == e911.ALINone {
		return "not sent"
	}
	return strings.ReplaceAll(string(s), "_", " ")
}
