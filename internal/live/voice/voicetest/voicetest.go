// Package voicetest checks what Callbox says on the sound itself (F-38 h): it
// makes the expected sentences outside Callbox and compares samples, word by
// word. Speech recognition cannot tell one digit from another on a telephone
// line, so the comparison is with the one right sound.
//
// Outside means: the same flite module and voice, run by node with system calls
// of its own (flite.mjs, not wazero), taken to 8 kHz u-law by sox (not by
// package voice), decoded here after the formula of G.711. It imports nothing of
// Callbox. Tests alone use it, in processes as well as over the binary.
package voicetest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed flite.mjs
var script []byte

// rate is the number of samples a second of all sound here.
const rate = 8000

// Word is one word and where it sounds in its sentence, in samples.
type Word struct {
	Text       string
	Start, End int
}

// Sentence is an expected sentence.
type Sentence struct {
	Text  string
	Audio []int16
	Words []Word
}

// Sentences cuts the text of a test call's record into what was spoken one after
// the other: each ends in a full stop, and no other full stop is in it.
func Sentences(text string) []string {
	var all []string
	for s := range strings.SplitAfterSeq(text, ". ") {
		all = append(all, strings.TrimSpace(s))
	}
	return all
}

// Render makes the sentences. It skips the test, and says why, where node, sox
// or the speech module is missing.
func Render(tb testing.TB, voice string, sentences ...string) []Sentence {
	tb.Helper()
	wasm := module(tb)
	for _, tool := range []string{"node", "sox"} {
		if _, err := exec.LookPath(tool); err != nil {
			tb.Skipf("%s is not installed (make debs)", tool)
		}
	}
	dir := tb.TempDir()
	runner := filepath.Join(dir, "flite.mjs")
	if err := os.WriteFile(runner, script, 0o600); err != nil {
		tb.Fatal(err)
	}
	job, err := json.Marshal(map[string]any{"wasm": wasm, "voice": voice, "dir": dir, "sentences": sentences})
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), "node", runner)
	cmd.Stdin = strings.NewReader(string(job))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("node: %v", err)
	}
	var said struct {
		Sentences []spoken
		Counts    map[string]int
	}
	if err := json.Unmarshal(out, &said); err != nil {
		tb.Fatalf("read what node says: %v", err)
	}
	all := make([]Sentence, len(sentences))
	for i, s := range said.Sentences {
		words, err := s.split(said.Counts)
		if err != nil {
			tb.Fatal(err)
		}
		all[i] = Sentence{Text: s.Text, Audio: telephone(tb, filepath.Join(dir, fmt.Sprintf("%d.wav", i))), Words: words}
	}
	return all
}

// module finds flite.wasm as make puts it.
func module(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			tb.Skip("no go.mod above this test: the speech module cannot be found")
		}
		dir = filepath.Dir(dir)
	}
	wasm := filepath.Join(dir, "internal/live/voice/dist/flite.wasm")
	if _, err := os.Stat(wasm); err != nil {
		tb.Skip("the speech module is missing (make assets)")
	}
	return wasm
}

// spoken is what flite.mjs tells of a sentence.
type spoken struct {
	Text   string
	Words  []string
	Sounds []struct {
		Name string
		End  float64 // seconds
	}
}

// split gives each word its share of the sounds: as many as it has by itself.
func (s spoken) split(counts map[string]int) ([]Word, error) {
	words := make([]Word, 0, len(s.Words))
	left, start := 0, 0.0
	for _, snd := range s.Sounds {
		if snd.Name != "pau" {
			if left == 0 {
				if len(words) == len(s.Words) {
					return nil, fmt.Errorf("%q has more sounds than its words", s.Text)
				}
				text := s.Words[len(words)]
				left = counts[text]
				words = append(words, Word{Text: text, Start: int(start * rate)})
			}
			if left--; left == 0 {
				words[len(words)-1].End = int(snd.End * rate)
			}
		}
		start = snd.End
	}
	if left != 0 || len(words) != len(s.Words) {
		return nil, fmt.Errorf("%q has fewer sounds than its words", s.Text)
	}
	return words, nil
}

// telephone lets sox take a file to 8 kHz u-law, and decodes it.
func telephone(tb testing.TB, wav string) []int16 {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "sox", "-D", wav, "-r", "8000", "-c", "1", "-e", "u-law", "-b", "8", "-t", "raw", "-")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("sox: %v", err)
	}
	return MuLaw(out)
}

// MuLaw decodes u-law (ITU-T G.711, table 2a).
func MuLaw(b []byte) []int16 {
	pcm := make([]int16, len(b))
	for i, c := range b {
		c = ^c
		v := (int(c&0x0f)<<3+0x84)<<(c>>4&7) - 0x84
		if c&0x80 != 0 {
			v = -v
		}
		pcm[i] = int16(v)
	}
	return pcm
}

// Same is the least likeness of two renderings of one word. Measured with all
// four voices, and with other digits in each place of numbers and an address:
// the right word has 0.990 and more (slt: 0.9996), a wrong digit 0.83 at most.
const Same = 0.95

// Heard is how an expected word was found in a recording.
type Heard struct {
	Sentence int // index
	Word     string
	At       int     // sample of the recording, where it was found
	Likeness float64 // -1 to 1: the correlation of the samples; a word cut off has 0
}

// How far around its place a word, and how long after the one before it a
// sentence is looked for, in samples. A busy machine may make a caller wait.
const (
	wordSlack     = rate * 15 / 1000
	sentenceSlack = 120 * rate
)

// Listen finds the sentences in the recording, in their order, and returns every
// word with its likeness.
func Listen(recording []int16, want []Sentence) []Heard {
	r := newEar(recording)
	var all []Heard
	from := 0
	for i, s := range want {
		key := Word{Start: s.Words[0].Start, End: min(s.Words[0].Start+rate*6/10, len(s.Audio))}
		at, _ := r.find(s.Audio[key.Start:key.End], from, from+sentenceSlack, 0.9)
		start := at - key.Start
		for _, w := range s.Words {
			at, likeness := r.find(s.Audio[w.Start:w.End], start+w.Start-wordSlack, start+w.Start+wordSlack, 0.1)
			all = append(all, Heard{Sentence: i, Word: w.Text, At: at, Likeness: likeness})
		}
		from = start + s.Words[len(s.Words)-1].End
	}
	return all
}

// Wrong returns the words that are not the expected ones.
func Wrong(heard []Heard) []Heard {
	var wrong []Heard
	for _, h := range heard {
		if !(h.Likeness >= Same) {
			wrong = append(wrong, h)
		}
	}
	return wrong
}

// ear is a recording with the energy up to each sample.
type ear struct {
	sound  []int16
	energy []float64
}

func newEar(sound []int16) ear {
	e := ear{sound: sound, energy: make([]float64, len(sound)+1)}
	for i, v := range sound {
		e.energy[i+1] = e.energy[i] + float64(v)*float64(v)
	}
	return e
}

// find returns where, from first to last, the recording is most like the
// pattern, and the normalised correlation there. Only places are looked at where
// the weaker of the two has at least the part loud of the other's level. It shares
// nothing with another goroutine, and watched for races takes ten times as long.
//
//go:norace
func (e ear) find(pattern []int16, first, last int, loud float64) (at int, likeness float64) {
	first, last = max(0, first), min(last, len(e.sound)-len(pattern))
	own := 0.0
	for _, v := range pattern {
		own += float64(v) * float64(v)
	}
	at = first
	for p := first; p <= last; p++ {
		there := e.energy[p+len(pattern)] - e.energy[p]
		if min(there, own) < loud*loud*max(there, own) {
			continue
		}
		var sum int64
		for i, v := range e.sound[p : p+len(pattern)] {
			sum += int64(v) * int64(pattern[i])
		}
		if l := float64(sum) / math.Sqrt(there*own); l > likeness {
			at, likeness = p, l
		}
	}
	return at, likeness
}
