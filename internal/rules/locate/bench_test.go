package locate_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/locate"
)

func laptop(age time.Duration) locate.Measurement {
	return from(age, pub, onPort("Gi1/0/7"), onAP(ap1), func(m *locate.Measurement) {
		m.Neighbours, m.MAC, m.Gateway = []e911.MAC{ap2, ap3, "00:99:00:00:00:10"}, phone, gw
		m.Addrs = []netip.Addr{addr("10.10.0.7")}
	})
}

// What a HELD request costs in here.
func BenchmarkObserve(b *testing.B) {
	m := day{laptop(time.Hour)}.memory()
	next := laptop(time.Minute)
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(next)
	}
}

func BenchmarkRecallAndDecide(b *testing.B) {
	n := office()
	m := day{laptop(time.Hour), laptop(time.Minute)}.memory()
	b.ReportAllocs()
	for b.Loop() {
		locate.Decide(m.Recall(n, nil).Candidates, locate.Situation{HELD: true}, now)
	}
}

func BenchmarkRecall(b *testing.B) {
	n := office()
	m := day{laptop(time.Hour), laptop(time.Minute)}.memory()
	b.ReportAllocs()
	for b.Loop() {
		m.Recall(n, nil)
	}
}
