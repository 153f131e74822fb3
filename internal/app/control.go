package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/callbox911/callbox/internal/admin/netimport"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/web/api"
)

// The command line talks to a running server over a Unix socket in the data
// directory that only its owner may open (D-14). When none runs, a lock file
// keeps two programs from opening the database at once.
const (
	controlSocket = "callbox.sock"
	lockFile      = "callbox.lock"
	// lockTries is how often the lock is asked for, 50 ms apart.
	lockTries = 40
	// maxWorld bounds a world file sent over the socket.
	maxWorld = 64 << 20
	// maxNetwork bounds a network map sent over it: two million rows.
	maxNetwork = 512 << 20
)

// ErrNotRunning means that no server answers in the data directory.
var ErrNotRunning = errors.New("no server is running in this data directory")

// lock takes the data directory for this process, or says who else may have it.
func lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	// A process that was killed a moment ago may still be letting go.
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for try := 0; ; try++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if try == lockTries {
			f.Close()
			return nil, e911.Errorf(e911.Conflict, "another callbox uses the data directory %s; stop it, or name another with --data", dir)
		}
		<-tick.C
	}
}

// offline opens the database of a data directory in which no server runs, under
// the lock (D-14). The closer gives both back.
func offline(dir string) (st *database, closer func() error, err error) {
	unlock, err := lock(dir)
	if err != nil {
		return nil, nil, err
	}
	ring, err := seal.LoadMaster(filepath.Join(dir, "master.key"))
	if err == nil {
		st, err = openDatabase(context.Background(), databaseConfig{Dir: dir, Ring: ring, Now: time.Now})
	}
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return st, func() error { defer unlock(); return st.Close() }, nil
}

// controlHandler is what the command line may ask of a running server.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /import", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWorld))
		if err != nil {
			writeControl(w, nil, e911.Errorf(e911.Invalid, "the world file is larger than %d MiB", maxWorld>>20))
			return
		}
		q := r.URL.Query()
		report, err := s.Import(r.Context(), q.Get("file"), text, world.Options{DryRun: q.Get("dry") == "true", Unroute: q.Get("unroute")})
		writeControl(w, report, err)
	})
	mux.HandleFunc("POST /import-network", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		report, err := s.ImportNetwork(r.Context(), q.Get("file"), http.MaxBytesReader(w, r.Body, maxNetwork), netimport.Options{
			Org: q.Get("org"), Replace: q.Get("replace") == "true", DryRun: q.Get("dry") == "true",
		})
		writeControl(w, report, err)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		link, err := s.LoginLink(r.URL.Query().Get("org"))
		writeControl(w, map[string]string{"link": link}, err)
	})
	mux.HandleFunc("POST /network-map", func(w http.ResponseWriter, r *http.Request) {
		m, err := s.NetworkMap(r.Context(), r.URL.Query().Get("org"))
		writeControl(w, m, err)
	})
	s.controlExplain(mux)
	s.inventoryRoutes(mux)
	s.layerRoutes(mux)
	s.changeRoutes(mux)
	s.psaliRoutes(mux)
	s.trialRoutes(mux)
	s.trunkRoutes(mux)
	s.callbackRoutes(mux)
	mux.Handle(api.Base+"/", s.api.handler.Trusted("control socket"))
	s.stationRoutes(mux)
	s.reconcileRoutes(mux)
	s.directoryRoutes(mux)
	s.firstUseRoutes(mux)
	s.setupRoutes(mux)
	s.foreignRoutes(mux)
	s.jobRoutes(mux)
	s.memberRoutes(mux)
	s.signOnRoutes(mux)
	s.credentialRoutes(mux)
	s.tenantRoutes(mux)
	return mux
}

// controlReply is what travels over the socket.
type controlReply struct {
	Result json.RawMessage `json:"result,omitempty"`
	Kind   e911.Kind       `json:"kind,omitempty"`
	Error  string          `json:"error,omitempty"`
	Faults []e911.Fault    `json:"faults,omitempty"`
}

func writeControl(w http.ResponseWriter, result any, err error) {
	var reply controlReply
	if err != nil {
		reply = controlReply{Kind: e911.KindOf(err), Error: err.Error(), Faults: e911.FaultsOf(err)}
		if e, ok := errors.AsType[*e911.Error](err); ok {
			reply.Error = e.Msg
		}
	} else if reply.Result, err = json.Marshal(result); err != nil {
		reply = controlReply{Kind: e911.Internal, Error: "encode the answer"}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(reply)
}

// runControl serves the socket until ctx ends.
func (s *Server) runControl(ctx context.Context) error {
	path := filepath.Join(s.cfg.DataDir, controlSocket)
	_ = os.Remove(path) // left by a killed process; the lock says that none runs
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen on the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return fmt.Errorf("close the control socket to others: %w", err)
	}
	return serveHTTP(ctx, s.cfg.Log, l, s.controlHandler())
}

// Control asks the server that runs in dir. It returns ErrNotRunning when none
// does, and the server's *e911.Error when it refuses.
func Control(ctx context.Context, dir, path string, body io.Reader, result any) error {
	socket := filepath.Join(dir, controlSocket)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://callbox"+path, body)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer resp.Body.Close()
	var reply controlReply
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if reply.Error != "" {
		return &e911.Error{Kind: reply.Kind, Msg: reply.Error, Faults: reply.Faults}
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(reply.Result, result)
}

// serveHTTP serves l until ctx ends, then lets requests under way finish for
// two seconds.
func serveHTTP(ctx context.Context, log *slog.Logger, l net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(withoutNoise{log.Handler()}, slog.LevelError),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends event streams
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		srv.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}
