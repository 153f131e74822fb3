package storetest

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/store/storetest/faultdriver"
)

// RunFaults proves that an EIO at any point leaves nothing half done, comes out
// as Unavailable without the driver's types, and is over when the disk is. The
// store's driver is wrapped by disk.
func RunFaults(t *testing.T, st Store, disk *faultdriver.Disk) {
	create := func(ctx context.Context, key string) error {
		o := e911.Org{ID: e911.NewID[e911.OrgID](), Key: key, Name: "Organisation " + key}
		return st.Write(ctx, "test", func(w admin.Writer) error { _, err := w.Create(ctx, o); return err })
	}
	if err := create(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	head, err := st.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	read := func(ctx context.Context) error {
		return st.Read(ctx, func(r admin.Reader) error {
			list, err := r.Orgs(ctx)
			found = len(list)
			return err
		})
	}
	write := func(ctx context.Context) error { return create(ctx, "during") }
	follow := func(ctx context.Context) error { _, err := st.Since(ctx, 0, nil); return err }
	calls := func(ctx context.Context) error { return st.SaveCalls(ctx, "n", 1, nil) }
	for _, c := range []struct {
		name string
		op   faultdriver.Op
		do   func(context.Context) error
	}{
		{"a question fails at its query", faultdriver.Query, read},
		{"a question fails at its begin", faultdriver.Begin, read},
		{"a change fails at its begin", faultdriver.Begin, write},
		{"a change fails at its insert", faultdriver.Exec, write},
		{"a change fails at its query", faultdriver.Query, write},
		{"a change fails at its commit", faultdriver.Commit, write},
		{"the publisher's question fails", faultdriver.Query, follow},
		{"call records fail at their commit", faultdriver.Commit, calls},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk.Fail(syscall.EIO, c.op)
			err := c.do(t.Context())
			hits := disk.Hits(c.op)
			disk.Heal()
			if hits == 0 {
				t.Fatalf("nothing reached the disk by %s", c.op)
			}
			if e911.KindOf(err) != e911.Unavailable || err == nil {
				t.Errorf("error = %v, want kind unavailable", err)
			}
			if errors.Is(err, syscall.EIO) {
				t.Error("the driver's error left the store")
			}
			if err := read(t.Context()); err != nil || found != 1 {
				t.Errorf("after the disk was healed: %d organisations, %v; want the one from before", found, err)
			}
			if again, _ := st.Head(t.Context()); again != head {
				t.Errorf("head = %+v, want %+v as before", again, head)
			}
		})
	}
	if err := create(t.Context(), "after"); err != nil {
		t.Errorf("a change after it all: %v", err)
	}
}
