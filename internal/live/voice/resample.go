package voice

import "math"

// halver takes 16 kHz to 8 kHz: a low-pass of linear phase, then every second
// sample. The pass band is flat to 3.4 kHz, the upper edge of telephony; what
// would fold back below 4 kHz is at least 60 dB down (Kaiser window; Oppenheim
// and Schafer, Discrete-Time Signal Processing, section 7.5).
type halver struct{ taps []float64 }

func newHalver() halver {
	const (
		rate      = 2 * Rate
		pass      = 3400.0
		stop      = 4000.0
		attenuate = 60.0
	)
	width := 2 * math.Pi * (stop - pass) / rate
	order := int(math.Ceil((attenuate - 8) / (2.285 * width)))
	order += order % 2 // an even order has a tap in the middle: the delay is whole samples
	beta := 0.1102 * (attenuate - 8.7)
	cut := 2 * math.Pi * (pass + stop) / 2 / rate
	taps := make([]float64, order+1)
	sum := 0.0
	for i := range taps {
		x := float64(i) - float64(order)/2
		ideal := cut / math.Pi
		if x != 0 {
			ideal = math.Sin(cut*x) / (math.Pi * x)
		}
		r := 2*float64(i)/float64(order) - 1
		taps[i] = ideal * bessel0(beta*math.Sqrt(1-r*r)) / bessel0(beta)
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum // unity at 0 Hz
	}
	return halver{taps: taps}
}

// halve returns half as many samples, not delayed against the input.
func (h halver) halve(in []int16) Audio {
	out := make(Audio, (len(in)+1)/2)
	mid := len(h.taps) / 2
	for o := range out {
		first := 2*o - mid
		acc := 0.0
		for t := max(0, -first); t < len(h.taps) && first+t < len(in); t++ {
			acc += h.taps[t] * float64(in[first+t])
		}
		out[o] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(acc))))
	}
	return out
}

// bessel0 is the modified Bessel function of the first kind, order zero.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}
