package voice

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"
)

// sine16 is one second at 16 kHz and half of full scale.
func sine16(hz float64) []int16 {
	out := make([]int16, 2*Rate)
	for i := range out {
		out[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*hz*float64(i)/(2*Rate))))
	}
	return out
}

// level is the root mean square of the middle, in dB of a sine at half scale.
func level(a []int16) float64 {
	a = a[len(a)/4 : len(a)*3/4]
	sum := 0.0
	for _, v := range a {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(a))/(16384*16384/2)+1e-12)
}

// Proves: D-15
func TestSpeechIsFilteredBeforeItIsTakenTo8kHz(t *testing.T) {
	h := newHalver()
	for _, hz := range []float64{100, 300, 1000, 2000, 3000, 3400} {
		if got := level(h.halve(sine16(hz))); math.Abs(got) > 0.1 {
			t.Errorf("%.0f Hz comes out at %.2f dB, want 0 dB within 0.1", hz, got)
		}
	}
	// These would be heard as 3900, 3600, 3000 and 1000 Hz.
	for _, hz := range []float64{4100, 4400, 5000, 7000} {
		if got := level(h.halve(sine16(hz))); got > -58 {
			t.Errorf("%.0f Hz comes out folded at %.1f dB, want less than -58 dB", hz, got)
		}
	}
}

// Proves: D-15
func TestHalvingKeepsTimeAndLength(t *testing.T) {
	h := newHalver()
	click := make([]int16, 4001)
	click[2000] = 20000
	out := h.halve(click)
	if len(out) != 2001 {
		t.Fatalf("%d samples of 4001, want 2001", len(out))
	}
	if at := slices.Index(out, slices.Max(out)); at != 1000 {
		t.Errorf("a click at 2000 comes out at %d, want 1000", at)
	}
	// A square of 1 kHz at full scale overshoots: it must clip, not wrap round.
	half := slices.Repeat([]int16{math.MaxInt16}, 8)
	square := slices.Repeat(slices.Concat(half, slices.Repeat([]int16{math.MinInt16}, 8)), 50)
	for i, v := range h.halve(square) {
		if up := i%8 == 1 || i%8 == 2; i > 50 && i < 350 && (up && v < 20000 || (i%8 == 5 || i%8 == 6) && v > -20000) {
			t.Fatalf("sample %d of a loud square is %d", i, v)
		}
	}
}

// Proves: D-15
func TestLawsOfTheTelephone(t *testing.T) {
	a := Audio{0, 1000, -1000, math.MaxInt16, math.MinInt16}
	if got, want := a.MuLaw(), []byte{0xff, 0xce, 0x4e, 0x80, 0x00}; !slices.Equal(got, want) {
		t.Errorf("u-law = % x, want % x", got, want)
	}
	if got, want := a.ALaw(), []byte{0xd5, 0xfa, 0x7a, 0xaa, 0x2a}; !slices.Equal(got, want) {
		t.Errorf("A-law = % x, want % x", got, want)
	}
}

// Proves: D-15
func TestAttentionIsHeard(t *testing.T) {
	a := Attention()
	if got := a.Seconds(); math.Abs(got-5.4) > 0.001 {
		t.Errorf("attention lasts %.2f s, want 5.4 s as documented", got)
	}
	loud := 0
	for _, v := range a {
		if v > 2000 || v < -2000 {
			loud++
		}
	}
	if s := float64(loud) / Rate; s < 1 || s > 1.8 {
		t.Errorf("%.2f s of it are loud, want somewhat less than 1.8 s", s)
	}
}

// Proves: D-15
func TestCacheIsBoundedInBytes(t *testing.T) {
	c := newCache(10_000)
	for i := range 50 {
		s := strconv.Itoa(i)
		c.put(s, make(Audio, 1000))
		c.put(s, make(Audio, 1000)) // twice is once
		c.get("0")                  // used all the time
		if c.size > 10_000 || c.order.Len() != len(c.by) {
			t.Fatalf("after %d: %d bytes, %d in order, %d by name", i, c.size, c.order.Len(), len(c.by))
		}
	}
	if _, ok := c.get("0"); !ok {
		t.Error("the sentence used last was dropped")
	}
	if _, ok := c.get("30"); ok {
		t.Error("a sentence that nobody used was kept")
	}
	c.put("huge", make(Audio, 6000))
	if _, ok := c.get("huge"); ok || len(c.by) == 0 {
		t.Error("a sentence larger than the cache came in, or emptied it")
	}
}

// Proves: E7
func TestTheModuleCanWriteNothingButItsSound(t *testing.T) {
	s := &sink{limit: 10}
	if _, err := s.Open("/etc/passwd"); err == nil {
		t.Error("the module can open files")
	}
	f, err := s.Open(sinkName)
	if err != nil {
		t.Fatal(err)
	}
	w := f.(io.WriteSeeker)
	if _, err := w.Write([]byte("headersound")); !errors.Is(err, errFull) {
		t.Errorf("11 bytes into 10: %v, want errFull", err)
	}
	steps := []error{}
	_, err = w.Write([]byte("......"))
	steps = append(steps, err)
	_, err = w.Seek(0, io.SeekStart)
	steps = append(steps, err)
	_, err = w.Write([]byte("head"))
	steps = append(steps, err)
	if err := errors.Join(steps...); err != nil || string(s.data) != "head.." {
		t.Errorf("%q, %v; want the beginning written over", s.data, err)
	}
	for _, to := range []int64{-1, 11} {
		if _, err := w.Seek(to, io.SeekStart); err == nil {
			t.Errorf("seek to %d of 10 bytes", to)
		}
	}
}

// Proves: D-15
func TestASentenceCannotRunForEver(t *testing.T) {
	t.Parallel()
	wasm, err := embedded()
	if err != nil {
		t.Skip(err)
	}
	e, err := newEngine(t.Context(), wasm, "slt", true)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if pcm, err := e.render(ctx, sentence); err == nil {
		t.Errorf("%d samples after the deadline", len(pcm))
	}
	if _, err := e.render(t.Context(), "Goodbye."); err != nil {
		t.Errorf("the next sentence: %v", err)
	}
}

func wave(format, channels, rate, bits int, data []byte) []byte {
	b := []byte("RIFF....WAVEfmt ")
	le := binary.LittleEndian
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, uint16(format))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, "LIST\x03\x00\x00\x00abc\x00data"...)
	b = le.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// Proves: D-15
func TestWaveFiles(t *testing.T) {
	if got, err := parseWAV(wave(1, 1, 16000, 16, []byte{1, 0, 0xff, 0xff})); err != nil || !slices.Equal(got, []int16{1, -1}) {
		t.Errorf("parseWAV = %v, %v; want 1, -1", got, err)
	}
	good := wave(1, 1, 16000, 16, []byte{1, 0, 2, 0})
	for name, in := range map[string][]byte{
		"8 kHz, which is the voice for an unknown name": wave(1, 1, 8000, 16, nil),
		"two channels":     wave(1, 2, 16000, 16, nil),
		"eight bits":       wave(1, 1, 16000, 8, nil),
		"floating point":   wave(3, 1, 16000, 16, nil),
		"nothing":          nil,
		"cut short":        good[:len(good)-1],
		"no data at all":   good[:36],
		"another format":   append([]byte("OggS"), good[4:]...),
		"data before form": append(slices.Clone(good[:12]), "data\x00\x00\x00\x00"...),
	} {
		if got, err := parseWAV(in); err == nil {
			t.Errorf("%s: %d samples, want an error", name, len(got))
		}
	}
}

// Proves: D-15
func FuzzParseWAV(f *testing.F) {
	f.Add(wave(1, 1, 16000, 16, []byte{1, 0, 2, 0}))
	f.Add([]byte("RIFF....WAVEdata\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := parseWAV(b); err == nil && 2*len(got) > len(b) {
			t.Errorf("%d samples of %d bytes", len(got), len(b))
		}
	})
}
