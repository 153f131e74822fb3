package peer

import (
	"net/netip"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

// What nodes say, one JSON object a line.
type line struct {
	Hello *hello        `json:"hello,omitempty"` // the first one
	Fact  *journal.Fact `json:"fact,omitempty"`
	Mark  *mark         `json:"mark,omitempty"`
}

// hello tells who speaks.
type hello struct {
	Node string `json:"node"`
	SIP  []SIP  `json:"sip,omitempty"`
	// Anew: the facts come from the first on, for the journal is not the one that
	// the caller knows.
	Anew bool `json:"anew,omitempty"`
}

// mark tells how far the journal was gone through, and what time it is there.
type mark struct {
	Seq uint64 `json:"seq"`
	At  int64  `json:"at"`  // of that fact, Unix milliseconds
	Now int64  `json:"now"` // Unix milliseconds
}

// place is a fact in a journal. The time tells apart two journals that a node
// had one after the other.
type place struct {
	seq uint64
	at  int64
}

// answer is what a node holds of a number.
type answer struct {
	Facts []journal.Fact `json:"facts"`
}

const (
	factsPath = "/peer/v1/facts"
	heldPath  = "/peer/v1/held"

	// maxLine bounds what is read at a time; facts beyond maxFact are not told.
	maxLine = 256 << 10
	maxFact = 128 << 10
	// maxHeld bounds the facts of one number, maxAnswer their text.
	maxHeld   = 64
	maxAnswer = 1 << 20

	markEvery   = time.Second
	silentAfter = 5 * time.Second // without a line, a peer is not heard
	writeWithin = 5 * time.Second
	dialWithin  = 2 * time.Second
	// AskWithin is how long a call back waits for what other nodes know (F-08).
	AskWithin = 200 * time.Millisecond
	maxAsking = 64
	maxConns  = 64

	firstWait, longestWait = 200 * time.Millisecond, 5 * time.Second
	alarmAfter             = 30 * time.Second
	clockWithin            = 2 * time.Second
	ticks                  = 20 // of Rate, in a second
)

// reach puts the address that a peer has in place of one that says "any".
func reach(list []SIP, host netip.Addr) []SIP {
	var out []SIP
	for _, s := range list {
		a := s.Addr.Addr().Unmap()
		if a.IsUnspecified() {
			a = host
		}
		if a.IsValid() && s.Addr.Port() != 0 {
			out = append(out, SIP{s.Transport, netip.AddrPortFrom(a, s.Addr.Port())})
		}
	}
	const most = 16
	return out[:min(len(out), most)]
}
