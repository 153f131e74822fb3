package app

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

const (
	// heldStates bounds what trunks told while the database is away.
	heldStates = 4096
	// tryStates is how often one is tried again.
	tryStates = 5 * time.Second
)

// trunkTold takes the state of a trunk, for the count of outages. It does not wait: what
// finds no room is in the journal as an alarm.
func (s *Server) trunkTold(id e911.TrunkID, down bool, at time.Time) {
	select {
	case s.told <- setup.TrunkState{Trunk: id, Node: s.cfg.Node, At: at.UTC().Truncate(time.Millisecond), Down: down}:
	default:
		s.cfg.Log.Warn("the state of a trunk is not counted in outages: the database is away for too long", "trunk", id)
	}
}

// keepTrunkStates writes them down until ctx ends, in the order in which they came.
func (s *Server) keepTrunkStates(ctx context.Context, to setup.TrunkStates) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case v := <-s.told:
			s.keepTrunkState(ctx, to, v)
		}
	}
}

func (s *Server) keepTrunkState(ctx context.Context, to setup.TrunkStates, v setup.TrunkState) {
	again := time.NewTicker(tryStates)
	defer again.Stop()
	for {
		err := to.AddTrunkState(ctx, v, s.cfg.Now().Add(-setup.KeepTrunkStates))
		switch {
		case err == nil:
			return
		case ctx.Err() == nil && e911.KindOf(err) != e911.Unavailable:
			s.cfg.Log.ErrorContext(ctx, "the state of a trunk cannot be kept", "trunk", v.Trunk, obs.Err(err))
			return
		}
		select {
		case <-ctx.Done():
			s.trunkTold(v.Trunk, v.Down, v.At) // for the next time that the database is open
			return
		case <-again.C:
		}
	}
}
