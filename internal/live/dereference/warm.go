package dereference

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"
)

// warmEvery is how often a connection is used so that it stays open.
const warmEvery = 45 * time.Second

// Run keeps a connection open to each location server that is configured or was
// referred to in the last hour, so that a call needs no handshake (F-17). It
// returns when ctx ends.
func (c *Client) Run(ctx context.Context) error {
	tick := time.NewTicker(warmEvery)
	defer tick.Stop()
	for {
		c.warm(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// warm uses each connection once, four at a time.
func (c *Client) warm(ctx context.Context) {
	turn := make(chan struct{}, 4)
	for _, origin := range c.origins() {
		turn <- struct{}{}
		c.work.Go(func() {
			defer func() { <-turn }()
			c.touch(ctx, origin)
		})
	}
	for range cap(turn) { // each has ended
		turn <- struct{}{}
	}
}

func (c *Client) origins() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for h := range c.hosts.configured {
		out = append(out, "https://"+h)
	}
	for o, at := range c.hosts.origins {
		if c.cfg.Now().Sub(at) <= warmFor && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	slices.Sort(out)
	return out
}

// touch asks for nothing; what is answered does not matter.
func (c *Client) touch(ctx context.Context, origin string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, origin+"/", http.NoBody)
	if err != nil {
		return
	}
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	_ = res.Body.Close()
}
