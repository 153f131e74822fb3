package voice

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sentence = "You are calling from six one seven, five five five, zero one one one."

// Proves: W-50, D-15
func TestTheSameSentenceGivesTheSameSoundWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	inProcess := started(t, Config{})
	inWorker := started(t, Config{Worker: self(t, "speech-worker", "slt")})
	var all []Audio
	for _, s := range []*Speaker{inProcess, inWorker, inWorker} {
		a, err := s.Say(t.Context(), sentence)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if s := all[0].Seconds(); s < 3 || s > 8 {
		t.Errorf("the sentence sounds for %.1f s, want some 5 s", s)
	}
	if !slices.Equal(all[0], all[1]) || !slices.Equal(all[0], all[2]) {
		t.Error("one sentence, several sounds")
	}
}

// Proves: D-15
func TestEveryVoiceSpeaks(t *testing.T) {
	t.Parallel()
	for _, v := range voices {
		a, err := started(t, Config{Voice: v, Worker: self(t, "speech-worker", v)}).Say(t.Context(), "Goodbye.")
		if err != nil || a.Seconds() < 0.4 {
			t.Errorf("voice %s: %.1f s, %v", v, a.Seconds(), err)
		}
	}
	if _, err := New(Config{Voice: "nobody"}); err == nil {
		t.Error("a voice that is none was accepted")
	}
}

// Proves: D-15
func TestFixedSentencesAreKept(t *testing.T) {
	t.Parallel()
	s := started(t, Config{Fixed: []string{"zero", "Goodbye."}, CacheBytes: 1, Worker: self(t, "speech-worker", "slt")})
	<-s.Prepared()
	for _, f := range []string{"zero", "Goodbye."} {
		if a, ok := s.Kept(f); !ok || a.Seconds() == 0 {
			t.Errorf("%q was not kept", f)
		}
	}
	if _, ok := s.Kept("one"); ok {
		t.Error("a sentence was kept that nobody fixed")
	}
}

// Proves: D-15
func TestAFixedSentenceThatFailedAtStartIsKeptWhenItIsSaid(t *testing.T) {
	t.Parallel()
	s := started(t, Config{Fixed: []string{"zero"}, Worker: self(t, "dying-worker")})
	<-s.Prepared()
	if _, ok := s.Kept("zero"); ok {
		t.Fatal("a dying worker spoke")
	}
	if _, err := s.Say(t.Context(), "zero"); err != nil { // after three failures: in this process
		t.Fatal(err)
	}
	if _, ok := s.Kept("zero"); !ok {
		t.Error("the fixed sentence was not kept")
	}
}

// Proves: D-15
func TestCallersComeBeforeFixedSentences(t *testing.T) {
	t.Parallel()
	fixed := make([]string, 40)
	for i := range fixed {
		fixed[i] = "This is sentence " + strings.Repeat("more and ", i%7) + "more " + strconv.Itoa(i)
	}
	s, err := New(Config{Fixed: fixed, Timeout: time.Minute, Worker: self(t, "speech-worker", "slt")})
	if err != nil {
		t.Fatal(err)
	}
	if s.Missing() != nil {
		t.Skip(s.Missing())
	}
	run(t, s)
	if _, err := s.Say(t.Context(), sentence); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Prepared():
		t.Error("a caller waited for forty fixed sentences")
	default:
	}
}

// Proves: D-15, E4
func TestAFullQueueSaysSoAtOnce(t *testing.T) {
	t.Parallel()
	s := started(t, Config{Queue: 2, Timeout: time.Minute, Worker: self(t, "hanging-worker")})
	ctx, stop := context.WithCancel(t.Context())
	errs := make(chan error)
	for i := range 8 {
		go func() {
			_, err := s.Say(ctx, "sentence "+strconv.Itoa(i))
			errs <- err
		}()
	}
	// One is being made, two wait, or one fewer where the worker had not begun.
	for range 5 {
		if err := <-errs; !errors.Is(err, ErrBusy) {
			t.Errorf("Say = %v, want ErrBusy", err)
		}
	}
	stop()
	for range 3 {
		if err := <-errs; err == nil {
			t.Error("a process that never answers gave sound")
		}
	}
}

// Proves: D-15
func TestASentenceThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"hanging-worker", "babbling-worker", "dying-worker"} {
		s := started(t, Config{Timeout: 300 * time.Millisecond, Worker: self(t, mode)})
		if _, err := s.Say(t.Context(), sentence); err == nil {
			t.Errorf("%s gave sound", mode)
		}
	}
}

// Proves: D-15
func TestSpeechGoesOnInThisProcessWhenTheWorkerKeepsFailing(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := started(t, Config{Worker: self(t, "dying-worker"), Log: slog.New(slog.NewTextHandler(&log, nil))})
	failed := 0
	for {
		_, err := s.Say(t.Context(), sentence)
		if err == nil {
			break
		}
		if failed++; failed > maxFailures {
			t.Fatalf("still no speech: %v", err)
		}
		if strings.Contains(err.Error(), "seven") {
			t.Errorf("the error tells the number: %v", err)
		}
	}
	if failed != maxFailures {
		t.Errorf("%d failures before speech came, want %d", failed, maxFailures)
	}
}

// Proves: D-15
func TestTheWorkerYieldsToEverybody(t *testing.T) {
	t.Parallel()
	if _, err := embedded(); err != nil {
		t.Skip(err)
	}
	p := newProcess(self(t, "speech-worker", "slt"))
	defer p.close(t.Context())
	if _, err := p.render(t.Context(), sentence); err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/task/*")
	if err != nil || len(tasks) == 0 {
		t.Skip("no /proc to see the threads in")
	}
	for _, task := range tasks {
		id, _ := strconv.Atoi(filepath.Base(task))
		// The system call gives 20 less the nice value.
		if got, err := syscall.Getpriority(syscall.PRIO_PROCESS, id); err != nil || got != 20-niceness {
			t.Errorf("thread %d has nice value %d, %v; want %d", id, 20-got, err, niceness)
		}
	}
	if env, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/environ"); err != nil || strings.Contains(string(env), "PATH=") {
		t.Errorf("the worker got our environment, %v", err)
	}
}

// Proves: D-15
func TestTheWorkerEndsWithItsInput(t *testing.T) {
	t.Parallel()
	if _, err := embedded(); err != nil {
		t.Skip(err)
	}
	p := newProcess(self(t, "speech-worker", "slt"))
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	if err := p.in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the worker ended with %v, want no error", err)
	}
}

// Proves: D-15
func TestWithoutTheModuleSayRefusesAtOnce(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Fixed: []string{"Goodbye."}})
	if err != nil {
		t.Fatal(err)
	}
	s.missing = ErrMissing // as embedded says in a plain go build
	run(t, s)
	<-s.Prepared()
	if _, err := s.Say(t.Context(), sentence); !errors.Is(err, ErrMissing) {
		t.Errorf("Say = %v, want ErrMissing", err)
	}
	if _, ok := s.Kept("Goodbye."); ok {
		t.Error("a sentence was made of nothing")
	}
}

// Proves: D-15
func TestWhatCannotBeSpokenIsRefused(t *testing.T) {
	t.Parallel()
	s := started(t, Config{})
	for name, in := range map[string]string{
		"nothing": "", "stops only": " ., ", "too long": strings.Repeat("a ", 301), "a NUL": "one\x00two",
		"a line break": "one\ntwo", "an accent": "Montréal", "broken UTF-8": "\xff",
	} {
		if _, err := s.Say(t.Context(), in); !errors.Is(err, ErrSentence) {
			t.Errorf("%s: %v, want ErrSentence", name, err)
		}
	}
	// An option of flite inside the text is text.
	if a, err := s.Say(t.Context(), "-voice kal"); err != nil || a.Seconds() == 0 {
		t.Errorf("a sentence that looks like an option: %.1f s, %v", a.Seconds(), err)
	}
}

// Proves: D-15
func TestAStoppedSpeakerRefuses(t *testing.T) {
	t.Parallel()
	for range 5 {
		s, err := New(Config{Fixed: []string{"zero", "one"}, Worker: self(t, "speech-worker", "slt")})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		waiting := make(chan error, 1)
		go func() {
			_, err := s.Say(context.Background(), sentence)
			waiting <- err
		}()
		stop()
		if err := <-done; err != nil {
			t.Fatalf("Run = %v", err)
		}
		<-waiting // it may have been made just in time, but it must return
		if _, err := s.Say(t.Context(), "two"); !errors.Is(err, ErrStopped) && !errors.Is(err, ErrMissing) {
			t.Fatalf("Say after the end = %v, want ErrStopped", err)
		}
	}
}

// BenchmarkSentence shows what a sentence costs this process: in a worker, and
// here. The cache is too small to help.
func BenchmarkSentence(b *testing.B) {
	for name, worker := range map[string][]string{"in a worker": self(b, "speech-worker", "slt"), "in this process": nil} {
		b.Run(name, func(b *testing.B) {
			s := started(b, Config{CacheBytes: 1, Worker: worker})
			if _, err := s.Say(b.Context(), sentence); err != nil {
				b.Fatal(err)
			}
			before := ownCPU(b)
			sound := 0.0
			for b.Loop() {
				a, err := s.Say(b.Context(), sentence)
				if err != nil {
					b.Fatal(err)
				}
				sound += a.Seconds()
			}
			b.ReportMetric(float64(ownCPU(b)-before)/float64(b.N)/1e6, "own-CPU-ms/op")
			b.ReportMetric(sound/float64(b.N), "sound-s/op")
		})
	}
}

func ownCPU(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
