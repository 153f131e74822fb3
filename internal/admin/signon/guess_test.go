package signon_test

import (
	"errors"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: C-60a, D-12
func TestWhoFindsAnOpenBrowserDoesNotGuessTheOldPassword(t *testing.T) {
	d := newDoor(t)
	in := d.in(good, "")
	for range 8 {
		if err := d.SetPassword(d.ctx, "ann", "a guess", other, in.ID, false); e911.KindOf(err) != e911.Invalid {
			t.Fatalf("a wrong old password: %v", err)
		}
	}
	if err := d.SetPassword(d.ctx, "ann", good, other, in.ID, false); e911.KindOf(err) != e911.Denied {
		t.Errorf("the ninth try is looked at: %v", err)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); err != nil {
		t.Errorf("Ann cannot sign in because somebody guessed in her browser: %v", err)
	}
	d.later(15 * time.Minute)
	if err := d.SetPassword(d.ctx, "ann", good, other, in.ID, false); err != nil {
		t.Errorf("after a quarter of an hour: %v", err)
	}
}

// Proves: D-12
func TestAClockThatIsSetBackShutsNobodyOut(t *testing.T) {
	d := newDoor(t)
	d.later(24 * time.Hour)
	for range 8 {
		_, _ = d.try("ann.harbor@example.com", "guess", "", home)
	}
	if _, err := d.try("ann.harbor@example.com", good, "", home); err == nil || errors.Is(err, signon.ErrWrong) {
		t.Fatalf("after eight guesses: %v", err)
	}
	d.later(-24 * time.Hour)
	if _, err := d.try("ann.harbor@example.com", good, "", home); err != nil {
		t.Errorf("the clock was a day ahead, and Ann waits a day: %v", err)
	}
}
