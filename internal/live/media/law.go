package media

import "github.com/zaf/g711"

// law is a G.711 companding law.
type law uint8

const (
	muLaw law = iota // PCMU
	aLaw             // PCMA
)

func (l law) encoding() string {
	if l == aLaw {
		return "PCMA/8000"
	}
	return "PCMU/8000"
}

// encode writes the samples to dst, one byte each.
func (l law) encode(dst []byte, pcm []int16) {
	one := g711.EncodeUlawFrame
	if l == aLaw {
		one = g711.EncodeAlawFrame
	}
	for i, v := range pcm {
		dst[i] = one(v)
	}
}
