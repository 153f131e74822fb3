package emergency

import (
	"strings"
	"testing"
)

const phoneSDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.11\r\ns=-\r\nc=IN IP4 127.0.0.11\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"

func sdpWith(lines ...string) []byte {
	return []byte(phoneSDP + strings.Join(lines, "\r\n") + "\r\n")
}

// Proves: E8, F-15, D-04, W-52
func TestOnlySDPThatKeepsTalkingPasses(t *testing.T) {
	cases := []struct {
		name string
		sdp  string
		want bool
	}{
		{"no direction means both ways", phoneSDP, true},
		{"sendrecv", phoneSDP + "a=sendrecv\r\n", true},
		{"sendonly is a hold", phoneSDP + "a=sendonly\r\n", false},
		{"recvonly is a mute", phoneSDP + "a=recvonly\r\n", false},
		{"inactive is a hold", phoneSDP + "a=inactive\r\n", false},
		{"a hold for the whole session", strings.Replace(phoneSDP, "t=0 0\r\n", "t=0 0\r\na=sendonly\r\n", 1), false},
		{"the stream outranks the session", strings.Replace(phoneSDP, "t=0 0\r\n", "t=0 0\r\na=sendonly\r\n", 1) + "a=sendrecv\r\n", true},
		{"the old hold by address 0.0.0.0", strings.Replace(phoneSDP, "c=IN IP4 127.0.0.11", "c=IN IP4 0.0.0.0", 1), false},
		{"the stream's own address outranks the session's 0.0.0.0", strings.Replace(phoneSDP, "c=IN IP4 127.0.0.11", "c=IN IP4 0.0.0.0", 1) + "c=IN IP4 127.0.0.12\r\n", true},
		{"a refused video stream does not matter", phoneSDP + "m=video 0 RTP/AVP 96\r\na=inactive\r\n", true},
		{"video one way does not matter", phoneSDP + "m=video 5000 RTP/AVP 96\r\na=sendonly\r\n", true},
		{"text on hold is a hold", phoneSDP + "m=text 5002 RTP/AVP 98\r\na=inactive\r\n", false},
		{"audio taken away", strings.Replace(phoneSDP, "m=audio 4000", "m=audio 0", 1), false},
		{"line feeds alone", strings.ReplaceAll(phoneSDP+"a=sendonly\r\n", "\r\n", "\n"), false},
		{"nothing", "", false},
		{"no SDP at all", "hello", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := keepsTalking([]byte(c.sdp)); got != c.want {
				t.Errorf("keepsTalking = %v, want %v of\n%s", got, c.want, c.sdp)
			}
		})
	}
}

// Proves: F-15, D-04
func TestHoldIsAnsweredWithThePSAPsSDP(t *testing.T) {
	cases := []struct{ name, offer, want string }{
		{"sendonly gets recvonly", "a=sendonly", "recvonly"},
		{"inactive gets inactive", "a=inactive", "inactive"},
		{"recvonly gets sendonly", "a=recvonly", "sendonly"},
		{"0.0.0.0 gets recvonly", "c=IN IP4 0.0.0.0", "recvonly"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			psap := string(sdpWith("a=sendrecv", "a=ptime:20"))
			got := string(withDirection([]byte(psap), answerTo(sdpWith(c.offer))))
			want := strings.Replace(psap, "a=sendrecv\r\n", "", 1) + "a=" + c.want + "\r\n"
			if got != want {
				t.Errorf("answer =\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Proves: D-05
func TestDirectionIsWrittenForEachStreamAndNothingElseChanges(t *testing.T) {
	in := phoneSDP + "m=video 0 RTP/AVP 96\r\na=sendonly"
	want := phoneSDP + "a=inactive\r\nm=video 0 RTP/AVP 96\r\na=inactive\r\n"
	if got := string(withDirection([]byte(in), inactive)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Proves: D-04
func FuzzSDP(f *testing.F) {
	f.Add([]byte(phoneSDP))
	f.Add([]byte("m=audio\na=sendonly\nc=IN IP4 0.0.0.0\nm="))
	f.Fuzz(func(t *testing.T, sdp []byte) {
		keepsTalking(sdp)
		for _, d := range []direction{sendrecv, recvonly, inactive} {
			out := withDirection(sdp, d)
			if len(out) > len(sdp)+16*(len(sdp)/2+2) {
				t.Fatalf("%d bytes became %d", len(sdp), len(out))
			}
			for _, s := range streams(out) {
				if s.dir != d {
					t.Fatalf("a stream says %s, want %s, in %q", s.dir, d, out)
				}
			}
		}
		answerTo(sdp)
	})
}
