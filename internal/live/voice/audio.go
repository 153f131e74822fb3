package voice

import (
	"math"
	"time"

	"github.com/zaf/g711"
)

// Rate is the number of samples a second of all Audio, that of G.711.
const Rate = 8000

// Audio is sound: linear samples of one channel at Rate. It is shared between
// callers and never changed.
type Audio []int16

// Seconds is how long it sounds.
func (a Audio) Seconds() float64 { return float64(len(a)) / Rate }

// MuLaw returns the sound in G.711 u-law, one byte a sample (RTP payload type 0).
func (a Audio) MuLaw() []byte {
	b := make([]byte, len(a))
	for i, v := range a {
		b[i] = g711.EncodeUlawFrame(v)
	}
	return b
}

// ALaw returns the sound in G.711 A-law, one byte a sample (RTP payload type 8).
func (a Audio) ALaw() []byte {
	b := make([]byte, len(a))
	for i, v := range a {
		b[i] = g711.EncodeAlawFrame(v)
	}
	return b
}

// Silence returns d of silence.
func Silence(d time.Duration) Audio {
	return make(Audio, d*Rate/time.Second)
}

// Join returns the parts one after the other, with a gap of silence between
// them.
func Join(gap time.Duration, parts ...Audio) Audio {
	var all Audio
	for i, p := range parts {
		if i > 0 {
			all = append(all, Silence(gap)...)
		}
		all = append(all, p...)
	}
	return all
}

// Attention is what a caller hears when there is no speech at all: three pairs
// of tones, 440 Hz and then 660 Hz, each 0.3 s, the pairs 1 s apart; 5.4 s in
// all. It resembles no tone of the North American plan (dial, ringing, busy,
// special information; all are mixtures or other frequencies), so that it is
// taken neither for an answer of the network nor for a digit.
func Attention() Audio {
	pair := Join(0, tone(440, 300*time.Millisecond), tone(660, 300*time.Millisecond))
	rest := Silence(time.Second)
	return Join(0, rest, pair, rest, pair, rest, pair, rest[:Rate*6/10])
}

// tone is a sine at -16 dBFS with edges of 10 ms, so that it does not click.
func tone(hz float64, d time.Duration) Audio {
	const level, edge = 32767 * 0.16, Rate / 100
	a := Silence(d)
	for i := range a {
		g := min(1, float64(i)/edge, float64(len(a)-1-i)/edge)
		a[i] = int16(math.Round(level * g * math.Sin(2*math.Pi*hz*float64(i)/Rate)))
	}
	return a
}
