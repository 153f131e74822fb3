package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/store/rows"
)

// feed wakes the store when another node has changed objects.
type feed struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// listen starts a feed; it wakes st when the head is not last any more. Own
// commits wake st themselves: their notifications carry our name.
func listen(cfg Config, conn *pgx.ConnConfig, st *rows.Store, last uint64, us string) *feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{cancel: cancel}
	conn = conn.Copy()
	settings(conn, map[string]string{"application_name": cfg.Application + " listen"})
	f.done.Go(func() { follow(ctx, cfg, conn, st, us) })
	f.done.Go(func() { poll(ctx, cfg.Poll, st, last) })
	return f
}

func (f *feed) stop() {
	f.cancel()
	f.done.Wait()
}

// follow waits for notifications on a connection of its own, and for a new one
// when that is lost.
func follow(ctx context.Context, cfg Config, conn *pgx.ConnConfig, st *rows.Store, us string) {
	for {
		err := notified(ctx, conn, st, us, cfg.Quiet)
		if ctx.Err() != nil {
			return
		}
		cfg.Log.Warn("the database sends no notifications; its changes are asked for", obs.Err(err))
		if !pause(ctx, cfg.Relisten) {
			return
		}
	}
}

func notified(ctx context.Context, conn *pgx.ConnConfig, st *rows.Store, us string, quiet time.Duration) error {
	c, err := pgx.ConnectConfig(ctx, conn)
	if err != nil {
		return unavailable("connect to listen", err)
	}
	defer func() {
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(bye)
	}()
	if _, err := c.Exec(ctx, "LISTEN "+channel); err != nil {
		return unavailable("listen", err)
	}
	for {
		n, err := wait(ctx, c, quiet)
		if err != nil {
			return unavailable("wait for a notification", err)
		}
		if n != nil && n.Payload != us {
			st.Nudge()
		}
	}
}

// wait gives nil after a quiet time in which the server was still there.
func wait(ctx context.Context, c *pgx.Conn, quiet time.Duration) (*pgconn.Notification, error) {
	some, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	n, err := c.WaitForNotification(some)
	if err == nil || some.Err() == nil || ctx.Err() != nil {
		return n, err
	}
	ask, done := context.WithTimeout(ctx, connectWithin)
	defer done()
	return nil, c.Ping(ask)
}

// poll looks for changes that no notification told of. A database that does not
// answer is asked again.
func poll(ctx context.Context, every time.Duration, st *rows.Store, last uint64) {
	for pause(ctx, every) {
		head, err := st.Head(ctx)
		if err == nil && head.Seq != last {
			last = head.Seq
			st.Nudge()
		}
	}
}

// pause says whether ctx is still alive after d.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
