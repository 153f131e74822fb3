package voice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// maxFailures is how often in a row the worker process may fail to speak before
// speech is made in this process.
const maxFailures = 3

// worker is what Run's goroutine alone touches.
type worker struct {
	*Speaker
	via      renderer
	here     bool // via is an engine in this process
	failures int
}

// serve answers one request. Who has gone is not worked for.
func (w *worker) serve(ctx context.Context, r request) {
	if r.ctx.Err() != nil {
		return
	}
	if a, ok := w.known(r.sentence); ok {
		r.done <- answer{audio: a}
		return
	}
	a, err := w.make(ctx, r.sentence, w.cfg.Timeout)
	if err == nil {
		w.remember(r.sentence, a)
	}
	r.done <- answer{audio: a, err: err}
}

// keep makes a fixed sentence and reports whether there is nothing more to do
// for it. Nobody waits, so it may take longer than what a caller asks for.
func (w *worker) keep(ctx context.Context, sentence string) bool {
	if _, ok := w.Kept(sentence); ok {
		return true
	}
	a, err := w.make(ctx, sentence, 4*w.cfg.Timeout)
	if err != nil {
		return false
	}
	w.remember(sentence, a)
	return true
}

func (w *worker) remember(sentence string, a Audio) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.cfg.Fixed, sentence) {
		w.kept[sentence] = a
		return
	}
	w.cache.put(sentence, a)
}

// make has a time of its own rather than what is left to the caller: a sentence
// that is under way is finished, for the cache.
func (w *worker) make(ctx context.Context, sentence string, within time.Duration) (Audio, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := w.open(ctx); err != nil {
		w.cfg.Log.Error("speech cannot start", obs.Err(err))
		return nil, err
	}
	pcm, err := w.via.render(ctx, sentence)
	if err != nil {
		if _, alive := errors.AsType[refusal](err); !alive {
			w.failures++
		}
		if ctx.Err() == nil { // a stop is no failure
			// Never the sentence: it holds numbers and addresses.
			w.cfg.Log.Error("a sentence was not spoken", obs.Err(err))
		}
		return nil, fmt.Errorf("speak: %w", err)
	}
	w.failures = 0
	return w.halver.halve(pcm), nil
}

// open chooses who makes the sound: the worker process, and this one when there
// is none or it keeps failing.
func (w *worker) open(ctx context.Context) error {
	wanted := len(w.cfg.Worker) > 0 && w.failures < maxFailures
	switch {
	case w.via == nil && wanted:
		w.via = newProcess(w.cfg.Worker)
	case w.via == nil || (!w.here && !wanted):
		if w.via != nil {
			w.cfg.Log.Error("the speech process keeps failing: speech is made in this process from now on")
			w.shut()
		}
		e, err := newEngine(context.WithoutCancel(ctx), w.wasm, w.cfg.Voice, true)
		if err != nil {
			return errors.Join(ErrStopped, err)
		}
		w.via, w.here = e, true
	}
	return nil
}

func (w *worker) shut() {
	if w.via == nil {
		return
	}
	if err := w.via.close(context.Background()); err != nil {
		w.cfg.Log.Warn("speech did not close", obs.Err(err))
	}
	w.via = nil
}
