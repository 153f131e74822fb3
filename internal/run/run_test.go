package run

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestPartsStopInReverseAndAreWaitedFor(t *testing.T) {
	var g Group
	var mu sync.Mutex
	var ended []string
	for _, name := range []string{"journal", "sip", "web"} {
		g.Go(Part{Name: name, Run: func(ctx context.Context) error {
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, name)
			return ctx.Err()
		}})
	}
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"web", "sip", "journal"}; !slices.Equal(ended, want) {
		t.Errorf("ended %v, want %v", ended, want)
	}
	if err := g.Stop(); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

func TestAPartThatCannotGoOnIsReported(t *testing.T) {
	var g Group
	boom := errors.New("port taken")
	g.Go(Part{Name: "sip", Run: func(context.Context) error { return boom }})
	if err := <-g.Failed(); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if err := g.Stop(); !errors.Is(err, boom) {
		t.Errorf("stop said %v", err)
	}
}

func TestStopWithoutStartIsHarmless(t *testing.T) {
	var g Group
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
}
