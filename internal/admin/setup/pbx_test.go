package setup_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
)

// another is an organisation in earnest beside the example.
func (b *bench) another(key string) e911.OrgID {
	b.t.Helper()
	o, err := b.editor.Orgs.Create(b.t.Context(), "test", e911.Org{Key: key, Name: key})
	b.must(err)
	return o.Value.ID
}

func (b *bench) connect(org e911.OrgID, key string) setup.PBXMade {
	b.t.Helper()
	m, err := b.Connect(b.t.Context(), "ann", org, setup.PBXWish{Key: key, Inbound: e911.InboundAsterisk})
	b.must(err)
	return m
}

func kindOf(err error) string {
	if err == nil {
		return "done"
	}
	return string(e911.KindOf(err))
}

// An administrator connects a PBX, changes its secret without a gap, and disconnects
// it. What comes of it is a trunk that calls in as its own organisation, and no more.
//
// Proves: N-44, E14
func TestAnOrganisationConnectsItsPBXByItself(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	org := b.another("quay")
	made := b.connect(org, "pbx-hq")
	trunk, ok := b.world().TrunkByUser(made.User)
	if !ok || trunk.Org != org || trunk.Side != e911.SidePlatform || trunk.To != "" || len(trunk.From)+len(trunk.DRFrom)+len(trunk.Marks)+len(trunk.Targets) > 0 ||
		trunk.Capacity != 100 || trunk.IdentityHeader != "E911-User-ID" || trunk.Admit.Secrets[0] != e911.Secret(made.Secret) {
		t.Fatalf("the trunk: %+v", trunk)
	}
	if r, err := b.store.SetupRecord(ctx, org); err != nil || strings.Contains(fmt.Sprintf("%+v", r), made.Secret) {
		t.Errorf("the record has the secret: %v", err)
	}
	second, err := b.AddPBXSecret(ctx, "bo", org, "pbx-hq", "of March")
	b.must(err)
	if second.User != made.User || second.Secret == made.Secret {
		t.Errorf("the second secret: %+v", second)
	}
	if _, err := b.AddPBXSecret(ctx, "bo", org, "pbx-hq", ""); kindOf(err) != "conflict" {
		t.Errorf("a third secret: %v", err)
	}
	b.must(b.EndPBXSecret(ctx, "bo", org, "pbx-hq", made.Note.Mark))
	if err := b.EndPBXSecret(ctx, "bo", org, "pbx-hq", second.Note.Mark); kindOf(err) != "conflict" {
		t.Errorf("the last secret: %v", err)
	}
	list, err := b.PBXs(ctx, org)
	b.must(err)
	if len(list.Items) != 1 || len(list.Items[0].Secrets) != 1 || list.Items[0].Secrets[0].Note != "of March" || list.Items[0].By != "ann" || list.Items[0].Proved != nil {
		t.Errorf("the list: %+v", list)
	}
	if text, err := json.Marshal(list); err != nil || strings.Contains(string(text), second.Secret) {
		t.Errorf("the list shows the secret: %v", err)
	}
	if err := b.RemovePBX(ctx, "ann", org, "pbx-hq", false); kindOf(err) != "conflict" {
		t.Errorf("without agreeing: %v", err)
	}
	b.must(b.RemovePBX(ctx, "ann", org, "pbx-hq", true))
	if _, ok := b.world().TrunkByUser(made.User); ok {
		t.Error("the user of a PBX that is gone still counts")
	}
	if list, err := b.PBXs(ctx, org); err != nil || len(list.Items) != 0 {
		t.Errorf("after it is gone: %+v %v", list, err)
	}
}

// Proves: N-44, E14 (what the operator connected, and what others have, is out of reach)
func TestWhatAnOrganisationDoesNotConnectOrChange(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	org, other := b.another("quay"), b.another("port")
	b.connect(other, "theirs")
	b.connect(org, "own")
	_, err := b.editor.Trunks.Create(ctx, "operator", e911.Trunk{
		Org: org, Key: "hosted", Side: e911.SidePlatform, From: []netip.Prefix{}, DRFrom: []netip.Prefix{},
		Admit: e911.TrunkDigest{User: "hosted-quay", Secrets: []e911.Secret{"a-secret-of-the-operators-own-1"}},
	})
	b.must(err)
	for _, c := range []struct {
		name string
		do   func() error
		want string
	}{
		{"a secret of the operator's trunk", func() error { _, err := b.AddPBXSecret(ctx, "ann", org, "hosted", ""); return err }, "denied"},
		{"its removal", func() error { return b.RemovePBX(ctx, "ann", org, "hosted", true) }, "denied"},
		{"its addresses", func() error {
			_, err := b.RequestRanges(ctx, "ann", org, "hosted", setup.RangeWish{From: prefixes("198.51.100.1/32")})
			return err
		}, "denied"},
		{"a secret of another organisation's", func() error { _, err := b.AddPBXSecret(ctx, "ann", org, "theirs", ""); return err }, "not_found"},
		{"its removal", func() error { return b.RemovePBX(ctx, "ann", org, "theirs", true) }, "not_found"},
		{"a PBX of the name of another trunk", func() error { _, err := b.Connect(ctx, "ann", org, setup.PBXWish{Key: "hosted"}); return err }, "invalid"},
		{"a PBX that names nobody it could be", func() error {
			_, err := b.Connect(ctx, "ann", org, setup.PBXWish{Key: "x", IdentityHeader: "From"})
			return err
		}, "invalid"},
	} {
		if got := kindOf(c.do()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if list, err := b.PBXs(ctx, org); err != nil || len(list.Items) != 1 || len(list.Others) != 1 || list.Others[0] != "hosted" {
		t.Errorf("a refused PBX left something: %+v %v", list, err)
	}
	// The operator gives the trunk a right that is not of its organisation alone.
	own, err := b.editor.Trunks.Find(ctx, admin.Query{Org: org, Field: admin.ByKey, Value: "own"})
	b.must(err)
	v := own[0].Value
	v.Marks = []e911.TrunkMark{e911.MarkManyOrgs}
	_, err = b.editor.Trunks.Update(ctx, "operator", v, own[0].Version)
	b.must(err)
	if _, err := b.AddPBXSecret(ctx, "ann", org, "own", ""); kindOf(err) != "denied" {
		t.Errorf("a secret of a trunk that speaks for others: %v", err)
	}
}

// Proves: N-44, E14 (somebody who connects ten thousand)
func TestAnOrganisationConnectsAsManyAsItMay(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	org, refused := b.another("quay"), 0
	for i := range 10_000 {
		_, err := b.Connect(ctx, "ann", org, setup.PBXWish{Key: fmt.Sprint("pbx-", i)})
		if err != nil {
			if refused++; refused > 20 {
				break
			}
		}
	}
	if list, err := b.PBXs(ctx, org); err != nil || len(list.Items) != 10 {
		t.Errorf("%d PBXs, %v", len(list.Items), err)
	}
	b.must(b.SetPBXPolicy(ctx, "operator", org, setup.PBXPolicy{Most: 11, Capacity: 4}))
	made := b.connect(org, "one-more")
	if trunk, _ := b.world().TrunkByUser(made.User); trunk.Capacity != 4 {
		t.Errorf("its capacity is %d", trunk.Capacity)
	}
	b.must(b.SetPBXPolicy(ctx, "operator", org, setup.PBXPolicy{Off: true}))
	if _, err := b.Connect(ctx, "ann", org, setup.PBXWish{Key: "none"}); kindOf(err) != "denied" {
		t.Errorf("where the operator connects everything: %v", err)
	}
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// Proves: N-44, E1, E14 (an address is the operator's to believe)
func TestAddressesOfAPBXAreApprovedByTheOperator(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	var told []string
	svc, err := setup.New(setup.Config{
		Store: b.store, Editor: b.editor, World: b.world, Now: func() time.Time { return b.now },
		Say: func(_ context.Context, org e911.OrgID, n setup.AdminNotice) {
			told = append(told, string(org)+" "+n.Code)
		},
	})
	b.must(err)
	b.Service = svc
	org, other := b.another("quay"), b.another("port")
	b.connect(org, "own")
	b.connect(other, "theirs")
	for name, from := range map[string]string{
		"this machine": "127.0.0.1/32", "its link, where clouds hand out credentials": "169.254.169.254/32", "the whole world": "0.0.0.0/0",
		"a whole network": "198.51.0.0/16", "a range with digits behind its prefix": "198.51.100.9/24", "everything of IPv6": "::/0",
	} {
		if _, err := b.RequestRanges(ctx, "ann", org, "own", setup.RangeWish{From: prefixes(from)}); kindOf(err) != "invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	first, err := b.RequestRanges(ctx, "ann", org, "own", setup.RangeWish{From: prefixes("198.51.100.0/28"), DRFrom: prefixes("203.0.113.9/32"), Note: "the border controller"})
	b.must(err)
	theirs, err := b.RequestRanges(ctx, "eve", other, "theirs", setup.RangeWish{From: prefixes("198.51.100.4/32")})
	b.must(err)
	a := netip.MustParseAddr("198.51.100.4")
	if _, known := b.world().TrunkBySource(a); known {
		t.Fatal("an address is known before it is approved")
	}
	if _, err := b.DecideRanges(ctx, "operator", other, first.ID, true, ""); kindOf(err) != "not_found" {
		t.Errorf("a request of another organisation: %v", err)
	}
	_, err = b.DecideRanges(ctx, "operator", org, first.ID, true, "")
	b.must(err)
	if trunk, known := b.world().TrunkBySource(a); !known || trunk.Org != org || trunk.Admit.User == "" {
		t.Errorf("after it is approved: %+v %v", trunk, known)
	}
	asked, err := b.AskedRanges(ctx)
	b.must(err)
	if len(asked) != 1 || len(asked[0].Overlaps) != 1 || asked[0].Overlaps[0] != (setup.Overlap{Range: "198.51.100.4/32", Org: "quay", Trunk: "own"}) {
		t.Errorf("what the operator sees: %+v", asked)
	}
	if list, err := b.PBXs(ctx, other); err != nil || strings.Contains(fmt.Sprintf("%+v", list), "quay") {
		t.Errorf("who asked sees whose it is: %+v %v", list, err)
	}
	if _, err := b.DecideRanges(ctx, "operator", other, theirs.ID, true, ""); kindOf(err) != "invalid" {
		t.Errorf("an address that another trunk sends from is approved: %v", err)
	}
	if _, err := b.DecideRanges(ctx, "operator", other, theirs.ID, false, ""); kindOf(err) != "invalid" {
		t.Errorf("a refusal without a word: %v", err)
	}
	_, err = b.DecideRanges(ctx, "operator", other, theirs.ID, false, "they are somebody else's")
	b.must(err)
	if err := b.WithdrawRanges(ctx, "eve", other, theirs.ID); kindOf(err) != "conflict" {
		t.Errorf("what is decided is withdrawn: %v", err)
	}
	want := fmt.Sprint([]string{
		" " + setup.NoticeRangesAsked, " " + setup.NoticeRangesAsked, string(org) + " " + setup.NoticeRangesDecided, string(other) + " " + setup.NoticeRangesDecided,
	})
	if fmt.Sprint(told) != want {
		t.Errorf("told %v, want %v", told, want)
	}
	_, err = b.RequestRanges(ctx, "ann", org, "own", setup.RangeWish{From: prefixes("198.51.100.0/28")})
	b.must(err)
	again, err := b.RequestRanges(ctx, "ann", org, "own", setup.RangeWish{From: prefixes("198.51.100.0/27")})
	b.must(err)
	if list, err := b.PBXs(ctx, org); err != nil || len(list.Requests) != 3 || list.Requests[1].State != setup.RangeWithdrawn || list.Requests[2].ID != again.ID {
		t.Errorf("a request takes the place of the open one: %+v %v", list.Requests, err)
	}
	if len(told) != 4 {
		t.Errorf("who asks again and again writes to the operator each time: %v", told[4:])
	}
}

// paper is a certificate and a request by a key.
func paper(t *testing.T, key any, name, requested string, until time.Time) setup.PBXCertificate {
	t.Helper()
	public := func() any {
		switch k := key.(type) {
		case *ecdsa.PrivateKey:
			return &k.PublicKey
		case ed25519.PrivateKey:
			return k.Public()
		}
		t.Fatal("no such key")
		return nil
	}()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: epoch.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, public, key)
	if err != nil {
		t.Fatal(err)
	}
	req, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: requested}}, key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return setup.PBXCertificate{Certificate: text("CERTIFICATE", der), Request: text("CERTIFICATE REQUEST", req)}
}

// Proves: N-44, C-71, E14, RFC 2986 (nobody is known by a certificate whose key he does not have)
func TestACertificateIsPinnedByWhoHasItsKey(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	org, other := b.another("quay"), b.another("port")
	own, theirs := b.connect(org, "own"), b.connect(other, "theirs")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	b.must(err)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	b.must(err)
	good := paper(t, key, "sbc.quay.example", own.User, epoch.Add(time.Hour))
	for _, c := range []struct {
		name string
		org  e911.OrgID
		pbx  string
		give setup.PBXCertificate
		want string
	}{
		{"a request by another key: the certificate was seen on the wire", other, "theirs", setup.PBXCertificate{Certificate: good.Certificate, Request: paper(t, stranger, "x", theirs.User, epoch).Request}, "invalid"},
		{"a request that was made for another PBX", other, "theirs", good, "invalid"},
		{"no request", org, "own", setup.PBXCertificate{Certificate: good.Certificate}, "invalid"},
		{"one that has expired", org, "own", paper(t, key, "x", own.User, epoch.Add(-time.Minute)), "invalid"},
		{"a text", org, "own", setup.PBXCertificate{Certificate: "certificate", Request: "request"}, "invalid"},
		{"one's own", org, "own", good, "done"},
		{"once more", org, "own", good, "done"},
		{"of the kind Ed25519", other, "theirs", paper(t, stranger, "sbc.port.example", theirs.User, epoch.Add(time.Hour)), "done"},
		{"the same key and certificate at another organisation", other, "theirs", setup.PBXCertificate{Certificate: good.Certificate, Request: paper(t, key, "x", theirs.User, epoch).Request}, "invalid"},
	} {
		_, err := b.PinCertificate(ctx, "ann", c.org, c.pbx, c.give)
		if got := kindOf(err); got != c.want {
			t.Errorf("%s: %s, want %s: %v %v", c.name, got, c.want, err, e911.FaultsOf(err))
		}
		if said := fmt.Sprint(err, e911.FaultsOf(err)); strings.Contains(said, "quay") || strings.Contains(said, "somebody") {
			t.Errorf("%s: it says whose it is: %s", c.name, said)
		}
	}
	list, err := b.PBXs(ctx, org)
	b.must(err)
	if len(list.Items[0].Certificates) != 1 || list.Items[0].Certificates[0].Subject != "CN=sbc.quay.example" {
		t.Fatalf("the certificates: %+v", list.Items[0].Certificates)
	}
	hash := list.Items[0].Certificates[0].Hash
	if trunk, ok := b.world().TrunkByCertificate([]string{hash}); !ok || trunk.Org != org {
		t.Errorf("the certificate is of %+v %v", trunk, ok)
	}
	b.must(b.UnpinCertificate(ctx, "ann", org, "own", hash))
	if _, ok := b.world().TrunkByCertificate([]string{hash}); ok {
		t.Error("a certificate that was ended still counts")
	}
}

// Proves: N-44, W-28
func TestTheChecklistAsksForAWayIn(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	org := b.another("quay")
	_, err := b.editor.Sites.Create(ctx, "test", e911.Site{Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175553111"})
	b.must(err)
	is := func() (open bool) {
		st, err := b.Status(ctx, org)
		b.must(err)
		for _, i := range st.Sites[0].Checklist {
			open = open || i.Step == "way_in" && !i.Done
		}
		return open
	}
	if !is() {
		t.Error("nothing calls here, and the checklist does not say so")
	}
	b.connect(org, "pbx")
	if is() {
		t.Error("a PBX is connected, and the checklist asks for one")
	}
}
