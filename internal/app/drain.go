package app

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/callbox911/callbox/internal/obs"
)

// drainFor is how long a stopping server lets calls in progress end.
const drainFor = 2 * time.Second

// drain lets calls go on before the sockets close. Emergency calls are taken until
// then; others get 503. Callers who wait for an answer are waited for, up to
// Config.Drain or a second signal: what still rings then is left as it is, and the
// next process goes on with it.
func (s *Server) drain() {
	s.edge.Drain()
	hurry, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	short, cancel := context.WithTimeout(hurry, min(drainFor, s.cfg.Drain))
	defer cancel()
	err := errors.Join(s.calls.Drain(short), s.backs.Drain(short))
	if err == nil {
		return
	}
	s.cfg.Log.Warn("calls that are up go on; the next process takes them up", obs.Err(err))
	long, cancel := context.WithTimeout(hurry, max(s.cfg.Drain-drainFor, 0))
	defer cancel()
	if err := s.calls.DrainWaiting(long); err != nil {
		s.cfg.Log.Warn("callers wait for an answer; the next process goes on with them", obs.Err(err))
	}
}
