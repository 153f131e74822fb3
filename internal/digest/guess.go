package digest

import (
	"sync"
	"time"
)

// guessWindow is how long wrong secrets are counted.
const guessWindow = 5 * time.Minute

// RetryAfter is when somebody who guessed too often is heard again at the latest.
const RetryAfter = guessWindow

// Guesses counts wrong secrets by key: an address, a user. It is bounded; what
// does not fit is not counted. Safe for concurrent use.
type Guesses struct {
	limit, keys int

	mu    sync.Mutex
	by    map[string]guessed
	swept time.Time
}

type guessed struct {
	since time.Time
	n     int
}

// NewGuesses allows up to limit wrong secrets in five minutes for a key, and
// counts up to keys of them.
func NewGuesses(limit, keys int) *Guesses {
	return &Guesses{limit: limit, keys: keys, by: map[string]guessed{}}
}

// Over reports whether one of the keys had its limit of wrong secrets.
func (g *Guesses) Over(now time.Time, keys ...string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		if v := g.at(k, now); v.n >= g.limit {
			return true
		}
	}
	return false
}

// Wrong counts a wrong secret, and reports whether it was the one that reached
// the limit of a key: that is when to tell somebody.
func (g *Guesses) Wrong(now time.Time, keys ...string) (reached bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		v := g.at(k, now)
		if v.n == 0 {
			if len(g.by) >= g.keys {
				g.sweep(now)
			}
			if len(g.by) >= g.keys {
				continue
			}
			v.since = now
		}
		v.n++
		g.by[k] = v
		reached = reached || v.n == g.limit
	}
	return reached
}

// at is the count of a key in its window.
func (g *Guesses) at(key string, now time.Time) guessed {
	v := g.by[key]
	if v.n > 0 && now.Sub(v.since) >= guessWindow {
		delete(g.by, key)
		return guessed{}
	}
	return v
}

// sweep makes room, once a second at most: a flood must not cost a walk each.
func (g *Guesses) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Second {
		return
	}
	g.swept = now
	for k, v := range g.by {
		if now.Sub(v.since) >= guessWindow {
			delete(g.by, k)
		}
	}
}
