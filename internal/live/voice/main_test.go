package voice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// TestMain makes this test binary its own worker process, also a broken one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "speech-worker":
			if err := Serve(context.Background(), os.Args[2], os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		case "hanging-worker": // takes everything, answers nothing
			_, _ = io.Copy(io.Discard, os.Stdin)
			return
		case "dying-worker":
			fmt.Fprintln(os.Stderr, "no such thing as speech")
			os.Exit(3)
		case "babbling-worker": // answers with what is no answer
			_, _ = io.CopyN(os.Stdout, os.Stdin, 4)
			_, _ = os.Stdout.Write([]byte{0, 0xff, 0xff, 0xff, 0xff})
			_, _ = io.Copy(io.Discard, os.Stdin)
			return
		}
	}
	os.Exit(m.Run())
}

// self is the command line that runs this binary as a worker.
func self(t testing.TB, mode ...string) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{exe}, mode...)
}

// started returns a running speaker, stopped when the test ends. It skips where
// the module is missing. Unless the test says otherwise, a busy machine may take
// its time.
func started(t testing.TB, cfg Config) *Speaker {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 2 * time.Minute
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if errors.Is(s.Missing(), ErrMissing) {
		t.Skip(s.Missing())
	}
	run(t, s)
	return s
}

func run(t testing.TB, s *Speaker) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
