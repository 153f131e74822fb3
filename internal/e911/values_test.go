package e911

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Proves: F-21
func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	cases := []struct {
		name, in string
		want     Number
	}{
		{"E.164", "+16175550100", "+16175550100"},
		{"ten North American digits", "6175550100", "+16175550100"},
		{"eleven with the country code", "1 (617) 555-0100", "+16175550100"},
		{"separators and spaces", "+1.617.555.0100", "+16175550100"},
		{"a foreign number with its plus", "+46 8 123 456 78", "+46812345678"},
		{"letters are refused", "617-CALL-NOW", ""},
		{"an extension is refused", "4711", ""},
		{"a plus in the middle is refused", "1617+5550100", ""},
		{"a foreign number without plus is refused", "46812345678", ""},
		{"ten digits with an area code that starts with 1 are refused", "1175550100", ""},
		{"nothing is refused", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseNumber(c.in)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("ParseNumber(%q) = %q, %v, want %q", c.in, got, err, c.want)
			}
		})
	}
}

// Proves: W-16, F-19
func TestAnyNotationOfAMACIsOneAddress(t *testing.T) {
	for _, in := range []string{"00:11:22:AA:bb:cc", "00-11-22-aa-bb-cc", "0011.22aa.bbcc", "001122AABBCC"} {
		got, err := ParseMAC(in)
		if err != nil || got != "00:11:22:aa:bb:cc" {
			t.Errorf("ParseMAC(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "00:11:22", "00:11:22:aa:bb:cc:dd", "zz:11:22:aa:bb:cc"} {
		if got, err := ParseMAC(in); err == nil {
			t.Errorf("ParseMAC(%q) = %q, want an error", in, got)
		}
	}
	for m, want := range map[MAC][3]bool{
		"01:00:5e:00:00:01": {true, false, false},
		"02:11:22:33:44:55": {false, true, false},
		"00:00:5e:00:01:0a": {false, false, true},
		"00:00:0c:07:ac:01": {false, false, true},
		"0c:75:bd:00:00:01": {false, false, false},
	} {
		if got := [3]bool{m.Group(), m.Local(), m.VirtualRouter()}; got != want {
			t.Errorf("%s: group, local, virtual router = %v, want %v", m, got, want)
		}
	}
}

func TestEveryCivicFieldCanBeReadAndWrittenByName(t *testing.T) {
	var c Civic
	for i, name := range CivicFieldNames() {
		if !c.Set(name, fmt.Sprint(i)) || c.Get(name) != fmt.Sprint(i) {
			t.Errorf("field %s is not kept", name)
		}
	}
	if c.Set("XX", "1") || c.Get("XX") != "" {
		t.Error("an unknown field was taken")
	}
	over := Civic{FLR: "2", ROOM: "210"}
	merged := Civic{HNO: "795", FLR: "1"}.Merge(over)
	if want := (Civic{HNO: "795", FLR: "2", ROOM: "210"}); merged != want {
		t.Errorf("merge = %+v, want %+v", merged, want)
	}
}

// A log line must not tell where somebody is, what he can be reached on, or a
// secret.
func TestValuesRedactThemselvesInTheLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("call",
		"number", Number("+16175550111"), "civic", Civic{A1: "MA", Country: "US", RD: "Massachusetts", HNO: "795"},
		"point", Point{Lat: 42.36684, Lon: -71.10565}, "secret", Secret("hunter2"),
		"place", Place{Display: "795 Massachusetts Avenue"})
	log.Info(fmt.Sprintf("%v %s", Secret("hunter2"), Secret("hunter2")))
	for _, leak := range []string{"617555", "Massachusetts", "42.36", "hunter2"} {
		if strings.Contains(b.String(), leak) {
			t.Errorf("the log tells %q: %s", leak, b.String())
		}
	}
}

func TestAnErrorCarriesKindAndFaultsThroughWrapping(t *testing.T) {
	inner := &Error{Kind: Conflict, Msg: "two places", Faults: []Fault{{File: "w.yaml", Row: 3, Col: 5, Path: "a.b", Msg: "taken", Fix: "use another"}}}
	err := fmt.Errorf("import: %w", inner)
	if KindOf(err) != Conflict || len(FaultsOf(err)) != 1 {
		t.Errorf("kind %s, faults %v", KindOf(err), FaultsOf(err))
	}
	if KindOf(errors.New("x")) != Internal {
		t.Error("an unknown error is internal")
	}
	if want := "w.yaml:3:5: a.b: taken (use another)"; !strings.Contains(err.Error(), want) {
		t.Errorf("error = %q, want it to say %q", err, want)
	}
}

func TestIDsSortByTheTimeTheyWereMade(t *testing.T) {
	a, b := NewID[CallID](), NewID[CallID]()
	if a == b || a > b {
		t.Errorf("ids %s, %s", a, b)
	}
}
