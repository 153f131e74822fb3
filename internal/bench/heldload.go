package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// heldLoad asks a location server for many devices. It does as little as it can
// for a request, and the same for each server.
type heldLoad struct {
	world heldWorld
	addr  string
	moves []uint8 // of each device
	turn  []int   // of each connection
	still bool    // nobody moves
}

func newHeldLoad(world heldWorld, addr string, conns int) (*heldLoad, error) {
	l := &heldLoad{world: world, addr: addr, moves: make([]uint8, world.devices), turn: make([]int, conns)}
	return l, l.world.requests(addr)
}

// run sends requests on every connection, for so long: one after the other, or
// at a rate over all of them. Times are from when each was due.
func (l *heldLoad) run(ctx context.Context, d time.Duration, rate float64) (count int64, late []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	conns := len(l.turn)
	counts := make([]int64, conns)
	lates := make([][]time.Duration, conns)
	errs := make([]error, conns)
	for i := range conns {
		wg.Go(func() { counts[i], lates[i], errs[i] = l.client(ctx, i, rate/float64(conns)) })
	}
	wg.Wait()
	for i := range counts {
		count += counts[i]
		late = append(late, lates[i]...)
	}
	return count, late, errors.Join(errs...)
}

// client is one keep-alive connection, which asks for its share of the devices.
func (l *heldLoad) client(ctx context.Context, i int, rate float64) (n int64, late []time.Duration, err error) {
	c, err := net.Dial("tcp4", l.addr)
	if err != nil {
		return 0, nil, fmt.Errorf("connect: %w", err)
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 8192)
	var out []byte
	share := l.world.devices / len(l.turn)
	var due time.Time
	var tick *time.Timer
	if rate > 0 {
		gap := time.Duration(float64(time.Second) / rate)
		due = time.Now().Add(gap * time.Duration(i) / time.Duration(len(l.turn)))
		tick = time.NewTimer(time.Until(due))
		defer tick.Stop()
	}
	for ; ctx.Err() == nil; n++ {
		if tick != nil {
			if wait := time.Until(due); wait > 0 {
				tick.Reset(wait)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return n, late, nil
				}
			}
		}
		l.turn[i]++
		turn := l.turn[i]
		device := i*share + turn%share
		if turn%100 == 0 && !l.still {
			l.moves[device]++
		}
		out = l.world.write(out, device, int(l.moves[device]))
		if _, err := c.Write(out); err != nil {
			return n, late, fmt.Errorf("ask: %w", err)
		}
		if err := skipAnswer(in); err != nil {
			return n, late, err
		}
		if tick != nil {
			late = append(late, time.Since(due))
			due = due.Add(time.Duration(float64(time.Second) / rate))
		}
	}
	return n, late, nil
}

// skipAnswer reads one answer and looks at nothing but its status and length.
func skipAnswer(in *bufio.Reader) error {
	length, first := 0, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("answered %q", line)
		}
		first = false
		if len(line) <= 2 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, d := range bytes.TrimSpace(v) {
				length = 10*length + int(d-'0')
			}
		}
	}
	if _, err := in.Discard(length); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	return nil
}
