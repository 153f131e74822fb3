package loctoken_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/loctoken"
	"github.com/callbox911/callbox/internal/seal"
)

// Proves: D-08, F-07
func TestClaimsComeBackFromASealedToken(t *testing.T) {
	want := loctoken.Claims{
		Org: "0192f000-0000-7000-8000-000000000001", Device: "0192f000-0000-7000-8000-000000000002",
		Location: "0192f000-0000-7000-8000-000000000003", By: e911.ByLLDPPort,
		EvidenceAt: time.UnixMilli(1_700_000_000_123).UTC(), Expires: time.UnixMilli(1_700_086_400_456).UTC(), Generation: 7,
	}
	ring, err := seal.NewRing(seal.Key{ID: "t1", Secret: seal.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := loctoken.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ring.Seal(loctoken.Purpose, plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(token) > 160 {
		t.Errorf("token has %d characters, want at most 160: it stands in SIP headers and URIs", len(token))
	}
	opened, err := ring.Open(loctoken.Purpose, token)
	if err != nil {
		t.Fatal(err)
	}
	got, err := loctoken.Decode(opened)
	if err != nil || got != want {
		t.Errorf("Decode = %+v, %v, want %+v", got, err, want)
	}
}

// Proves: D-08
func TestEveryClaimComesBack(t *testing.T) {
	id := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[0-9a-fA-F]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}`), rapid.StringN(0, 60, 255))
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "ms")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		want := loctoken.Claims{
			Org: e911.OrgID(id.Draw(t, "org")), Device: id.Draw(t, "device"), Location: e911.LocationID(id.Draw(t, "location")),
			By: e911.LocatedBy(id.Draw(t, "by")), EvidenceAt: at.Draw(t, "evidence"), Expires: at.Draw(t, "expires"),
			Generation: rapid.Uint64().Draw(t, "generation"), PlaceDigest: string(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "digest")),
		}
		b, err := loctoken.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := loctoken.Decode(b)
		if err != nil || got != want {
			t.Fatalf("Decode = %+v, %v, want %+v", got, err, want)
		}
		for n := range b {
			if _, err := loctoken.Decode(b[:n]); e911.KindOf(err) != e911.Invalid {
				t.Fatalf("Decode of the first %d octets: %v, want an Invalid error", n, err)
			}
		}
	})
}

// Proves: D-08
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	for name, c := range map[string]loctoken.Claims{
		"a long text":   {Device: strings.Repeat("x", 256)},
		"a long digest": {PlaceDigest: strings.Repeat("x", 33)},
	} {
		if _, err := loctoken.Encode(c); e911.KindOf(err) != e911.Invalid {
			t.Errorf("%s: %v, want an Invalid error", name, err)
		}
	}
}

// FuzzDecode: no panic, and what is read is written back to claims that read
// the same.
//
// Proves: D-08
func FuzzDecode(f *testing.F) {
	b, _ := loctoken.Encode(loctoken.Claims{Org: "a", Device: "b", Expires: time.UnixMilli(1)})
	f.Add(b)
	f.Add([]byte{1})
	f.Add(bytes.Repeat([]byte{1}, 100))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := loctoken.Decode(b)
		if err != nil {
			return
		}
		again, err := loctoken.Encode(c)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		if c2, err := loctoken.Decode(again); err != nil || c2 != c {
			t.Fatalf("second reading %+v, %v, want %+v", c2, err, c)
		}
	})
}
