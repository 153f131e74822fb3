package publish_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/snapshot"
)

// BenchmarkChange measures one change from its transaction to the pointer that
// calls load, in an organisation of CALLBOX_BENCH_ELEMENTS network elements
// (default 10,000), with the snapshot file written.
func BenchmarkChange(b *testing.B) {
	elements := 10_000
	if n, err := strconv.Atoi(os.Getenv("CALLBOX_BENCH_ELEMENTS")); err == nil {
		elements = n
	}
	h := newHouse(b)
	h.real = snapshot.OpenFile(filepath.Join(h.dir, "snapshot"), h.ring)
	h.start()
	h.publish()
	var room e911.Location
	for l := range h.org().Locations() {
		room = l
	}
	h.write(func(w admin.Writer) error {
		for i := range elements {
			e := e911.Element{
				ID: e911.NewID[e911.ElementID](), Org: room.Org, Location: room.ID, Kind: e911.ElementLLDPPort,
				LLDP: e911.LLDPPort{Chassis: fmt.Sprintf("0c:75:be:%02x:%02x:%02x", i>>21&255, i>>13&255, i>>5&255), Port: fmt.Sprint("Gi1/0/", i&31)},
			}
			if _, err := w.Create(b.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	h.publish()
	site := h.site("hq")
	b.ResetTimer()
	for i := range b.N {
		site.Name = fmt.Sprint("Name ", i)
		h.update(site)
		if res := h.publish(); res.Applied != 1 {
			b.Fatalf("publish: %+v", res)
		}
	}
	b.StopTimer()
	h.wantAlarms()
}
