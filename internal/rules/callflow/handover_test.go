package callflow

import "testing"

// Whom the next process goes on with is who has the caller: also who took the call a
// moment ago from a PSAP that has hung up.
//
// Proves: D-17, F-15, F-29
func TestWhoTookTheCallIsLeftToTheNextProcess(t *testing.T) {
	m := New(Config{Routes: make([]Route, 2), Policy: DefaultPolicy()})
	for _, ev := range []Event{
		{Kind: Arrived},
		{Kind: Recorded},
		{Kind: Sent, N: 1},
		{Kind: Answered, N: 1, SDP: true},
		{Kind: Refer, N: 1, Follow: true},
		{Kind: Bye, N: 1},
		{Kind: Sent, N: 2},
		{Kind: Answered, N: 2, SDP: true},
		{Kind: Stopped},
	} {
		m.Step(ev)
	}
	if m.Winner() != 2 || !m.Ended() {
		t.Errorf("the call is left with %d, ended %t; want with who took it", m.Winner(), m.Ended())
	}
}
