package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/postgres"
	"github.com/callbox911/callbox/internal/store/rows"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// StoreCopy says what to carry where. From and To are addresses of databases as
// Config.Store has them; From "" is the one that the data directory remembers.
type StoreCopy struct {
	Dir, From, To string
	Log           *slog.Logger
}

// StoreCopied says what was carried; the names of the places hold no password.
type StoreCopied struct {
	From string `json:"from"`
	To   string `json:"to"`
	rows.Copied
}

// CopyStore carries all that one database holds into another, empty one, while no
// server runs. It is done whole or not at all; the data directory goes on with the
// database that it had until a server is started with the other. Conflict: a
// server runs, or the other is not empty.
func CopyStore(ctx context.Context, c StoreCopy) (StoreCopied, error) {
	var done StoreCopied
	unlock, err := lock(c.Dir)
	if err != nil {
		return done, err
	}
	defer unlock()
	ring, err := seal.LoadMaster(filepath.Join(c.Dir, "master.key"))
	if err != nil {
		return done, err
	}
	if c.From == "" {
		if c.From, err = rememberedStore(c.Dir, ring); err != nil {
			return done, err
		}
	}
	if done.From, err = copyPlace(c.From); err != nil {
		return done, err
	}
	if done.To, err = copyPlace(c.To); err != nil {
		return done, err
	}
	if done.From == done.To {
		return done, e911.Errorf(e911.Invalid, "from and to are the same: the %s", done.To)
	}
	file := filepath.Join(c.Dir, embeddedFile)
	_, err = os.Stat(file)
	absent := errors.Is(err, fs.ErrNotExist)
	if embedded(c.From) && absent {
		return done, e911.Errorf(e911.NotFound, "there is no %s in the data directory", embeddedFile)
	}
	from, err := openForCopy(ctx, c, c.From, ring)
	if err != nil {
		return done, err
	}
	to, err := openForCopy(ctx, c, c.To, ring)
	if err != nil {
		return done, errors.Join(err, from.Close())
	}
	done.Copied, err = from.CopyTo(ctx, to.Store)
	err = errors.Join(err, to.Close(), from.Close())
	if err != nil && embedded(c.To) && absent {
		for _, name := range []string{file, file + "-wal", file + "-shm"} {
			if gone := os.Remove(name); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return done, err
}

func embedded(where string) bool { return where == "" || where == EmbeddedStore }

func copyPlace(where string) (string, error) {
	if embedded(where) {
		return "embedded database", nil
	}
	return postgres.Place(where)
}

// copyName tells the connections of a copy from those of nodes.
const copyName = "callbox copy"

// openForCopy opens a database that nobody else uses.
func openForCopy(ctx context.Context, c StoreCopy, where string, ring *seal.Ring) (*database, error) {
	if embedded(where) {
		st, err := sqlite.New(ctx, sqlite.Config{Path: filepath.Join(c.Dir, embeddedFile), Ring: ring, Now: time.Now})
		if err != nil {
			return nil, err
		}
		return &database{st.Store, st.Close}, nil
	}
	st, err := postgres.New(ctx, postgres.Config{
		DSN: where, Ring: ring, Now: time.Now, Log: c.Log, Application: copyName, Statement: time.Hour, Poll: time.Hour,
	})
	if err != nil {
		return nil, err
	}
	n, err := st.Others(ctx)
	if err == nil && n > 0 {
		err = e911.Errorf(e911.Conflict, "%d connections of Callbox to the database are open: stop all nodes first", n)
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &database{st.Store, st.Close}, nil
}
