package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// apiLoad asks for users at a rate, whatever the answers do.
type apiLoad struct {
	url   string // of the users of an organisation
	key   string
	users int
	rate  int

	once   sync.Once
	client *http.Client
	failed atomic.Int64
	mu     sync.Mutex
	late   []float64 // in ms, from when each was due
}

// apiConns is how many requests are under way at most: beyond, they wait, and the
// waiting counts.
const apiConns = 64

func (l *apiLoad) close() {
	if l.client != nil {
		l.client.CloseIdleConnections()
	}
}

// run asks for a time.
func (l *apiLoad) run(ctx context.Context, d time.Duration) error {
	l.once.Do(func() {
		l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: apiConns, MaxConnsPerHost: apiConns}, Timeout: 30 * time.Second}
	})
	type one struct {
		i   int
		due time.Time
	}
	n := int(d.Seconds() * float64(l.rate))
	work := make(chan one, n)
	var all sync.WaitGroup
	for range apiConns {
		all.Go(func() {
			for w := range work {
				if ctx.Err() != nil {
					continue
				}
				if err := l.ask(ctx, w.i); err != nil {
					l.failed.Add(1)
				}
				ms := float64(time.Since(w.due).Microseconds()) / 1000
				l.mu.Lock()
				l.late = append(l.late, ms)
				l.mu.Unlock()
			}
		})
	}
	begin, gap := time.Now(), time.Second/time.Duration(l.rate)
	tick := time.NewTicker(max(gap, time.Millisecond))
	defer tick.Stop()
	for i := 0; i < n && ctx.Err() == nil; {
		for ; i < n && time.Since(begin) >= time.Duration(i)*gap; i++ {
			work <- one{i, begin.Add(time.Duration(i) * gap)}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	close(work)
	all.Wait()
	return nil
}

// path is what the i-th request asks for.
func (l *apiLoad) path(i int) string {
	user := strconv.Itoa(i * 7919 % l.users) // not one after the other
	switch i % 10 {
	case 8:
		return l.url + "?device_user_id=E-" + user
	case 9:
		return l.url + "?limit=100"
	}
	return l.url + "/key:u" + user
}

func (l *apiLoad) ask(ctx context.Context, i int) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, l.path(i), nil)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	q.Header.Set("Authorization", "Bearer "+l.key)
	res, err := l.client.Do(q)
	if err != nil {
		return fmt.Errorf("ask the API: %w", err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return fmt.Errorf("read an answer of the API: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answered %s", res.Status)
	}
	return nil
}

// tell puts what came of it into the result.
func (l *apiLoad) tell(r *APIResult) {
	slices.Sort(l.late)
	r.Requests, r.Failed = len(l.late), int(l.failed.Load())
	r.P50, r.P99, r.Worst = quantile(l.late, 0.5), quantile(l.late, 0.99), quantile(l.late, 1)
}
