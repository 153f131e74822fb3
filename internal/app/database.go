package app

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
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

const (
	// EmbeddedStore names the database in the data directory.
	EmbeddedStore = "embedded"
	embeddedFile  = "callbox.db"
	// storeFile keeps, sealed, where the server's database is when it is not the
	// embedded one, so that commands that run without a server find it.
	storeFile = "store.sealed"
	sealStore = "app/store"
)

// database is an open database of either engine.
type database struct {
	*rows.Store
	close func() error
}

// Close ends all connections. It may be called twice.
func (d *database) Close() error { return d.close() }

// databaseConfig says which database to open: the one at Where, or the one that
// the data directory remembers when that is empty.
type databaseConfig struct {
	Dir   string
	Where string
	Ring  *seal.Ring
	Now   func() time.Time
	Log   *slog.Logger
	Wrap  func(driver.Connector) driver.Connector
}

// openDatabase opens it and remembers where it is.
func openDatabase(ctx context.Context, cfg databaseConfig) (*database, error) {
	remembered, err := rememberedStore(cfg.Dir, cfg.Ring)
	if cfg.Where == "" {
		cfg.Where = remembered
		if err != nil {
			return nil, err
		}
	}
	if cfg.Where == "" || cfg.Where == EmbeddedStore {
		st, err := sqlite.New(ctx, sqlite.Config{Path: filepath.Join(cfg.Dir, embeddedFile), Ring: cfg.Ring, Now: cfg.Now, Wrap: cfg.Wrap})
		if err != nil {
			return nil, err
		}
		if err := rememberStore(cfg.Dir, cfg.Ring, remembered, ""); err != nil {
			return nil, errors.Join(err, st.Close())
		}
		return &database{st.Store, st.Close}, nil
	}
	st, err := postgres.New(ctx, postgres.Config{DSN: cfg.Where, Ring: cfg.Ring, Now: cfg.Now, Log: cfg.Log, Wrap: cfg.Wrap})
	if err != nil {
		return nil, err
	}
	if err := rememberStore(cfg.Dir, cfg.Ring, remembered, cfg.Where); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return &database{st.Store, st.Close}, nil
}

// rememberedStore is "" for the embedded database.
func rememberedStore(dir string, ring *seal.Ring) (string, error) {
	sealed, err := os.ReadFile(filepath.Join(dir, storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil {
		var where []byte
		if where, err = ring.Open(sealStore, string(sealed)); err == nil {
			return string(where), nil
		}
	}
	return "", &e911.Error{
		Kind: e911.Invalid, Msg: "where the database is cannot be read from " + storeFile + ": start the server with --store again",
		Err: fmt.Errorf("read %s: %w", storeFile, err),
	}
}

func rememberStore(dir string, ring *seal.Ring, before, where string) error {
	path := filepath.Join(dir, storeFile)
	if where == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("forget the other database: %w", err)
		}
		return nil
	}
	if where == before {
		return nil
	}
	sealed, err := ring.Seal(sealStore, []byte(where))
	if err == nil {
		err = errors.Join(os.WriteFile(path+".new", []byte(sealed), 0o600), os.Rename(path+".new", path))
	}
	if err != nil {
		return fmt.Errorf("remember where the database is: %w", err)
	}
	return nil
}

// databaseThere says whether the data directory has a database, of its own or
// elsewhere.
func databaseThere(dir string) bool {
	for _, name := range []string{embeddedFile, storeFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// storeFaults reads Store; what it says holds no password.
func (c Config) storeFaults() []error {
	if c.Store == "" || c.Store == EmbeddedStore {
		return nil
	}
	if _, err := postgres.Place(c.Store); err != nil {
		return []error{fmt.Errorf("store: %w; %q is the database in the data directory", err, EmbeddedStore)}
	}
	return nil
}

// storePlace says for the log which database the server has.
func (s *Server) storePlace() string {
	where := s.cfg.Store
	if where == "" {
		where, _ = rememberedStore(s.cfg.DataDir, s.ring)
	}
	if place, err := postgres.Place(where); where != "" && where != EmbeddedStore && err == nil {
		return place
	}
	return "embedded database"
}
