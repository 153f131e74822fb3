package testcall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/callbox911/callbox/internal/live/voice"
	"github.com/callbox911/callbox/internal/live/voice/voicetest"
)

// TestMain makes this test binary its own speech process.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "speech-worker" {
		if err := voice.Serve(context.Background(), "slt", os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// speaker is the real voice, in a process of its own as in the product. A busy
// machine may take its time.
func speaker(t *testing.T) *voice.Speaker {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := voice.New(voice.Config{Worker: []string{exe, "speech-worker"}, Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if s.Missing() != nil {
		t.Skip(s.Missing())
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// record keeps the sound that arrives until the socket is closed, u-law decoded,
// packets in the order of their numbers. Holes of time, which a busy machine
// leaves, are closed; lost packets are silence.
func record(conn *net.UDPConn) <-chan []int16 {
	done := make(chan []int16, 1)
	go func() {
		var sound []int16
		var first uint16
		buf := make([]byte, 2048)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				done <- sound
				return
			}
			var p rtp.Packet
			if p.Unmarshal(buf[:n]) != nil {
				continue
			}
			if sound == nil {
				first = p.SequenceNumber
			}
			at := int(p.SequenceNumber-first) * 160 // a call of 20 minutes wraps; this one does not
			sound = append(sound, make([]int16, max(0, at+len(p.Payload)-len(sound)))...)
			copy(sound[at:], voicetest.MuLaw(p.Payload))
		}
	}()
	return done
}

// wrongDigits returns the sentence with each of its digits changed in turn, to
// one that sounds like it, and the index among its words of the digit changed.
func wrongDigits(sentence string) (variants []string, changed []int) {
	alike := map[string]string{
		"zero": "six", "one": "nine", "two": "eight", "three": "eight", "four": "five", "five": "nine", "six": "seven",
		"seven": "zero", "eight": "two", "nine": "five",
	}
	words := strings.Fields(sentence)
	for i, w := range words {
		bare := strings.Trim(w, ",.")
		if other, ok := alike[bare]; ok {
			v := slices.Clone(words)
			v[i] = strings.Replace(w, bare, other, 1)
			variants, changed = append(variants, strings.Join(v, " ")), append(changed, i)
		}
	}
	return variants, changed
}

// A real call over real sockets takes as long as it takes, some 30 s.
//
// Proves: W-50, N-14, F-38, F-20
func TestWhatIsHeardIsWordForWordWhatWasToBeSaid(t *testing.T) {
	t.Parallel()
	v, p := speaker(t), newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	r := Readback{Number: "+16175550111", Callback: "+16178429306", Place: mill, PSAPName: "Middlesex (demonstration)", Demonstration: true}
	// The text that is expected stands here, not in what the record says.
	want := []string{
		"This is a test.", "Nine one one was not called.", "This is a demonstration, it cannot reach nine one one.",
		"You are calling from six one seven, five five five, zero one one one.",
		"Nine one one would call you back at six one seven, eight four two, nine three zero six.",
		"Your location is seven nine five Massachusetts Avenue, Mill one, floor two, room two one zero, Cambridge, Massachusetts, zip code zero two one three nine.",
		"A call to nine one one would go to Middlesex demonstration.",
		"Press one to hear this again.",
	}
	done := answer(t, service(t, Config{Voice: v}), l, r)
	p.follow(<-l.answered)
	l.events <- acked
	recording := record(p.conn)

	right := voicetest.Render(t, "slt", want...)
	type wrong struct{ sentence, word int }
	var changes []wrong
	var texts []string
	for i, s := range want[3:6] {
		variants, words := wrongDigits(s)
		texts = append(texts, variants...)
		for _, w := range words {
			changes = append(changes, wrong{3 + i, w})
		}
	}
	variants := voicetest.Render(t, "slt", texts...)

	got := <-done
	p.conn.Close()
	heard := <-recording
	if got.err != nil || !got.spoken.Whole {
		t.Fatalf("%+v, want a whole reading", got)
	}
	if text := voicetest.Sentences(got.spoken.Text); !slices.Equal(text, want) {
		t.Errorf("the record says %q, want %q", text, want)
	}
	words := voicetest.Listen(heard, right)
	least, starts := 1.0, make([]int, len(want))
	for _, w := range slices.Backward(words) {
		least = min(least, w.Likeness)
		starts[w.Sentence] = w.At
	}
	for _, w := range voicetest.Wrong(words) {
		t.Errorf("sentence %d: %q was not heard at %.2f s, likeness %.3f", w.Sentence, w.Word, float64(w.At)/voice.Rate, w.Likeness)
	}
	t.Logf("%d words heard, the least like has %.4f; %.1f s of speech", len(words), least, got.spoken.Seconds)

	// And it would have been noticed: each digit, changed, is found missing.
	most := -1.0
	for i, c := range changes {
		from := max(0, starts[c.sentence]-voice.Rate)
		until := min(len(heard), starts[c.sentence]+len(variants[i].Audio)+voice.Rate)
		v := variants[i]
		v.Words = []voicetest.Word{v.Words[0], v.Words[c.word]} // the first leads to the place
		h := voicetest.Listen(heard[from:until], []voicetest.Sentence{v})[1]
		most = max(most, h.Likeness)
		if len(voicetest.Wrong([]voicetest.Heard{h})) == 0 {
			t.Errorf("%q passes for what was said: %q has likeness %.3f", texts[i], h.Word, h.Likeness)
		}
	}
	t.Logf("%d wrong digits noticed, the most like has %.4f", len(changes), most)
	if len(changes) < 33 {
		t.Errorf("%d digits were changed, want each of 33", len(changes))
	}
	// The comparison does not pass silence or a recording that ends early.
	for name, bad := range map[string][]int16{"silence": make([]int16, len(heard)), "nothing": nil, "half": heard[:len(heard)/2]} {
		if len(voicetest.Wrong(voicetest.Listen(bad, right))) == 0 {
			t.Errorf("%s passes for the whole text", name)
		}
	}
}

// A first 933 of the day comes while speech is not made yet.
//
// Proves: W-50, D-15
func TestTheRealVoiceBeginsAtOnce(t *testing.T) {
	t.Parallel()
	v, p := speaker(t), newPhone(t)
	l := newLeg(p.source(), "application/sdp", p.common())
	done := answer(t, service(t, Config{Voice: v}), l, brief)
	p.follow(<-l.answered)
	l.events <- acked
	for range 1500 { // half a minute
		if slices.ContainsFunc(p.packet().Payload, func(b byte) bool { return b&0x7f < 0x30 }) {
			break
		}
	}
	close(l.events)
	if r := <-done; !errors.Is(r.err, ErrHungUp) {
		t.Error(r.err)
	}
}
