package world_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

const richTrunks = `      targets: [{uri: "sip:127.0.0.24:5071", priority: 1, weight: 70}, {uri: "sips:127.0.0.25", priority: 1, weight: 30}]
      digest: {user: callbox, realm: carrier, secrets: ["given by the carrier"]}
      register: {registrar: "sip:127.0.0.24", aor: "sip:callbox@127.0.0.24", expires: 5m}
      probe: {every: 20s}
      capacity: 30
      reserved: 10
      national: true
      marks: [psap_callbacks, test_urn]
`

func (b *bench) trunks(org string) (found []e911.Trunk) {
	b.t.Helper()
	q := admin.Query{Kind: e911.KindTrunk}
	if org != "" {
		q.Org = b.org(org).ID
	}
	err := b.st.Read(b.t.Context(), func(r admin.Reader) error {
		list, err := r.List(b.t.Context(), q)
		for _, o := range list {
			found = append(found, o.Value.(e911.Trunk))
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// All that a trunk has comes in, and coming in again it changes nothing.
// Proves: D-09, E15, W-43, C-71
func TestTrunksOfEveryKind(t *testing.T) {
	b := newBench(t)
	text := edit(t, harbor(), "  psaps:\n", `    - key: rich
      side: esinet
      kind: esinet
      profile: i3
      to: "sip:psap@127.0.0.26:5071"
      from: [127.0.0.26/32]
      dr_from: []
`+richTrunks+"  psaps:\n")
	text = edit(t, text, "      - {key: pbx, side: platform", `      - {key: sbc, side: platform, certificates: [sbc.harbor.example], dr_from: [], inbound: genesys, identity_header: X-Employee, marks: [locates_calls], admit: {user: sbc, secrets: ["a secret of the demonstration"]}}
      - {key: gateway, side: local, kind: local, profile: elin, to: "sip:gw@127.0.0.27", from: [127.0.0.27/32], dr_from: []}
      - {key: pbx, side: platform`)
	b.must(text)
	var rich, sbc e911.Trunk
	for _, v := range append(b.trunks(""), b.trunks("harbor")...) {
		switch v.Key {
		case "rich":
			rich = v
		case "sbc":
			sbc = v
		}
	}
	want := e911.Trunk{
		ID: rich.ID, Key: "rich", Side: e911.SideESInet, Kind: e911.RouteESInet, Profile: e911.ProfileI3, To: "sip:psap@127.0.0.26:5071",
		From: rich.From, DRFrom: rich.DRFrom,
		Targets:  []e911.TrunkTarget{{URI: "sip:127.0.0.24:5071", Priority: 1, Weight: 70}, {URI: "sips:127.0.0.25", Priority: 1, Weight: 30}},
		Digest:   e911.TrunkDigest{User: "callbox", Realm: "carrier", Secrets: []e911.Secret{"given by the carrier"}},
		Register: e911.TrunkRegistration{Registrar: "sip:127.0.0.24", AOR: "sip:callbox@127.0.0.24", Expires: 5 * time.Minute},
		Probe:    e911.TrunkProbe{Every: 20 * time.Second}, Capacity: 30, Reserved: 10, National: true,
		Marks: []e911.TrunkMark{e911.MarkPSAPCallbacks, e911.MarkTestURN},
	}
	same := cmp.Comparer(func(x, y e911.Trunk) bool { return admin.Same(x, y) })
	if diff := cmp.Diff(want, rich, same); diff != "" || len(rich.From) != 1 {
		t.Error(diff)
	}
	if sbc.Inbound != e911.InboundGenesys || len(sbc.Certificates) != 1 || sbc.Admit.User != "sbc" || len(sbc.Admit.Secrets) != 1 || !sbc.Marked(e911.MarkLocatesCalls) {
		t.Errorf("the SBC came in as %+v", sbc)
	}
	if rep := b.must(text); rep.Changes() != 0 {
		t.Errorf("the second import changed %d objects: %+v", rep.Changes(), rep.Counts)
	}
	if rep := b.must(edit(t, text, "given by the carrier", "given anew")); rep.Changes() != 1 {
		t.Errorf("a new secret changed %d objects, want 1", rep.Changes())
	}
}
