// Package faultdriver stands between database/sql and an engine's driver and
// makes the disk fail when a test says so (F-38 a): removing the file of an
// open database proves nothing on Linux, an EIO from the driver does.
package faultdriver

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
)

// Op is what a Disk can be told to fail.
type Op string

// The operations that reach a disk.
const (
	Connect Op = "connect"
	Begin   Op = "begin"
	Exec    Op = "exec"
	Query   Op = "query"
	Commit  Op = "commit"
)

// Disk decides what fails. The zero Disk lets all through. Safe for concurrent
// use.
type Disk struct {
	mu    sync.Mutex
	fails map[Op]error
	hits  map[Op]int
}

// Fail makes the operations fail with err until Heal, syscall.EIO for instance.
func (d *Disk) Fail(err error, ops ...Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails == nil {
		d.fails = map[Op]error{}
	}
	for _, op := range ops {
		d.fails[op] = err
	}
}

// Heal lets everything through again.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = nil
}

// Hits counts how often an operation was made to fail.
func (d *Disk) Hits(op Op) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hits[op]
}

func (d *Disk) check(op Op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.fails[op]
	if err != nil {
		if d.hits == nil {
			d.hits = map[Op]int{}
		}
		d.hits[op]++
	}
	return err
}

// Wrap puts the Disk in front of a driver.
func (d *Disk) Wrap(c driver.Connector) driver.Connector { return &connector{c, d} }

type connector struct {
	driver.Connector
	disk *Disk
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.disk.check(Connect); err != nil {
		return nil, err
	}
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{inner, c.disk}, nil
}

// conn passes on the optional interfaces that the engines' drivers have.
type conn struct {
	driver.Conn
	disk *Disk
}

var errPlain = errors.New("faultdriver: the driver has no context methods")

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.disk.check(Begin); err != nil {
		return nil, err
	}
	inner, ok := c.Conn.(driver.ConnBeginTx)
	if !ok {
		return nil, errPlain
	}
	t, err := inner.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{t, c.disk}, nil
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.disk.check(Query); err != nil {
		return nil, err
	}
	inner, ok := c.Conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, errPlain
	}
	return inner.PrepareContext(ctx, query)
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.disk.check(Exec); err != nil {
		return nil, err
	}
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, errPlain
	}
	return inner.ExecContext(ctx, query, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.disk.check(Query); err != nil {
		return nil, err
	}
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, errPlain
	}
	return inner.QueryContext(ctx, query, args)
}

func (c *conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	if inner, ok := c.Conn.(driver.Validator); ok {
		return inner.IsValid()
	}
	return true
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type tx struct {
	driver.Tx
	disk *Disk
}

// Commit that fails leaves nothing behind, as an engine whose disk fails does.
func (t *tx) Commit() error {
	if err := t.disk.check(Commit); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.Tx.Commit()
}
