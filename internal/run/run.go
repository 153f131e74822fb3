// Package run starts and stops long-running parts in order. A part runs until
// its context ends and returns only when every goroutine that it started has
// ended; that is what makes a stopped server leave nothing behind.
package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Part is one long-running thing. Run blocks until ctx ends or the part cannot
// go on; it returns nil for the former.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// Group runs parts that were added in start order and stops them in reverse.
// The zero value is ready. Safe for concurrent use.
type Group struct {
	mu     sync.Mutex
	parts  []*running
	failed chan error
}

type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Go starts p. The part's context is its own, so that Stop can end parts one
// after the other.
func (g *Group) Go(p Part) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil {
		g.failed = make(chan error, 1)
	}
	failed := g.failed
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{name: p.Name, cancel: cancel, done: make(chan struct{})}
	g.parts = append(g.parts, r)
	go func() {
		defer close(r.done)
		if err := p.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			r.err = fmt.Errorf("%s: %w", p.Name, err)
			select {
			case failed <- r.err:
			default:
			}
		}
	}()
}

// Failed receives the error of the first part that could not go on.
func (g *Group) Failed() <-chan error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil {
		g.failed = make(chan error, 1)
	}
	return g.failed
}

// Stop ends the parts in reverse order, waiting for each, and returns all
// their errors. It may be called twice, and without a Go before it.
func (g *Group) Stop() error {
	g.mu.Lock()
	parts := g.parts
	g.parts = nil
	g.mu.Unlock()
	var errs []error
	for i := len(parts) - 1; i >= 0; i-- {
		parts[i].cancel()
		<-parts[i].done
		errs = append(errs, parts[i].err)
	}
	return errors.Join(errs...)
}
