package callflow

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

// The transcripts are the specification of a call. A line that starts with ">"
// is what happens; the lines below it are what the machine does about it.
// "> +4s" lets time pass: every timer that runs out is said with its time.
//
// Proves: E1, E4, E8, F-02, F-03, F-09, F-15, F-16, F-29, F-32, W-52, D-04, D-17
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
	routes []string
	now    time.Duration
	timers []pending
	out    strings.Builder
}

type pending struct {
	timer Timer
	at    time.Duration
}

func play(text string) (string, error) {
	s := &stage{}
	cfg := Config{Policy: DefaultPolicy()}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
			s.out.WriteString(line + "\n")
		case words[0] == "routes":
			for _, w := range words[1:] {
				name, down := strings.CutSuffix(w, "(down)")
				name, slow := strings.CutSuffix(name, "(slow)")
				s.routes = append(s.routes, name)
				cfg.Routes = append(cfg.Routes, Route{Down: down, Slow: slow})
			}
			s.out.WriteString(line + "\n")
		case words[0] == "invite" && line == "invite without sdp":
			cfg.LateOffer = true
			s.out.WriteString(line + "\n")
		case words[0] == ">" && words[1] == "resumed":
			s.out.WriteString(line + "\n")
			if err := s.resume(cfg, words[2:]); err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
		case words[0] == ">" && words[1] == "waits":
			s.out.WriteString(line + "\n")
			if err := s.waits(cfg, strings.TrimPrefix(line, "> waits again after ")); err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
		case words[0] == ">":
			if s.m == nil {
				s.m = New(cfg)
			}
			s.out.WriteString(line + "\n")
			if err := s.input(words[1:]); err != nil {
				return "", fmt.Errorf("line %d: %w", i+1, err)
			}
		case !strings.HasPrefix(line, "  "):
			return "", fmt.Errorf("line %d: %q", i+1, line)
		}
	}
	return s.out.String(), nil
}

// resume reads "resumed 2 after 30s": the call of attempt 2, which was up for 30 s.
func (s *stage) resume(cfg Config, words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	talked, err := time.ParseDuration(words[2])
	if err != nil {
		return err
	}
	var acts []Action
	s.m, acts = Resume(cfg, Standing{Winner: n, Talked: talked})
	s.do(acts, "  ")
	return nil
}

// waits reads "3s told: 1 by carrier-a rings, 2 by carrier-b slim, carrier-c tried":
// a caller who still waits 3 s after his call, and what became of each attempt.
func (s *stage) waits(cfg Config, text string) error {
	head, list, _ := strings.Cut(text, ":")
	words := strings.Fields(head)
	since, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	w := &Waits{Since: since, Told: slices.Contains(words, "told"), NotConnected: slices.Contains(words, "alarmed")}
	for _, item := range strings.Split(list, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue
		}
		if words[1] == "tried" {
			w.Made++
			w.Tried = append(w.Tried, slices.Index(s.routes, words[0]))
			continue
		}
		n, err := strconv.Atoi(words[0])
		if err != nil {
			return err
		}
		w.Made = max(w.Made, n)
		w.Out = append(w.Out, Out{
			N: n, Route: slices.Index(s.routes, words[2]), Slim: slices.Contains(words, "slim"),
			Rings: slices.Contains(words, "rings"), Early: slices.Contains(words, "early"),
		})
	}
	var acts []Action
	s.m, acts = Resume(cfg, Standing{Waits: w})
	s.do(acts, "  ")
	return nil
}

func (s *stage) input(words []string) error {
	if d, ok := strings.CutPrefix(words[0], "+"); ok {
		by, err := time.ParseDuration(d)
		if err != nil {
			return err
		}
		s.pass(by)
		return nil
	}
	ev, err := event(words)
	if err != nil {
		return err
	}
	s.do(s.m.Step(ev), "  ")
	return nil
}

// pass lets time go by and fires what runs out, in order.
func (s *stage) pass(by time.Duration) {
	end := s.now + by
	for {
		next := -1
		for i, p := range s.timers {
			if p.at <= end && (next < 0 || p.at < s.timers[next].at) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		p := s.timers[next]
		s.timers = slices.Delete(s.timers, next, next+1)
		s.now = p.at
		name := string(p.timer.Name)
		if p.timer.N > 0 {
			name += fmt.Sprintf(" of %d", p.timer.N)
		}
		fmt.Fprintf(&s.out, "  at %.3f s: %s\n", s.now.Seconds(), name)
		s.do(s.m.Step(Event{Kind: Fired, Timer: p.timer}), "    ")
	}
	s.now = end
}

func (s *stage) do(acts []Action, indent string) {
	for _, a := range acts {
		drop := func(p pending) bool { return p.timer == a.Timer }
		switch a.Do {
		case SetTimer:
			s.timers = append(slices.DeleteFunc(s.timers, drop), pending{a.Timer, s.now + a.After})
		case StopTimer:
			s.timers = slices.DeleteFunc(s.timers, drop)
		case Finish:
			s.timers = nil
			s.out.WriteString(indent + "finish\n")
		default:
			s.out.WriteString(indent + s.say(a) + "\n")
		}
	}
}

func (s *stage) say(a Action) string {
	who := func(n int) string {
		switch n {
		case 0:
			return "caller"
		case Newcomer:
			return "newcomer"
		}
		return strconv.Itoa(n)
	}
	switch a.Do {
	case Dial:
		text := fmt.Sprintf("dial %d by %s", a.N, s.routes[a.Route])
		if a.Slim {
			text += ", slim"
		}
		if a.Follow {
			text += ", following the redirect"
		}
		return text
	case Transfer:
		return fmt.Sprintf("dial %d by %s, to the target of the referral", a.N, s.routes[a.Route])
	case AnswerRefer:
		return fmt.Sprintf("refer of %s gets %d", who(a.N), a.Code)
	case TellRefer:
		return fmt.Sprintf("%s is told %d", who(a.N), a.Code)
	case TurnAway:
		return fmt.Sprintf("who comes gets %d", a.Code)
	case Take:
		return "who comes is " + who(a.N)
	case Decline:
		return fmt.Sprintf("%s gets %d", who(a.N), a.Code)
	case Accept:
		return who(a.N) + " gets 200"
	case Connect:
		return "re-invite the caller to " + who(a.N)
	case Move:
		return "re-invite the psap to the place of " + who(a.N)
	case Joined:
		return fmt.Sprintf("%s has the call: %s", who(a.N), a.Reason)
	case HandOver:
		return "handed over"
	case Probe:
		return "ask " + who(a.N)
	case Cancel, ByeLeg:
		return fmt.Sprintf("%s %s: %s", a.Do, who(a.N), a.Reason)
	case Relay:
		return fmt.Sprintf("caller gets %d of %d", a.Code, a.N)
	case Ringback:
		return fmt.Sprintf("caller gets 180 as %d", a.N)
	case Answer:
		return fmt.Sprintf("caller gets 200 of %d", a.N)
	case Reject:
		return fmt.Sprintf("caller gets %d", a.Code)
	case Notify, Alarm:
		return fmt.Sprintf("%s %s", a.Do, a.Reason)
	case GiveUp:
		text := fmt.Sprintf("gave up %d: %s", a.N, a.Reason)
		if a.Code > 0 {
			text += fmt.Sprintf(" %d", a.Code)
		}
		if a.Silent {
			text += ", nothing heard"
		}
		return text
	case AnswerHold, OfferCaller:
		return string(a.Do) + " (caller)"
	case PassReInvite, PassAnswer, PassAck, UpdatePSAP:
		text := fmt.Sprintf("%s of %s", a.Do, who(a.N))
		if a.Do == PassAck || a.Do == UpdatePSAP {
			text = fmt.Sprintf("%s to %s", a.Do, who(a.N))
		}
		if a.Code > 0 {
			text += fmt.Sprintf(": %d", a.Code)
		}
		return text
	case SendLocation:
		return "location to " + who(a.N)
	case RefuseReInvite:
		return fmt.Sprintf("refuse re-invite of %s: %d", who(a.N), a.Code)
	case EndCall:
		text := fmt.Sprintf("ended by %s: %s", a.By, a.Reason)
		if a.Abandoned {
			text += " (abandoned)"
		}
		return text
	}
	return fmt.Sprintf("%+v", a)
}

// event reads "arrived", "1 progress 183 sdp", "caller re-invite hold" ...
func event(words []string) (Event, error) {
	var ev Event
	if words[0] == "caller" {
		words = words[1:]
	} else if words[0] == "newcomer" {
		ev.N, words = Newcomer, words[1:]
	} else if n, err := strconv.Atoi(words[0]); err == nil {
		ev.N = n
		words = words[1:]
	}
	kinds := []EventKind{Arrived, Recorded, Sent, SendFailed, Progress, Answered, Failed, Lost, Cancelled, Bye, ReInvite, ReInviteAnswered, Acked, Stopped, Probed, Refer, Replace, Relocated}
	for len(words) > 0 {
		w := words[0]
		if code, err := strconv.Atoi(w); err == nil {
			ev.Code = code
			words = words[1:]
			continue
		}
		switch w {
		case "sdp":
			ev.SDP = true
		case "follow":
			ev.Follow = true
		case "talk", "hold", "same":
			ev.Media = Media(w)
		default:
			two := w
			if len(words) > 1 {
				two += " " + words[1]
			}
			switch {
			case two != w && slices.Contains(kinds, EventKind(two)):
				ev.Kind = EventKind(two)
				words = words[1:]
			case slices.Contains(kinds, EventKind(w)):
				ev.Kind = EventKind(w)
			default:
				return ev, fmt.Errorf("unknown word %q", w)
			}
		}
		words = words[1:]
	}
	if ev.Kind == "" {
		return ev, fmt.Errorf("no event in the line")
	}
	return ev, nil
}
