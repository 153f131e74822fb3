package callbackflow

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt; review the diff as specification")

// The transcripts are the specification. "rings" names the legs of each group,
// with a slash between groups. A line that starts with ">" is what happens; the
// lines below it are what is done about it. "> +20s" lets time pass.
//
// Proves: F-11, F-12, W-54, E6, D-04
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := play(string(want))
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-file +machine):\n%s", file, diff)
			}
		})
	}
}

// stage plays one transcript.
type stage struct {
	m      *Machine
	names  []string // "psap", then the legs
	now    time.Duration
	timers map[Timer]time.Duration
	out    strings.Builder
}

func play(text string) (string, error) {
	s := &stage{names: []string{"psap"}, timers: map[Timer]time.Duration{}}
	cfg := Config{}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
			s.out.WriteString(line + "\n")
		case words[0] == "rings":
			cfg.Groups = []int{0}
			for _, w := range words[1:] {
				if w == "/" {
					cfg.Groups = append(cfg.Groups, 0)
					continue
				}
				cfg.Groups[len(cfg.Groups)-1]++
				s.names = append(s.names, w)
			}
			s.out.WriteString(line + "\n")
		case words[0] == "late-offer":
			cfg.LateOffer = true
			s.out.WriteString(line + "\n")
		case words[0] == ">":
			if s.m == nil {
				s.m = New(cfg)
			}
			s.out.WriteString(line + "\n")
			if err := s.happens(words[1:]); err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	return s.out.String(), nil
}

func (s *stage) happens(words []string) error {
	if d, ok := strings.CutPrefix(words[0], "+"); ok {
		return s.pass(d)
	}
	ev := Event{Kind: EventKind(words[0])}
	if n := slices.Index(s.names, words[0]); n >= 0 {
		ev.N = n
		rest := words[1:]
		if k := len(rest); k > 0 {
			if code, err := strconv.Atoi(rest[k-1]); err == nil {
				ev.Code, rest = code, rest[:k-1]
			} else if rest[k-1] == "sdp" {
				ev.SDP, rest = true, rest[:k-1]
			}
		}
		ev.Kind = EventKind(strings.Join(rest, " "))
	}
	s.step(ev, "  ")
	return nil
}

func (s *stage) pass(d string) error {
	wait, err := time.ParseDuration(d)
	if err != nil {
		return err
	}
	end := s.now + wait
	for {
		var first Timer
		for t, at := range s.timers {
			if at <= end && (first == "" || at < s.timers[first]) {
				first = t
			}
		}
		if first == "" {
			break
		}
		s.now = s.timers[first]
		delete(s.timers, first)
		fmt.Fprintf(&s.out, "  at %.0f s: %s\n", s.now.Seconds(), first)
		s.step(Event{Kind: Fired, Timer: first}, "    ")
	}
	s.now = end
	return nil
}

func (s *stage) step(ev Event, indent string) {
	for _, a := range s.m.Step(ev) {
		who := s.names[a.N]
		switch a.Do {
		case SetTimer:
			s.timers[a.Timer] = s.now + a.After
			continue
		case StopTimer:
			delete(s.timers, a.Timer)
			continue
		case Dial, Cancel, ByeLeg, PassReInvite, PassAck:
			fmt.Fprintf(&s.out, "%s%s %s", indent, a.Do, who)
		case Ringback:
			fmt.Fprintf(&s.out, "%spsap hears ringing, of %s", indent, who)
		case Answer:
			fmt.Fprintf(&s.out, "%spsap talks with %s", indent, who)
		case Reject:
			fmt.Fprintf(&s.out, "%spsap is answered %d", indent, a.Code)
		case PassAnswer:
			fmt.Fprintf(&s.out, "%s%s %s %d", indent, a.Do, who, a.Code)
		case Missed:
			fmt.Fprintf(&s.out, "%speople are told: %s", indent, a.Reason)
		case End:
			fmt.Fprintf(&s.out, "%sended by %s: %s", indent, a.By, a.Reason)
		}
		s.out.WriteString("\n")
	}
}
