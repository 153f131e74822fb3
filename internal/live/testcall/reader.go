package testcall

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/voice"
)

const (
	// leadIn lets the media path open before the first word.
	leadIn = 400 * time.Millisecond
	// between sentences; they begin and end with some silence of their own.
	between = 150 * time.Millisecond
	// digitGap parts digits that are put together.
	digitGap = 40 * time.Millisecond
	// readings of the text in one call at most.
	readings = 2
	// toneText stands in the record for voice.Attention.
	toneText = "[tones, speech is not available]"
)

// reader reads the lines out, twice at most. One goroutine owns it until read
// returns.
type reader struct {
	voice   Voice
	session *media.Session
	lines   []line
	wait    time.Duration
	begin   <-chan struct{}

	ready   <-chan piece // the lines as sound, in order; closed after the last
	pieces  []piece      // those that came
	said    int          // pieces that were heard to their end, in the best reading
	offered []piece      // the offer to hear it again, when it was heard
	seconds float64
	round   int
}

// piece is a line as sound; without sound the line was left out.
type piece struct {
	text  string
	audio voice.Audio
	exact bool // spoken as a sentence, not put together
}

// spoken is what was said.
func (r *reader) spoken() journal.Spoken {
	whole := len(r.lines) > 0 && r.said >= len(r.lines)
	for _, p := range r.pieces[:r.said] {
		whole = whole && p.exact
	}
	heard := slices.Concat(r.pieces[:r.said], r.offered)
	return journal.Spoken{Text: texts(heard), Seconds: r.seconds, Readings: r.round, Whole: whole}
}

// read returns nil when all was said.
func (r *reader) read(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var preparing sync.WaitGroup
	defer preparing.Wait()
	defer stop()
	ready := make(chan piece, len(r.lines)+1) // the sender never waits
	r.ready = ready
	preparing.Go(func() { r.prepare(ctx, ready) })
	select {
	case <-r.begin:
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := r.play(ctx, voice.Silence(leadIn), false); err != nil {
		return err
	}
	for r.round = 1; ; r.round++ {
		last := r.round == readings
		again, err := r.reading(ctx, !last)
		if err != nil {
			return err
		}
		if !again && !last {
			if again, err = r.offer(ctx); err != nil {
				return err
			}
		}
		if !again || last {
			_, err := r.play(ctx, r.say(ctx, sayGoodbye), false)
			return err
		}
	}
}

// prepare makes the lines ahead of the reading, one at a time, so that a call
// has one place in the queue of the voice.
func (r *reader) prepare(ctx context.Context, ready chan<- piece) {
	defer close(ready)
	heard, toned := false, false
	for _, l := range r.lines {
		p := piece{text: l.say, exact: true}
		if a, err := r.voice.Say(ctx, l.say); err == nil {
			p.audio = a
		} else if ctx.Err() != nil {
			return
		} else {
			p = r.compose(l.instead)
		}
		if len(p.audio) == 0 && len(l.instead) > 0 && !toned {
			// It must not pass unheard that a number or an address is missing.
			p, toned = piece{text: toneText, audio: voice.Attention()}, true
		}
		heard = heard || len(p.audio) > 0
		ready <- p
	}
	if !heard {
		ready <- piece{text: toneText, audio: voice.Attention()}
	}
}

// compose puts a line together from what was made at start.
func (r *reader) compose(words []string) piece {
	if len(words) == 0 {
		return piece{}
	}
	parts := make([]voice.Audio, len(words))
	for i, w := range words {
		a, ok := r.voice.Kept(w)
		if !ok {
			return piece{}
		}
		parts[i] = a
	}
	return piece{text: strings.TrimSuffix(strings.Join(words, " "), ".") + ".", audio: voice.Join(digitGap, parts...)}
}

// say returns a fixed sentence, or silence where it cannot be had.
func (r *reader) say(ctx context.Context, sentence string) voice.Audio {
	a, err := r.voice.Say(ctx, sentence)
	if err != nil {
		return nil
	}
	return a
}

// reading says every line, and reports whether it was cut short because the
// caller wants it again.
func (r *reader) reading(ctx context.Context, mayRepeat bool) (again bool, err error) {
	for i := 0; ; i++ {
		if i >= len(r.pieces) {
			p, ok, err := r.next(ctx)
			if err != nil || !ok {
				return false, err
			}
			r.pieces = append(r.pieces, p)
		}
		p := r.pieces[i]
		if again, err := r.play(ctx, voice.Join(between, p.audio, nil), mayRepeat); again || err != nil {
			return again, err
		}
		r.seconds += p.audio.Seconds()
		r.said = max(r.said, i+1)
	}
}

func (r *reader) next(ctx context.Context) (p piece, ok bool, err error) {
	select {
	case p, ok = <-r.ready:
		return p, ok, nil
	case <-ctx.Done():
		return p, false, ctx.Err()
	}
}

// offer says that it can be heard again and waits for the key. A caller who
// cannot send keys hears it again without being asked.
func (r *reader) offer(ctx context.Context) (again bool, err error) {
	keys := r.session.HasDigits()
	p := piece{text: sayRepeat, exact: true}
	if keys {
		p.text = sayAgain
	}
	p.audio = r.say(ctx, p.text)
	if again, err := r.play(ctx, p.audio, keys); again || err != nil {
		return again, err
	}
	r.seconds += p.audio.Seconds()
	r.offered = []piece{p}
	if !keys {
		return true, nil
	}
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	for {
		select {
		case key := <-r.session.Digits():
			if key == '1' {
				return true, nil
			}
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// play sends the sound. With keys, 1 stops it.
func (r *reader) play(ctx context.Context, a voice.Audio, keys bool) (again bool, err error) {
	playing, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() { done <- r.session.Play(playing, a) })
	for {
		select {
		case err := <-done:
			if again {
				return true, ctx.Err()
			}
			return false, err
		case key := <-r.session.Digits():
			if keys && key == '1' {
				again = true
				stop()
			}
		}
	}
}
