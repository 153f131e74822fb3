// Package pgcluster starts a private PostgreSQL server on a loopback address,
// for tests and for measuring. It keeps nothing once it is closed, and ends with
// the process that started it.
package pgcluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL is missing (Debian package postgresql)")

// Host is where every cluster listens, each on a port of its own.
const Host = "127.0.0.54"

// superuser may do all in a cluster.
const superuser = "postgres"

// Cluster is a server with its data. Its methods are not for several goroutines.
type Cluster struct {
	dir, bin, password string
	port               int
	as                 *syscall.SysProcAttr
	options            []string
	server             *exec.Cmd
	ended              chan struct{}
}

// Start makes and starts a cluster; options are settings of the server such as
// "shared_buffers=256MB". As root it runs as the user postgres. The error is
// ErrMissing where PostgreSQL is not installed.
func Start(ctx context.Context, options ...string) (*Cluster, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if p, err := exec.LookPath("initdb"); err == nil {
			found = []string{p}
		}
	}
	if len(found) == 0 {
		return nil, ErrMissing
	}
	slices.Sort(found)
	c := &Cluster{bin: filepath.Dir(found[len(found)-1]), password: rand.Text(), options: options}
	var err error
	// Not in a test's folder: the user postgres must be able to enter it.
	if c.dir, err = os.MkdirTemp("/tmp", "callbox-pg-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if err := c.create(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	if err := c.Restart(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) create(ctx context.Context) error {
	c.as = &syscall.SysProcAttr{}
	endWithUs(c.as)
	secret := filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("find an unprivileged user: %w", err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		c.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		for _, p := range []string{c.dir, secret} {
			if err := os.Chown(p, int(uid), int(gid)); err != nil { //nolint:gosec // ids are small
				return fmt.Errorf("give the folder away: %w", err)
			}
		}
	}
	// An order that is not that of octets: what needs one must say so.
	init := c.command(ctx, "initdb", "-D", c.data(), "-U", superuser, "--auth=scram-sha-256", "--pwfile="+secret, "--no-sync", "-E", "UTF8",
		"--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("run initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", Host+":0")
	if err != nil {
		return fmt.Errorf("find a port: %w", err)
	}
	c.port = free.Addr().(*net.TCPAddr).Port
	return free.Close()
}

func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = c.dir, c.as
	return cmd
}

// Restart starts the server again on the same address with the same data, and
// waits until it answers.
func (c *Cluster) Restart(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the server's log: %w", err)
	}
	defer log.Close()
	args := []string{"-D", c.data()}
	for _, o := range append([]string{
		"listen_addresses=" + Host, "port=" + strconv.Itoa(c.port), "unix_socket_directories=", "fsync=off", "full_page_writes=off", "autovacuum=off",
		"shared_buffers=32MB", "max_connections=60",
	}, c.options...) {
		args = append(args, "-c", o)
	}
	c.server = c.command(context.WithoutCancel(ctx), "postgres", args...)
	c.server.Stdout, c.server.Stderr = log, log
	c.ended = make(chan struct{})
	started := make(chan error)
	go func() {
		// The server is told of the end of the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.server.Start()
		started <- err
		if err == nil {
			_ = c.server.Wait()
		}
		close(c.ended)
	}()
	if err := <-started; err != nil {
		c.server = nil
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return c.answers(ctx)
}

func (c *Cluster) answers(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-c.ended:
			text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("PostgreSQL ended: %s", bytes.TrimSpace(text))
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL: %w", err)
		case <-tick.C:
		}
	}
}

// Kill ends the server at once, as a power cut does to the clients.
func (c *Cluster) Kill() error { return c.end(syscall.SIGQUIT) }

// Stop ends the server in order: sessions are told to go.
func (c *Cluster) Stop() error { return c.end(syscall.SIGINT) }

func (c *Cluster) end(how syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	defer func() { <-c.ended; c.server = nil }()
	if err := c.server.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end PostgreSQL: %w", err)
	}
	return nil
}

// Close ends the server and removes its data.
func (c *Cluster) Close() error { return errors.Join(c.Kill(), os.RemoveAll(c.dir)) }

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// DSN leads the superuser to a database.
func (c *Cluster) DSN(database string) string { return c.dsn(superuser, c.password, database) }

func (c *Cluster) dsn(role, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, password), Host: net.JoinHostPort(Host, strconv.Itoa(c.port)), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Create makes a database that a role of the same name owns, as
// docs/operations.md tells an operator to, and says how the role gets there.
func (c *Cluster) Create(ctx context.Context, name string) (dsn string, err error) {
	role := pgx.Identifier{name}.Sanitize()
	password := rand.Text()
	err = c.above(ctx,
		"CREATE ROLE "+role+" LOGIN PASSWORD '"+strings.ReplaceAll(password, "'", "''")+"'",
		"CREATE DATABASE "+role+" OWNER "+role,
	)
	if err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return c.dsn(name, password, name), nil
}

// Copy makes a database with all that is in the one at dsn, for the same role.
// Nobody may be connected to that one.
func (c *Cluster) Copy(ctx context.Context, dsn, name string) (string, error) {
	from, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read the address of a database: %w", err)
	}
	err = c.above(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" OWNER "+pgx.Identifier{from.User.Username()}.Sanitize()+
		" TEMPLATE "+pgx.Identifier{strings.TrimPrefix(from.Path, "/")}.Sanitize())
	if err != nil {
		return "", fmt.Errorf("copy a database: %w", err)
	}
	from.Path = "/" + name
	return from.String(), nil
}

// above runs statements as the superuser.
func (c *Cluster) above(ctx context.Context, queries ...string) (err error) {
	conn, err := pgx.Connect(ctx, c.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, q := range queries {
		if _, err := conn.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
