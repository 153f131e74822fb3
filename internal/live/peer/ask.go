package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// Ask asks all peers at once whom a number leads back to, and waits 200 ms at
// most (F-08). True: one of them knows it, and Hear was told. Peers answer by
// what they know themselves, and ask nobody.
func (m *Mesh) Ask(ctx context.Context, n e911.Number) bool {
	if len(m.peers) == 0 {
		return false
	}
	select {
	case m.asking <- struct{}{}:
		defer func() { <-m.asking }()
	default:
		return false // a flood of calls to numbers that nobody knows
	}
	ctx, cancel := context.WithTimeout(ctx, AskWithin)
	defer cancel()
	found := make(chan bool, len(m.peers))
	for _, p := range m.peers {
		m.asks.Go(func() {
			ok, err := m.ask(ctx, p, n)
			if err != nil {
				m.cfg.Log.Debug("ask a peer for a callback", obs.KeyNode, p.name, obs.Err(err))
			}
			found <- ok
		})
	}
	for range m.peers {
		select {
		case ok := <-found:
			if ok {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
	return false
}

func (m *Mesh) ask(ctx context.Context, p *node, n e911.Number) (bool, error) {
	res, err := p.get(ctx, heldPath, url.Values{"node": {m.cfg.Node}, "number": {string(n)}})
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return false, fmt.Errorf("ask %s: %w", p.name, err)
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		return false, fmt.Errorf("ask %s: its answer: %w", p.name, err)
	}
	for _, f := range a.Facts[:min(len(a.Facts), maxHeld)] {
		if kinds[f.Kind] {
			m.hear(p, f)
		}
	}
	return len(a.Facts) > 0, nil
}
