package testcall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

const (
	// loopPackets is how many packets of a stream are sent back before we hang up
	// (RFC 6881, section 15; NENA-STA-010.3, section 9).
	loopPackets = 3
	// loopWait is how long we wait for them, and a call without a loopback is up.
	loopWait  = 10 * time.Second
	plainWait = 3 * time.Second
)

// URNTest is a call to a test URN (RFC 6881, section 15).
type URNTest struct {
	// Caller names who is limited in the number of tests, as Readback.Caller.
	Caller string
	// Text is what the caller's program is told: service, PSAP, what location came.
	Text string
}

// URNResult is what became of it.
type URNResult struct {
	Code     int    // final response
	Why      string // of a refusal, or how the call ended
	Loopback bool   // sound was to be sent back
	Mirrored int    // packets that were
}

// AnswerURN takes a call to a test URN: it answers at once, sends the first
// packets of sound back where the caller asks for a loopback (RFC 6849), and
// hangs up. It returns when the leg is over or its BYE was sent. Too many tests
// are answered 486.
func (s *Service) AnswerURN(ctx context.Context, leg Leg, t URNTest) URNResult {
	req := leg.Request()
	caller := t.Caller
	if caller == "" {
		caller = req.Source.Addr().String()
	}
	if retry, why := s.urns.enter(caller, s.cfg.Now()); why != "" {
		after := strconv.Itoa(int(math.Ceil(retry.Seconds())))
		return refusedURN(leg, 486, "Busy Here", why, sipedge.Headers{{Name: "Retry-After", Value: after}})
	}
	defer s.urns.leave()
	session, looped, offered, err := s.openURN(req)
	switch {
	case errors.Is(err, media.ErrNotAcceptable):
		return refusedURN(leg, 488, "Not Acceptable Here", err.Error(), sipedge.Headers{{Name: "Warning", Value: fmt.Sprintf("304 callbox %q", err.Error())}})
	case err != nil:
		return refusedURN(leg, 503, "Service Unavailable", err.Error(), nil)
	}
	defer session.Close()
	if err := leg.Answer(1, answerURN(req, session.SDP(), t.Text)); err != nil {
		return URNResult{Why: err.Error()}
	}
	r := URNResult{Code: 200, Loopback: looped != nil}
	r.Why = s.mindURN(ctx, leg, session, looped, offered)
	r.Mirrored = session.Mirrored()
	return r
}

func (s *Service) openURN(req *sipedge.Request) (session *media.Session, looped <-chan struct{}, offered bool, err error) {
	offer, err := sdpOf(req.ContentType, req.Body)
	if err != nil {
		return nil, nil, false, fmt.Errorf("%w: %w", media.ErrNotAcceptable, err)
	}
	if offer == nil {
		session, err = s.cfg.Media.Offer(req.Source.Addr())
		return session, nil, true, err
	}
	session, looped, err = s.cfg.Media.Loop(offer, req.Source.Addr(), loopPackets)
	return session, looped, false, err
}

// mindURN waits for the end of the call and says how it came.
func (s *Service) mindURN(ctx context.Context, leg Leg, session *media.Session, looped <-chan struct{}, offered bool) string {
	limit := plainWait
	if looped != nil {
		limit = loopWait
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		select {
		case ev, ok := <-leg.Events():
			switch {
			case !ok:
				return "the caller hung up"
			case ev.Kind == sipedge.ByeReceived, ev.Kind == sipedge.Cancelled, ev.Kind == sipedge.Lost:
				return "the caller hung up"
			case ev.Kind == sipedge.Acked && offered:
				if answer, err := sdpOf(ev.ContentType, ev.Body); err == nil && answer != nil {
					_ = session.Accept(answer) // a test without media is one all the same
				}
			case ev.Kind == sipedge.ReInvite:
				s.reInviteURN(leg, session, ev)
			}
		case <-looped:
			leg.Bye("the test is over")
			return "the sound was sent back"
		case <-over.C:
			leg.Bye("the test is over")
			if looped != nil {
				return "too little sound came to send back"
			}
			return "the test is over"
		case <-ctx.Done():
			leg.Bye("the node stops")
			return "the node stopped"
		}
	}
}

func (s *Service) reInviteURN(leg Leg, session *media.Session, ev sipedge.Event) {
	offer, err := sdpOf(ev.ContentType, ev.Body)
	var body []byte
	if err == nil && offer != nil {
		body, err = session.Renegotiate(offer)
	}
	if err != nil || body == nil {
		_ = leg.AnswerReInvite(488, "Not Acceptable Here", sipedge.Message{})
		return
	}
	_ = leg.AnswerReInvite(200, "OK", sipedge.Message{Body: body, ContentType: "application/sdp"})
}

// answerURN is the 200: our SDP, and beside it the text where the caller can
// read a body of parts.
func answerURN(req *sipedge.Request, sdp []byte, text string) sipedge.Message {
	m := sipedge.Message{Body: sdp, ContentType: "application/sdp"}
	if text == "" || !readsParts(req) {
		return m
	}
	const boundary = "callbox-test-call"
	var b bytes.Buffer
	fmt.Fprintf(&b, "--%s\r\nContent-Type: application/sdp\r\n\r\n", boundary)
	b.Write(sdp)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n", boundary)
	b.WriteString(strings.ReplaceAll(text, "--"+boundary, ""))
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return sipedge.Message{Body: b.Bytes(), ContentType: "multipart/mixed;boundary=" + boundary}
}

// readsParts reports whether the caller reads bodies of several parts with text:
// it says so, or writes such itself and says nothing else (RFC 3261, section
// 20.1: without Accept it is SDP alone).
func readsParts(req *sipedge.Request) bool {
	accept := strings.ToLower(strings.Join(req.Headers.All("Accept"), ","))
	if accept == "" {
		kind, _, err := mime.ParseMediaType(req.ContentType)
		return err == nil && strings.HasPrefix(kind, "multipart/")
	}
	parts := strings.Contains(accept, "multipart/mixed") || strings.Contains(accept, "multipart/*")
	words := strings.Contains(accept, "text/plain") || strings.Contains(accept, "text/*")
	return strings.Contains(accept, "*/*") || parts && words
}

func refusedURN(leg Leg, code int, phrase, why string, h sipedge.Headers) URNResult {
	if err := leg.Reject(code, phrase, h); err != nil {
		return URNResult{Why: err.Error()}
	}
	return URNResult{Code: code, Why: why}
}
