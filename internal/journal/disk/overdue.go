package disk

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/journal"
)

const (
	// overdueRoom is how many overdue facts wait for one reader; what comes on
	// top is left out, the Feed brings it when the disk recovers.
	overdueRoom = 16384
	// watchPause is how often overdue facts are passed on while there are any.
	watchPause = 20 * time.Millisecond
	// stalledAfter overdue times the disk is said to stand still: a slow fsync
	// on a busy machine is no alarm.
	stalledAfter = 10
)

// Overdue gives facts, in order, that the disk did not take within
// Config.OverdueAfter, and those that were refused for want of memory (their
// Seq is 0). They may be lost if the process ends, so a reader acts on them and
// keeps no cursor; all but the refused ones come again through the Feed. Best
// effort: a reader that is 16,384 facts behind misses some. The channel is
// closed when ctx ends or the journal closes.
func (j *Journal) Overdue(ctx context.Context) <-chan journal.Fact {
	in := make(chan journal.Fact, overdueRoom)
	out := make(chan journal.Fact)
	j.mu.Lock()
	select {
	case <-j.over:
		j.mu.Unlock()
		close(out)
		return out
	default:
	}
	j.overdue[in] = struct{}{}
	j.readers.Add(1)
	j.mu.Unlock()
	go func() {
		defer j.readers.Done()
		defer close(out)
		defer func() {
			j.mu.Lock()
			delete(j.overdue, in)
			j.mu.Unlock()
		}()
		for {
			select {
			case f := <-in:
				select {
				case out <- f:
				case <-ctx.Done():
					return
				case <-j.over:
					return
				}
			case <-ctx.Done():
				return
			case <-j.over:
				return
			}
		}
	}()
	return out
}

// tellOverdue passes f to all readers; called with mu held.
func (j *Journal) tellOverdue(f journal.Fact) {
	for c := range j.overdue {
		select {
		case c <- f:
		default:
		}
	}
}

// watchLoop looks after facts that wait too long for the disk.
func (j *Journal) watchLoop(stop <-chan struct{}) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-j.wakeWatch:
		case <-stop:
			return
		}
		t.Stop()
		if wait, any := j.watch(); any {
			t.Reset(wait)
		}
	}
}

// watch passes overdue facts on and returns when to look again.
func (j *Journal) watch() (time.Duration, bool) {
	j.mu.Lock()
	if len(j.pending) == 0 {
		j.mu.Unlock()
		return 0, false
	}
	age := j.cfg.Now().Sub(j.pending[0].born)
	if age < j.cfg.OverdueAfter {
		j.mu.Unlock()
		return j.cfg.OverdueAfter - age, true
	}
	stands := age >= stalledAfter*j.cfg.OverdueAfter
	told := j.stalled || j.failing != nil
	j.stalled = j.stalled || stands
	for _, b := range j.pending {
		if b.last() <= j.overdueTo {
			continue
		}
		for i := range b.items {
			if f := b.items[i].fact; f.Seq > j.overdueTo {
				j.tellOverdue(f)
				j.overdueTo = f.Seq
			}
		}
	}
	facts := j.next - 1 - j.synced
	j.mu.Unlock()
	if stands && !told {
		j.alarm(AlarmStalled, nil, "the disk has not answered for %v; %d facts wait in memory and are passed on as they are", age.Round(time.Millisecond), facts)
	}
	return watchPause, true
}
