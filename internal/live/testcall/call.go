package testcall

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/obs"
)

// ackWait is how long the reading waits for the ACK. A peer whose ACK is lost is
// spoken to all the same; its media may already be there.
const ackWait = 2 * time.Second

// call is one answered test. The goroutine in run owns the leg; reader has one of
// its own.
type call struct {
	cfg     Config
	leg     Leg
	session *media.Session
	reader  *reader
	offered bool // our offer waits for its answer in an ACK
	begun   bool // the reader was let go
	begin   chan struct{}
}

func newCall(cfg Config, leg Leg, session *media.Session, r Readback) *call {
	begin := make(chan struct{})
	return &call{
		cfg: cfg, leg: leg, session: session, begin: begin,
		reader: &reader{voice: cfg.Voice, session: session, lines: r.lines(), wait: cfg.Wait, begin: begin},
	}
}

// spoken is what was said; to be asked when run has returned.
func (c *call) spoken() journal.Spoken { return c.reader.spoken() }

// run lets the reader read and minds the leg meanwhile.
func (c *call) run(ctx context.Context, offered bool) error {
	c.offered = offered
	c.session.Start()
	var running sync.WaitGroup
	defer running.Wait()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	running.Go(func() { done <- c.reader.read(reading) })
	late := time.NewTimer(ackWait)
	defer late.Stop()
	for {
		select {
		case ev, ok := <-c.leg.Events():
			if !ok {
				return ErrHungUp
			}
			if err := c.event(ev); err != nil {
				return err
			}
		case <-late.C:
			if !c.offered {
				c.start()
			}
		case err := <-done:
			c.leg.Bye("the reading is over")
			return err
		case <-ctx.Done():
			c.leg.Bye("the test is over")
			return context.Cause(ctx)
		}
	}
}

// event returns an error when the call is over.
func (c *call) event(ev sipedge.Event) error {
	switch ev.Kind {
	case sipedge.Acked:
		return c.acked(ev)
	case sipedge.ReInvite:
		c.reInvite(ev)
	case sipedge.Cancelled:
		return ErrCancelled
	case sipedge.ByeReceived:
		return ErrHungUp
	case sipedge.Lost:
		return fmt.Errorf("%w: %w", ErrHungUp, ev.Err)
	case sipedge.AckMissing:
		if c.offered { // nowhere to send to
			c.leg.Bye("no ACK came")
			return fmt.Errorf("%w: no ACK", ErrHungUp)
		}
	case sipedge.Sent, sipedge.SendFailed, sipedge.Provisional, sipedge.Answered, sipedge.Failed,
		sipedge.ReInviteGone, sipedge.ReInviteAnswered:
		// Of dialled legs, or without meaning here.
	}
	return nil
}

func (c *call) acked(ev sipedge.Event) error {
	if c.offered {
		answer, err := sdpOf(ev.ContentType, ev.Body)
		if err == nil {
			err = c.session.Accept(answer)
		}
		switch {
		case err == nil:
			c.offered = false
		case !c.begun:
			c.leg.Bye("media not acceptable")
			return &Refused{Code: 488, Reason: err.Error()}
		default: // of a re-INVITE: all stays as it was
			c.offered = false
			c.cfg.Log.Warn("a test call's new media was not acceptable", obs.Err(err))
		}
	}
	c.start()
	return nil
}

func (c *call) start() {
	if !c.begun {
		c.begun = true
		close(c.begin)
	}
}

// reInvite answers what the peer wants to change. A hold is answered and the
// reading waits (E8).
func (c *call) reInvite(ev sipedge.Event) {
	code, reason, body := 200, "OK", []byte(nil)
	offer, err := sdpOf(ev.ContentType, ev.Body)
	switch {
	case err == nil && offer == nil:
		body, c.offered = c.session.Reoffer(), true
	case err == nil:
		body, err = c.session.Renegotiate(offer)
	}
	m := sipedge.Message{Body: body, ContentType: "application/sdp"}
	if err != nil {
		code, reason, m = 488, "Not Acceptable Here", sipedge.Message{}
	}
	if err := c.leg.AnswerReInvite(code, reason, m); err != nil {
		c.cfg.Log.Warn("a test call's re-INVITE was not answered", obs.Err(err))
	}
}

// texts joins what was said into the text of the record.
func texts(said []piece) string {
	all := make([]string, 0, len(said))
	for _, p := range said {
		if len(p.audio) > 0 {
			all = append(all, p.text)
		}
	}
	return strings.Join(all, " ")
}
