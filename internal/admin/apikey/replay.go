package apikey

import (
	"context"
	"time"
)

// Answer is what an earlier request with the same Idempotency-Key was told. Its
// body may hold a secret that is shown once: a store seals it.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   []byte            `json:"body,omitempty"`
}

// Claim is a request that wants to be done once.
type Claim struct {
	Caller string // who asks: a key's id, or the browser session's organisation
	Key    string // the Idempotency-Key
	Hash   []byte // of method, address and body
	At     time.Time
}

// ReplayFor is how long an answer is kept for who asks again.
const ReplayFor = 24 * time.Hour

// Replays keeps answers by Idempotency-Key.
type Replays interface {
	// ClaimRequest takes the key for a request, or returns what is known of it: the
	// hash of the first request with the key, and its answer once it has one. Claims
	// without an answer that are older than before, and all older than ReplayFor,
	// may be taken again.
	ClaimRequest(ctx context.Context, c Claim, before time.Time) (first Claim, answer *Answer, taken bool, err error)
	// AnswerRequest keeps the answer of a claim that was taken.
	AnswerRequest(ctx context.Context, c Claim, a Answer) error
	// ForgetRequest gives a claim back: nothing was done.
	ForgetRequest(ctx context.Context, c Claim) error
}
