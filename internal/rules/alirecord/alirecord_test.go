package alirecord_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/gis"
)

var at = time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC)

func mill(floor string) e911.Civic {
	return e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", PC: "02139", FLR: floor}
}

func digest(c e911.Civic) e911.ALIDigest {
	d := alirecord.Digest(c, gis.MSAG{})
	d.Record = alirecord.RecordDigest(d.Place)
	return d
}

// The table of the loop: what each event makes of each state.
// Proves: F-39
func TestEveryEventInEveryState(t *testing.T) {
	here := digest(mill("2"))
	base := e911.ALIRecord{Function: "I", Sent: here, Held: here}
	none := e911.ALIRecord{}
	in := func(s e911.ALIState) e911.ALIRecord { r := base; r.State = s; return r }
	gone := in(e911.ALISent)
	gone.Function = "D"
	states := []e911.ALIRecord{
		none, in(e911.ALISent), in(e911.ALIAccepted), in(e911.ALIRejected), in(e911.ALINoRecord), in(e911.ALIFixed), in(e911.ALIConfirmed), gone,
	}
	const no = "refused"
	for _, row := range []struct {
		name  string
		event any
		want  [8]string
	}{
		{"a file was written", alirecord.Sent{Function: "I", Cycle: 1, Digest: here, At: at}, [8]string{"sent", "sent", "sent", "sent", "sent", "sent", "sent", "sent"}},
		{"accepted", alirecord.Answered{Outcome: alirecord.Accepted, At: at}, [8]string{no, "accepted", no, no, no, no, no, ""}},
		{"rejected", alirecord.Answered{Outcome: alirecord.Rejected, Codes: "301", At: at}, [8]string{no, "rejected", no, no, no, no, no, "rejected"}},
		{"there already", alirecord.Answered{Outcome: alirecord.Exists, At: at}, [8]string{no, "fixed", no, no, no, no, no, "fixed"}},
		{"no record found", alirecord.Answered{Outcome: alirecord.NoRecord, At: at}, [8]string{no, "no_record_found", no, no, no, no, no, ""}},
		{"fixed", alirecord.Fixed{By: "Ann", At: at}, [8]string{no, no, no, "fixed", "fixed", no, no, no}},
		{"seen", alirecord.Confirmed{By: "Ann", Evidence: "test call", Now: here, At: at}, [8]string{no, no, "confirmed", no, no, no, "confirmed", no}},
		{"seen by nobody", alirecord.Confirmed{Now: here, At: at}, [8]string{no, no, no, no, no, no, no, no}},
		{"seen after a move", alirecord.Confirmed{By: "Ann", Evidence: "x", Now: digest(e911.Civic{A1: "MA", A3: "Boston", HNO: "1", RD: "City Hall"}), At: at}, [8]string{no, no, no, no, no, no, no, no}},
		{"nothing on the screen", alirecord.Doubted{NoRecord: true, By: "Ann", Evidence: "x", At: at}, [8]string{no, "sent", "no_record_found", "no_record_found", "no_record_found", "no_record_found", "no_record_found", "sent"}},
		{"another address on the screen", alirecord.Doubted{By: "Ann", Evidence: "x", At: at}, [8]string{no, "sent", "rejected", "rejected", "rejected", "rejected", "rejected", "sent"}},
		{"an event of another kind", 42, [8]string{no, no, no, no, no, no, no, no}},
	} {
		for i, s := range states {
			next, err := alirecord.Step(s, row.event)
			got := string(next.State)
			if err != nil {
				got = no
				if next != s {
					t.Errorf("%s in %q was refused and changed the record", row.name, s.State)
				}
			}
			if got != row.want[i] {
				t.Errorf("%s in %q %s gives %q, want %q (%v)", row.name, s.State, s.Function, got, row.want[i], err)
			}
		}
	}
}

// One ELIN from the first file to the end, as an administrator goes through it.
// Proves: F-39, F-21
func TestAnELINIsUsableFromConfirmationToTheNextMove(t *testing.T) {
	n := e911.NumberRec{ELIN: true, Location: "l", Number: "+16175550111"}
	place := mill("2")
	do := func(event any) {
		t.Helper()
		r, err := alirecord.Step(n.Record(), event)
		if err != nil {
			t.Fatal(err)
		}
		n.ALI = &r
	}
	expect := func(when string, ok bool, why string, due string) {
		t.Helper()
		if u := alirecord.Usable(n, place); u.OK != ok || u.Why != why {
			t.Errorf("%s: usable %+v, want %v %q", when, u, ok, why)
		}
		if f, _ := alirecord.Due(n, digest(place)); f != due {
			t.Errorf("%s: due %q, want %q", when, f, due)
		}
	}
	expect("new", false, "its record was never sent", "I")
	do(alirecord.Sent{Function: "I", Cycle: 1, Digest: digest(place), At: at})
	expect("sent", false, "its record was sent and is not answered", "")
	do(alirecord.Answered{Outcome: alirecord.Accepted, At: at})
	expect("accepted", false, "its record was accepted, and nobody has seen it", "")
	do(alirecord.Confirmed{By: "Ann", Evidence: "test call", Now: digest(place), At: at})
	expect("confirmed", true, "", "")
	place = mill("3")
	expect("another floor", true, "the floor, room or other detail on the screen is an old one", "C")
	do(alirecord.Sent{Function: "C", Cycle: 2, Digest: digest(place), At: at})
	do(alirecord.Answered{Outcome: alirecord.Rejected, Codes: "110", At: at})
	expect("the change was rejected", true, "the floor, room or other detail on the screen is an old one", "")
	do(alirecord.Fixed{By: "Ann", At: at})
	expect("fixed", true, "the floor, room or other detail on the screen is an old one", "C")
	place.HNO = "797"
	expect("another house", false, "the street address is not the one that was confirmed", "C")
	do(alirecord.Sent{Function: "C", Cycle: 3, Digest: digest(place), At: at})
	place.HNO = "795"
	expect("moved back, and the carrier may hold the other house", false, "its record was sent and is not answered", "")
	do(alirecord.Answered{Outcome: alirecord.Accepted, At: at})
	if _, err := alirecord.Step(n.Record(), alirecord.Confirmed{By: "Ann", Evidence: "x", Now: digest(place), At: at}); err == nil {
		t.Error("a record of another house was confirmed")
	}
	n.ELIN = false
	expect("withdrawn", false, "it is no ELIN", "D")
	if !alirecord.Held(n.Record()) {
		t.Error("the carrier still holds it")
	}
	do(alirecord.Sent{Function: "D", Cycle: 4, Digest: digest(place), At: at})
	do(alirecord.Answered{Outcome: alirecord.Accepted, At: at})
	expect("deleted", false, "it is no ELIN", "")
	if alirecord.Held(n.Record()) || n.Record() != (e911.ALIRecord{}) {
		t.Errorf("something is left: %+v", n.Record())
	}
}

// The zone counts where it is known, and is not asked for where it is not.
// Proves: F-39
func TestAnotherESNTakesAnELINOutOfUse(t *testing.T) {
	was := alirecord.Digest(mill("2"), gis.MSAG{Community: "CAMBRIDGE", ESN: "511"})
	n := e911.NumberRec{ELIN: true, Location: "l", ALI: &e911.ALIRecord{State: e911.ALIConfirmed, Held: was, Confirmed: was, ConfirmedAt: at}}
	if u := alirecord.Usable(n, mill("2")); !u.OK || u.Why != "" {
		t.Errorf("without a layer: %+v", u)
	}
	if u := alirecord.UsableAt(n, alirecord.Digest(mill("2"), gis.MSAG{Community: "CAMBRIDGE", ESN: "512"})); u.OK {
		t.Error("another ESN passed")
	}
	if u := alirecord.Usable(n, e911.Civic{}); u.OK {
		t.Error("a location without an address passed")
	}
}

// Whatever happens in whatever order: while an ELIN is usable, every record that
// the carrier can hold has the street address where the caller is.
// Proves: F-39, F-08
func TestUsableMeansThatTheCarrierCannotHoldAnotherStreet(t *testing.T) {
	houses := []string{"795", "797"}
	floors := []string{"1", "2"}
	rapid.Check(t, func(t *rapid.T) {
		n := e911.NumberRec{ELIN: true, Location: "l"}
		place := mill("1")
		held := map[string]bool{} // house numbers that the carrier may hold
		var pending []string
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			d := digest(place)
			var event any
			switch rapid.IntRange(0, 7).Draw(t, "event") {
			case 0:
				place.HNO = rapid.SampledFrom(houses).Draw(t, "house")
				continue
			case 1:
				place.FLR = rapid.SampledFrom(floors).Draw(t, "floor")
				continue
			case 2:
				n.ELIN = !n.ELIN
				continue
			case 3:
				event = alirecord.Sent{Function: alirecord.Again(n), Digest: d, At: at}
			case 4:
				event = alirecord.Answered{Outcome: rapid.SampledFrom([]alirecord.Outcome{alirecord.Accepted, alirecord.Rejected, alirecord.NoRecord, alirecord.Exists}).Draw(t, "outcome"), At: at}
			case 5:
				event = alirecord.Confirmed{By: "a", Evidence: "b", Now: d, At: at}
			case 6:
				event = alirecord.Doubted{NoRecord: rapid.Bool().Draw(t, "none"), By: "a", Evidence: "b", At: at}
			case 7:
				event = alirecord.Fixed{By: "a", At: at}
			}
			was := n.Record()
			r, err := alirecord.Step(was, event)
			if err == nil {
				n.ALI = &r
				switch ev := event.(type) {
				case alirecord.Sent:
					if ev.Function != "D" {
						pending = append(pending, place.HNO)
					}
				case alirecord.Answered: // to all that was sent, the last one last
					if ev.Outcome == alirecord.Accepted && was.Function != "D" {
						held = map[string]bool{pending[len(pending)-1]: true}
					} else if ev.Outcome != alirecord.Accepted && ev.Outcome != alirecord.NoRecord {
						for _, h := range pending {
							held[h] = true // an earlier file may have been taken
						}
					} else {
						held = map[string]bool{}
					}
					pending = nil
				}
			}
			if !alirecord.Usable(n, place).OK {
				continue
			}
			if r := n.Record(); r.ConfirmedAt.IsZero() || r.ConfirmedBy == "" {
				t.Fatalf("usable, and nobody confirmed it: %+v", r)
			}
			for h := range held {
				if h != place.HNO {
					t.Fatalf("usable at %s while the carrier may hold %s", place.HNO, h)
				}
			}
			for _, h := range pending {
				if h != place.HNO {
					t.Fatalf("usable at %s while %s is on its way", place.HNO, h)
				}
			}
		}
	})
}

// What takes a confirmation away leaves nothing of it.
// Proves: F-39
func TestADoubtTakesAnELINOutOfUseAtOnce(t *testing.T) {
	d := digest(mill("2"))
	for _, state := range []e911.ALIState{e911.ALIConfirmed, e911.ALISent, e911.ALIRejected} {
		n := e911.NumberRec{ELIN: true, Location: "l", ALI: &e911.ALIRecord{
			State: state, Function: "C", Sent: d, Held: d, Confirmed: d, ConfirmedAt: at, ConfirmedBy: "Ann",
		}}
		if !alirecord.Usable(n, mill("2")).OK {
			t.Fatalf("%s: not usable to begin with", state)
		}
		r, err := alirecord.Step(n.Record(), alirecord.Doubted{By: "Bob", Evidence: "the dispatcher read another street", At: at})
		if err != nil {
			t.Fatal(err)
		}
		n.ALI = &r
		if alirecord.Usable(n, mill("2")).OK || r.ConfirmedBy != "" {
			t.Errorf("%s: still usable", state)
		}
	}
}
