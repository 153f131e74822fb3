package emergency

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
)

// Teams' INVITE comes in over a socket and leaves as an i3 one: what the BCF
// reads from the wire, taken by xmllint.
//
// Proves: E10, F-38, D-02, W-43 (NENA-STA-010.3 2.1.6; RFC 3261, section 8.1.1.2)
func TestOverSocketsAnI3Leg(t *testing.T) {
	got, over := make(chan *sipedge.Request, 1), make(chan struct{})
	_, bcf := startEdge(t, "127.0.0.21", func(_ context.Context, l *sipedge.Leg) {
		got <- l.Request()
		_ = l.Answer(1, sipedge.Message{Body: []byte(psapSDP), ContentType: typeSDP})
		for ev := range l.Events() {
			if ev.Kind == sipedge.ByeReceived {
				close(over)
			}
		}
	})
	_, at := overSockets(t, bcf, bcf, func(w *world) {
		// The world's county is found by a point, and this caller has an address.
		w.ecrc.To, w.ecrc.Profile = fmt.Sprintf("sip:bcf@%s;transport=tcp", bcf), e911.ProfileI3
		w.pbx.Inbound = e911.InboundTeamsSBC
	})
	pbx, _ := startEdge(t, "127.0.0.11", func(context.Context, *sipedge.Leg) {})
	teams := platformInvite(t, "teams_sbc")
	in := sipedge.Invite{
		URI: "sip:911@" + at.String() + ";user=phone", Dest: at, Transport: "tcp", From: "<sip:+16175550111@sbc.harbor.example>", To: "<sip:911@callbox.example>",
		Body: teams.Body, ContentType: teams.ContentType,
	}
	for _, name := range []string{"P-Asserted-Identity", "Privacy", "Geolocation"} {
		in.Headers = append(in.Headers, sipedge.Header{Name: name, Value: teams.Headers.Get(name)})
	}
	call := pbx.Dial(t.Context(), in)
	next(t, call, sipedge.Answered)
	req := <-got
	if req.URI != "urn:service:sos" || !strings.HasPrefix(req.Headers.Get("To"), "<urn:service:sos>") {
		t.Errorf("URI %s, To %s", req.URI, req.Headers.Get("To"))
	}
	if r := req.Headers.Get("Route"); !strings.Contains(r, bcf.String()) || !strings.Contains(r, ";lr>") {
		t.Errorf("Route = %q", r)
	}
	if req.Headers.Get("Resource-Priority") != "esnet.1" || req.Headers.Get("Privacy") != "" {
		t.Errorf("Resource-Priority %q, Privacy %q", req.Headers.Get("Resource-Priority"), req.Headers.Get("Privacy"))
	}
	info := strings.Join(req.Headers.All("Call-Info"), "\n")
	for _, want := range []string{"emergency-CallId", "emergency-IncidentId", "ProviderInfo", "ServiceInfo", "SubscriberInfo"} {
		if !strings.Contains(info, want) {
			t.Errorf("Call-Info without %s:\n%s", want, info)
		}
	}
	_, locations, others := bodyParts(req.ContentType, req.Body)
	if len(locations) != 3 || len(others) != 3 {
		t.Fatalf("%d locations and %d other parts, want ours, that of the number, and Teams', and three blocks", len(locations), len(others))
	}
	for _, p := range append(locations, others...) {
		if !strings.Contains(info+req.Headers.Get("Geolocation"), "<cid:"+p.id()+">") {
			t.Errorf("no header names the part <%s>", p.id())
		}
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not installed (Debian package libxml2-utils)")
	}
	for name, want := range map[string]string{"HNO": "795", "FLR": "3", "A3": "Cambridge", "method": "LIS", "retransmission-allowed": "true"} {
		cmd := exec.Command(lint, "--nonet", "--xpath", "string(//*[local-name()='"+name+"'])", "-")
		cmd.Stdin = bytes.NewReader(locations[0].body)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("%s = %q, %v; want %q", name, out, err, want)
		}
	}
	call.Bye("done")
	<-over
}
