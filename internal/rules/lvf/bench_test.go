package lvf_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// cityAddresses is one address of every range of Cambridge.
func cityAddresses(b testing.TB) (*lvf.Index, []e911.Civic) {
	c := city(b)
	x := lvf.New([]gis.Layer{layerOf("cambridge-ma", e911.GradeAuthoritative, c)})
	var all []e911.Civic
	sides(c, func(s gis.Street, side gis.Side) { all = append(all, addressOf(s, side, side.From)) })
	return x, all
}

// BenchmarkValidate validates addresses as the layer spells them, as they are
// kept after they were validated once.
func BenchmarkValidate(b *testing.B) {
	x, all := cityAddresses(b)
	for i := range all {
		all[i].FLR = "2"
	}
	bench(b, x, all)
}

// BenchmarkValidateEntered validates addresses as people type them.
func BenchmarkValidateEntered(b *testing.B) {
	x, all := cityAddresses(b)
	for i := range all {
		if short, ok := abbreviated[all[i].STS]; ok {
			all[i].STS = short
		}
		all[i].A2, all[i].UNIT, all[i].A3 = "", "ste 5", "cambridge"
	}
	bench(b, x, all)
}

var abbreviated = map[string]string{"Street": "St", "Avenue": "Ave", "Road": "Rd", "Place": "Pl", "Court": "Ct", "Terrace": "Ter", "Lane": "Ln", "Drive": "Dr"}

// BenchmarkValidateInvalid looks for what was meant.
func BenchmarkValidateInvalid(b *testing.B) {
	x, all := cityAddresses(b)
	for i := range all {
		all[i].RD = all[i].RD[1:] + "q"
	}
	bench(b, x, all)
}

func bench(b *testing.B, x *lvf.Index, all []e911.Civic) {
	b.Helper()
	b.ReportAllocs()
	i, valid, before := 0, 0, cpu()
	for b.Loop() {
		if r := x.Validate(all[i%len(all)], lvf.Options{Now: now}); r.Verdict == e911.VerdictValid {
			valid++
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "validations/s")
	b.ReportMetric(float64(i)/(cpu()-before).Seconds(), "validations/cpu-s") // collector included; tells more where the machine is busy
	b.ReportMetric(float64(valid)/float64(i)*100, "%valid")
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkNearest(b *testing.B) {
	x, _ := cityAddresses(b)
	i := 0
	for b.Loop() {
		p := e911.Point{Lat: 42.36 + float64(i%200)/1e4, Lon: -71.13 + float64(i%311)/1e4}
		x.Nearest(p, lvf.Options{Now: now})
		i++
	}
}

func BenchmarkNew(b *testing.B) {
	c := city(b)
	for b.Loop() {
		lvf.New([]gis.Layer{layerOf("cambridge-ma", e911.GradeAuthoritative, c)})
	}
}
