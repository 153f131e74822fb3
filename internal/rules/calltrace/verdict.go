package calltrace

import (
	"fmt"
	"strings"
	"time"
)

// Judge says what a test comes to, and what to do. Digest says whether the trunk
// has credentials of ours.
func (r Report) Judge(digest bool) Verdict {
	if len(r.Tries) == 0 {
		return Verdict{
			Text: "nothing could be sent over " + r.Trunk + ": no address of it is known",
			Do:   []string{"look at callbox trunks: which of its names no name server has answered for", "give the trunk a target with an address"},
		}
	}
	last := r.Tries[len(r.Tries)-1]
	if last.Code >= 200 && last.Code < 300 {
		return r.well(last)
	}
	if last.Code == 0 {
		return r.unheard(last)
	}
	v := Verdict{Text: fmt.Sprintf("%s refused with %s", r.Trunk, answer(last))}
	if w := last.Warning; w != "" {
		v.Text += " and warned: " + w
	}
	v.Do = refusal(last, r.Kind, digest)
	v.Do = append(append(v.Do, byUDP(last)...), r.before()...)
	return v
}

func answer(t Try) string { return strings.TrimSpace(fmt.Sprintf("%d %s", t.Code, t.Reason)) }

func (r Report) well(last Try) Verdict {
	v := Verdict{OK: true, Text: fmt.Sprintf("%s answered with %s after %s", r.Trunk, answer(last), short(last.Took))}
	if r.Kind == Options {
		v.Do = r.before()
		return v
	}
	if last.Proved {
		v.Text += "; it asked for credentials and took ours"
	}
	v.Text += fmt.Sprintf("; the call was up for %s and %d packets of sound were heard", short(r.Talk), r.Heard)
	if last.Slim {
		v.Text += "; but only without the location body"
		first := r.refused()
		accept := ""
		if first.Accept != "" {
			accept = " (it says that it takes " + first.Accept + ")"
		}
		v.Do = append(v.Do,
			fmt.Sprintf("the trunk refused multipart bodies with %s%s: a location by value does not get through, every 911 call loses a round trip for it", answer(first), accept),
			"ask the carrier to take multipart/mixed with application/pidf+xml, or set the trunk's profile to elin or plain, so that the location follows from the number")
	}
	if r.Heard == 0 && r.Talk >= time.Second {
		v.Do = append(v.Do, "nothing was heard: check --rtp and --rtp-ports of the server, and the firewall between its media address and the carrier's")
	}
	v.Do = append(append(v.Do, byUDP(last)...), r.before()...)
	if r.Kind == Through933 {
		v.Do = append(v.Do, "that it was answered does not say what was read back: listen to it from a telephone of the place, once for each trunk")
	}
	return v
}

// refused is the first attempt that was refused for its body.
func (r Report) refused() Try {
	for _, t := range r.Tries {
		if t.Code >= 300 && t.Bodies > 0 {
			return t
		}
	}
	return Try{}
}

// before says what went wrong on the way to the last attempt.
func (r Report) before() []string {
	var out []string
	for _, t := range r.Tries[:len(r.Tries)-1] {
		if t.Code == 0 {
			out = append(out, fmt.Sprintf("%s: %s, so the next target was tried", t.Target, why(t)))
		}
	}
	return out
}

func why(t Try) string {
	switch t.Fault {
	case NoConnection:
		return "no connection (" + t.Detail + ")"
	case NoHandshake:
		return "no TLS (" + t.Detail + ")"
	case Rings:
		return "it rang and nobody answered in " + short(t.Took)
	case Lost:
		return "the connection broke (" + t.Detail + ")"
	}
	return "nothing was heard in " + short(t.Took)
}

func (r Report) unheard(last Try) Verdict {
	v := Verdict{Text: fmt.Sprintf("%s does not answer: %s: %s", r.Trunk, last.Target, why(last))}
	switch last.Fault {
	case NoConnection:
		v.Do = []string{"check address and port, and the firewall on both sides"}
		if last.NoTCP == "" {
			v.Do = append(v.Do, "ask the carrier whether it takes calls by this transport; write ;transport=udp into the URI where it does not")
		}
	case NoHandshake:
		v.Do = []string{
			"see what its certificate names: openssl s_client -connect " + addressOf(last.Target),
			"the certificate must name the host of the trunk's URI; its authority must be one of this machine's, or stand in --sip-client-ca",
			"a carrier that wants our certificate gets that of --sip-cert",
		}
	case Rings:
		v.Do = []string{"somebody's telephone rings: the number is no announcement that answers by itself", "give another one with --number"}
	case Lost:
		v.Do = []string{"look for a proxy or firewall that cuts connections", "ask the carrier what its log says at this time"}
	default:
		v.Do = []string{"the request went out and no answer came: check that the carrier knows the address that we send from, and that answers pass the firewall"}
		if last.NoTCP == "" && strings.HasPrefix(last.Target, "udp:") {
			v.Do = append(v.Do, "a carrier that drops what is larger than one datagram needs TCP: leave out ;transport=udp")
		}
	}
	v.Do = append(append(v.Do, byUDP(last)...), r.before()...)
	return v
}

// byUDP says what it costs that a trunk by TCP went by UDP.
func byUDP(t Try) []string {
	switch {
	case t.NoTCP == "":
		return nil
	case t.Fault == NoConnection:
		return []string{"nothing listens there by TCP either (" + t.NoTCP + "): the address or port is not the carrier's, or its system is down"}
	case t.Code == 0:
		return []string{"TCP did not connect before (" + t.NoTCP + "): a carrier that takes calls by UDP alone needs ;transport=udp in the trunk's URI"}
	}
	return []string{"TCP did not connect (" + t.NoTCP + ") and it went by UDP, as every 911 call will: ask the carrier to take TCP, for a location does not fit into one datagram; where it never will, write ;transport=udp into the trunk's URI, so that no call waits for it"}
}

func addressOf(target string) string {
	_, a, _ := strings.Cut(target, ":")
	return a
}

// refusal says what to do about a final answer.
func refusal(t Try, kind Kind, digest bool) []string {
	switch {
	case t.Code >= 300 && t.Code < 400:
		return []string{"it sends us elsewhere; a 911 call follows that to addresses of trunks alone, a test does not follow it", "give the trunk the address that it names"}
	case (t.Code == 401 || t.Code == 407) && !digest:
		return []string{"it wants credentials and the trunk has none: set digest user, realm and secret"}
	case t.Code == 401 || t.Code == 407:
		return []string{"it did not like our credentials: check user, realm and secret of the trunk's digest with the carrier"}
	case t.Code == 403:
		return []string{"the carrier does not let us call: check with it that it knows the address we send from, and that the calling number is one of this trunk's"}
	case t.Code == 404 || t.Code == 484 || t.Code == 604 || t.Code == 410:
		if kind == Through933 {
			return []string{"the carrier has no 933 on this trunk: ask it which number tests its 911 service, and give that with --number"}
		}
		return []string{"nobody has that number or address there: check it with the carrier"}
	case t.Code == 415 || t.Code == 413 || t.Code == 513:
		if t.Bodies == 0 {
			return []string{"it does not even take SDP alone: ask the carrier which bodies it takes"}
		}
		return []string{"the trunk refused multipart bodies: set its profile to elin or plain, or ask the carrier to take multipart/mixed with application/pidf+xml"}
	case t.Code == 420:
		return []string{"it does not know " + orNone(t.Unwilling) + ": we require nothing, so something between adds it"}
	case t.Code == 486 || t.Code == 600 || t.Code == 480:
		return []string{"the number is busy or away: try again later, or ask the carrier"}
	case t.Code == 488 || t.Code == 606:
		return []string{"it takes none of our codecs (PCMU, PCMA over plain RTP), or no plain RTP at all: ask the carrier"}
	case t.Code == 503:
		return []string{"the carrier is out of service, or does not know our address; a 911 call goes on to the next route"}
	case t.Code >= 500 && t.Code < 600:
		return []string{"a fault in the carrier's system: give it the time and the Call-ID of this test"}
	}
	return []string{"ask the carrier what its log says at this time"}
}

// short writes a time as people read it.
func short(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
