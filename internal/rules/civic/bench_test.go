package civic_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// speed runs do and reports processor time besides, the collector's included: it
// tells more where the machine is busy.
func speed(b *testing.B, do func()) {
	b.Helper()
	b.ReportAllocs()
	n, before := 0, cpu()
	for b.Loop() {
		do()
		n++
	}
	b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(n), "cpu-ns/op")
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var (
	canonical = e911.Civic{
		Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", HNO: "795", FLR: "2", UNIT: "Suite 5", PC: "02139",
	}
	typed = e911.Civic{Country: "US", A1: "MA", A3: "cambridge", RD: "Massachusetts", STS: "Ave", HNO: "795", UNIT: "ste 5", PC: "02139"}
)

func BenchmarkParse(b *testing.B) {
	speed(b, func() {
		civic.Parse("795 N Massachusetts Ave, Bldg 1, Fl 2, Rm 210, Cambridge, MA 02139-1234", civic.Hint{})
	})
}

func BenchmarkNormalizeCanonical(b *testing.B) { speed(b, func() { civic.Normalize(canonical) }) }
func BenchmarkNormalizeTyped(b *testing.B)     { speed(b, func() { civic.Normalize(typed) }) }
func BenchmarkCheckCanonical(b *testing.B)     { speed(b, func() { civic.Check(canonical) }) }
func BenchmarkCheckTyped(b *testing.B)         { speed(b, func() { civic.Check(typed) }) }
func BenchmarkStreetKey(b *testing.B)          { speed(b, func() { civic.StreetKey(canonical) }) }
