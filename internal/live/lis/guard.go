package lis

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// How many wrong secrets one source may try against one company: burst at once,
// then one in each pause.
const (
	guessBurst = 10
	guessPause = 6 * time.Second
	maxGuesser = 16384
)

// guesser is who tries secrets, and against which company: nobody locks out
// another source, or a source from another company.
type guesser struct {
	from    netip.Prefix // of IPv6 the /64, which one attacker has whole
	company uint64
}

// guard bounds the trying of secrets. Company ids that do not exist count like
// those that do, so that the limit tells nobody which there are. Safe for
// concurrent use.
type guard struct {
	mu   sync.Mutex
	seed maphash.Seed
	// wrong is when the last of the tries counted so far is forgotten.
	wrong map[guesser]time.Time
}

func newGuard() *guard {
	return &guard{seed: maphash.MakeSeed(), wrong: map[guesser]time.Time{}}
}

func (g *guard) guesser(from netip.Addr, company string) guesser {
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	p, _ := from.Prefix(bits)
	return guesser{p, maphash.String(g.seed, strings.ToLower(strings.ReplaceAll(company, "-", "")))}
}

// open reports whether a try is allowed.
func (g *guard) open(who guesser, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wrong[who].Sub(now) <= (guessBurst-1)*guessPause
}

// failed counts a wrong try.
func (g *guard) failed(who guesser, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, there := g.wrong[who]
	if !there && len(g.wrong) >= maxGuesser {
		g.drop(now)
	}
	if until.Before(now) {
		until = now
	}
	g.wrong[who] = until.Add(guessPause)
}

// drop makes room: those that are forgotten anyway, else whichever of a few is
// forgotten first.
func (g *guard) drop(now time.Time) {
	const look = 64
	var first guesser
	n := 0
	for who, until := range g.wrong {
		if until.Before(now) {
			delete(g.wrong, who)
		} else if n == 0 || until.Before(g.wrong[first]) {
			first = who
		}
		if n++; n == look {
			break
		}
	}
	if len(g.wrong) >= maxGuesser {
		delete(g.wrong, first)
	}
}
