package emergency

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A call whose turn does not come, because others hang in theirs, goes on
// without one after a quarter of a second.
//
// Proves: E3
func TestACallGoesOnWithoutATurnWhenTheOthersHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(0)
		hang := make(chan struct{})
		for range cap(turns.taken) {
			go turns.inTurn(func() { <-hang })
		}
		synctest.Wait()
		began, ran := time.Now(), false
		turns.inTurn(func() { ran = true })
		if waited := time.Since(began); !ran || waited != turnWait {
			t.Errorf("ran: %t, after %v", ran, waited)
		}
		close(hang)
		synctest.Wait()
		if len(turns.taken) != 0 {
			t.Errorf("%d turns are still taken", len(turns.taken))
		}
		began = time.Now()
		turns.inTurn(func() {})
		if waited := time.Since(began); waited != 0 {
			t.Errorf("a free turn was waited for: %v", waited)
		}
	})
}

// A call waits for its turn as long as others get theirs.
//
// Proves: E3, N-20
func TestACallWaitsForItsTurnWhileTurnsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(0)
		var others sync.WaitGroup
		for range 20 * cap(turns.taken) {
			others.Go(func() { turns.inTurn(func() { <-time.After(turnWait / 2) }) })
		}
		synctest.Wait()
		if !turns.take() {
			t.Error("went on without a turn")
		}
		turns.give(true)
		others.Wait()
	})
}

// Proves: E3
func TestTurnsAreGivenBackWhenACallPanics(t *testing.T) {
	turns := newTurns(0)
	func() {
		defer func() { _ = recover() }()
		turns.inTurn(func() { panic("broken") })
	}()
	if len(turns.taken) != 0 {
		t.Errorf("%d turns are lost", len(turns.taken))
	}
}

// A question that stands in the scheduler's queue keeps its time; one that was
// begun and hangs is given up after 100 ms; an answer that is there counts however
// late it is read.
//
// Proves: E3
func TestTheTimeOfAQuestionCountsFromItsBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers, begun := make(chan int, 1), make(chan struct{})
		time.AfterFunc(time.Second, func() { close(begun) })
		time.AfterFunc(time.Second+askWait/2, func() { answers <- 1 })
		if a, came := within(answers, begun); !came || a != 1 {
			t.Errorf("a question that began late and was answered then: %d, %t", a, came)
		}
		from := time.Now()
		if _, came := within(answers, begun); came || time.Since(from) != askWait {
			t.Errorf("a question that hangs was given up after %v", time.Since(from))
		}
		from = time.Now()
		if _, came := within(answers, make(chan struct{})); came || time.Since(from) != askMost {
			t.Errorf("a question that never begins was given up after %v", time.Since(from))
		}
		answers <- 2
		if a, came := within(answers, begun); !came || a != 2 {
			t.Errorf("an answer that was there: %d, %t", a, came)
		}
	})
}
