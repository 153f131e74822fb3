package emergency

import (
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
		turns := newTurns()
		hang := make(chan struct{})
		for range cap(turns) {
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
		if len(turns) != 0 {
			t.Errorf("%d turns are still taken", len(turns))
		}
		began = time.Now()
		turns.inTurn(func() {})
		if waited := time.Since(began); waited != 0 {
			t.Errorf("a free turn was waited for: %v", waited)
		}
	})
}

// Proves: E3
func TestTurnsAreGivenBackWhenACallPanics(t *testing.T) {
	turns := newTurns()
	func() {
		defer func() { _ = recover() }()
		turns.inTurn(func() { panic("broken") })
	}()
	if len(turns) != 0 {
		t.Errorf("%d turns are lost", len(turns))
	}
}
