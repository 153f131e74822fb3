package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Drill hands a test of who is told to one destination, now and once (F-36). It goes
// past the outbox: real notices wait for it nowhere, nobody sends it again, and no
// fact tells of it. Unavailable where it was not handed over.
func (s *Service) Drill(ctx context.Context, n Notice) error {
	c := s.channels[n.Channel]
	if n.Due.Drill == nil || c == nil {
		return e911.Errorf(e911.Unavailable, "%s is not set up", n.Channel)
	}
	if n.Channel == Webhook {
		n.Secrets, _ = secretsOf(s.cfg.Rules, n)
	}
	err := c.Deliver(ctx, n)
	switch {
	case errors.Is(err, ErrRefused), errors.Is(err, ErrGone):
		return e911.Errorf(e911.Unavailable, "the other side does not take the test: %v", err)
	case err != nil:
		return e911.Errorf(e911.Unavailable, "the test was not handed over: %v", err)
	}
	return nil
}

func drillHeadline(d journal.Due) string {
	return cut(OneLine(fmt.Sprintf("TEST, no emergency: whoever attends %s acknowledges with %s", d.Drill.Name, d.Drill.Code)), maxHeadline)
}

// DrillCommand is how the test is acknowledged.
func DrillCommand(d journal.Due) string {
	return fmt.Sprintf("callbox setup tested %s --code %s --by NAME --org %s", d.Drill.Destination, d.Drill.Code, d.Drill.OrgKey)
}
