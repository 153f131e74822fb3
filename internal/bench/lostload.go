package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// lostLoad asks one server on 32 keep-alive connections, each one after the
// other, for as long as it is told.
type lostLoad struct {
	addr string
	asks []string
}

func (l *lostLoad) run(ctx context.Context, d time.Duration) (int64, error) {
	const conns = 32
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var counts [conns]int64
	var errs [conns]error
	var wg sync.WaitGroup
	for i := range conns {
		wg.Go(func() { counts[i], errs[i] = l.client(ctx, i*len(l.asks)/conns) })
	}
	wg.Wait()
	var sum int64
	for _, n := range counts {
		sum += n
	}
	return sum, errors.Join(errs[:]...)
}

func (l *lostLoad) client(ctx context.Context, at int) (n int64, err error) {
	c, err := net.Dial("tcp4", l.addr)
	if err != nil {
		return 0, fmt.Errorf("connect: %w", err)
	}
	defer c.Close()
	in := bufio.NewReaderSize(c, 8192)
	for ; ctx.Err() == nil; n++ {
		if _, err := c.Write([]byte(l.asks[(at+int(n))%len(l.asks)])); err != nil {
			return n, fmt.Errorf("ask: %w", err)
		}
		if err := skipAnswer(in); err != nil {
			return n, err
		}
	}
	return n, nil
}
