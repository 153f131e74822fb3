package disk

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// Proves: D-06
func TestFramesComeBack(t *testing.T) {
	b := header{first: 7, created: time.UnixMilli(1_770_000_000_123), flags: flagRewrite}.append(nil)
	if h, ok := parseHeader(b); !ok || h.first != 7 || h.flags != flagRewrite || h.created.UnixMilli() != 1_770_000_000_123 || len(b) != headerBytes {
		t.Errorf("header = %+v, %v, %d bytes", h, ok, len(b))
	}
	want := [][]byte{[]byte("{}"), nil, bytes.Repeat([]byte("x"), 70_000)}
	for i, p := range want {
		b = appendFrame(b, uint64(7+i), p)
	}
	var got [][]byte
	s := scan(b, func(f frame) { got = append(got, bytes.Clone(f.payload)) })
	if s.first != 7 || s.last != 9 || s.end != len(b) || s.torn != 0 || s.corrupt != 0 || len(got) != 3 {
		t.Errorf("scanned %+v, %d frames", s, len(got))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("frame %d is not what was written", i)
		}
	}
}

// TestARewriteThatWasCutShortHidesNothing opens what two lives have left: the
// first gave segment 1 up after a failed fsync and lost power inside segment
// 2; the second read facts 8 and 9 from segment 1 and went on.
//
// Proves: E5, F-38
func TestARewriteThatWasCutShortHidesNothing(t *testing.T) {
	dir := t.TempDir()
	segment := func(id, first, last uint64, flags uint32) {
		b := header{first: first, flags: flags}.append(nil)
		for seq := first; seq <= last; seq++ {
			rest, _ := encodeRest(journal.Fact{Kind: "x", At: time.UnixMilli(int64(seq))})
			b = appendFrame(b, seq, appendPayload(nil, "node-1", seq, rest))
		}
		if err := os.WriteFile(filepath.Join(dir, segmentName(id)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	segment(1, 1, 9, 0)
	segment(2, 6, 7, flagRewrite)
	for id := uint64(3); id < 12; id++ {
		segment(id, id+7, id+7, 0)
	}
	j, err := Open(Config{Dir: dir, Node: "node-1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	feed := j.Subscribe(ctx, 1)
	for want := uint64(1); want <= 18; want++ {
		if f := <-feed; f.Seq != want {
			t.Fatalf("fact %d, want %d", f.Seq, want)
		}
	}
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// FuzzScan reads arbitrary bytes as a segment: numbers rise, frames lie inside
// the file, and a frame that is found is one that appendFrame writes.
func FuzzScan(f *testing.F) {
	whole := header{first: 1, created: time.UnixMilli(0)}.append(nil)
	for i := range 4 {
		whole = appendFrame(whole, uint64(i+1), []byte(`{"v":1}`))
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(bytes.Clone(whole[:50]), whole[40:]...))
	f.Add(appendFrame(bytes.Clone(whole), 2, []byte(`{"v":1}`))) // a number that was there before
	f.Fuzz(func(t *testing.T, b []byte) {
		var last uint64
		s := scan(b, func(fr frame) {
			if fr.seq <= last {
				t.Fatalf("number %d after %d", fr.seq, last)
			}
			last = fr.seq
			if !bytes.Contains(b, appendFrame(nil, fr.seq, fr.payload)) {
				t.Fatal("a frame was invented")
			}
		})
		if s.last != last || s.end > len(b) || s.torn != len(b)-s.end {
			t.Fatalf("scanned %+v of %d bytes", s, len(b))
		}
		parseHeader(b)
	})
}

// FuzzPayload encodes facts by hand as encoding/json decodes them.
func FuzzPayload(f *testing.F) {
	f.Add("org", "call", "call.arrived", `{"a":[1,"\u00e9"]}`, int64(1_770_000_000_123))
	f.Add("\x00\"\\", "\xff", "<&>\u2028", "null", int64(0))
	f.Add("0", "0", "\xbf", "", int64(0))
	f.Fuzz(func(t *testing.T, org, call, kind, body string, at int64) {
		in := journal.Fact{Kind: journal.Kind(kind), At: time.UnixMilli(at % 253_000_000_000_000).UTC(), Body: json.RawMessage(body)}
		in.Org, in.Call = "x"+in.Org, "y"+in.Call
		rest, ok := encodeRest(in)
		if !ok {
			if json.Valid([]byte(body)) && in.At.Year() >= 0 && in.At.Year() <= 9999 {
				t.Fatalf("a good fact was refused: %q", body)
			}
			return
		}
		var out journal.Fact
		if err := json.Unmarshal(appendPayload(nil, org, 42, rest), &out); err != nil {
			t.Fatal(err)
		}
		if out.Seq != 42 || out.V != journal.Version || !out.At.Equal(in.At) || out.Org != in.Org || out.Call != in.Call {
			t.Fatalf("%+v became %+v", in, out)
		}
		var want string // as encoding/json would bring it over
		if b, err := json.Marshal(kind); err != nil || json.Unmarshal(b, &want) != nil || string(out.Kind) != want {
			t.Fatalf("kind %q became %q, want %q", kind, out.Kind, want)
		}
	})
}
