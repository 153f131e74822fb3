package world_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
)

// platformLines stand after the trusted addresses of the example.
const (
	trustedLine   = "      trusted: [127.0.0.11/32] # the PBX may ask where others are\n"
	platformLines = trustedLine + `      platforms:
        - name: pbx-harbor
          secrets: ["demonstration-only-0aa1", "demonstration-only-0bb2"]
          from: [127.0.0.0/24]
        - {name: lost@harbor, certificates: [lis-client.harbor.example, "sha256:` + hashOfNothing + `"]}
`
	hashOfNothing = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55"
	platform0     = "organisations[0].held.platforms[0]"
	platform1     = "organisations[0].held.platforms[1]"
)

func (b *bench) org(key string) e911.Org {
	b.t.Helper()
	var found e911.Org
	err := b.st.Read(b.t.Context(), func(r admin.Reader) error {
		list, err := r.Orgs(b.t.Context())
		for _, o := range list {
			if o.Key == key {
				found = o
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// A platform comes in with its secrets, keeps its version when nothing changed,
// and its secrets are rotated by two that live side by side.
// Proves: D-09, W-36, E15
func TestPlatforms(t *testing.T) {
	b := newBench(t)
	text := edit(t, harbor(), trustedLine, platformLines)
	b.must(text)
	want := []e911.HELDPlatform{
		{Name: "pbx-harbor", Secrets: []e911.Secret{"demonstration-only-0aa1", "demonstration-only-0bb2"}, From: b.org("harbor").HELD.Platforms[0].From},
		{Name: "lost@harbor", Certificates: []string{"lis-client.harbor.example", "sha256:" + hashOfNothing}},
	}
	if diff := cmp.Diff(want, b.org("harbor").HELD.Platforms, cmp.Comparer(func(x, y e911.HELDPlatform) bool { return admin.Same(x, y) })); diff != "" {
		t.Error(diff)
	}
	if from := want[0].From; len(from) != 1 || from[0].String() != "127.0.0.0/24" {
		t.Errorf("from = %v", from)
	}
	if rep := b.must(text); rep.Changes() != 0 {
		t.Errorf("the second import changed %d objects", rep.Changes())
	}
	if rep := b.must(edit(t, text, `"demonstration-only-0aa1", `, "")); rep.Changes() != 1 {
		t.Errorf("taking the old secret away changed %d objects, want 1", rep.Changes())
	}
	if got := b.org("harbor").HELD.Platforms[0].Secrets; !slices.Equal(got, []e911.Secret{"demonstration-only-0bb2"}) {
		t.Errorf("%d secrets are left, want the new one", len(got))
	}
	if b.must(harbor()); b.org("harbor").HELD.Platforms != nil {
		t.Error("a file without platforms leaves them")
	}
}

// Proves: D-09, E14, RFC 6155 section 1.1
func TestPlatformsThatAreRefused(t *testing.T) {
	b := newBench(t)
	company := "7c0e5b1d9a4f4e0f8d2b6a3c51e7f094"
	fifty := strings.Repeat(`{name: p, certificates: [a.example]}, `, 33)
	for _, r := range []refusal{
		{"a platform without a name", "name: pbx-harbor", `name: ""`, platform0 + ".name", "required", "", "pbx-harbor"},
		{"a name that Basic cannot carry", "name: pbx-harbor", `name: "pbx:harbor"`, platform0 + ".name", "syntax", "", "letters"},
		{"a name that is the company id", "name: pbx-harbor", "name: " + strings.ToUpper(company), platform0 + ".name", "duplicate", "", "company id"},
		{"a name twice, with other hyphens", "name: lost@harbor", "name: PBXHarbor", platform1 + ".name", "duplicate", "", "another platform"},
		{"a platform that nothing proves", `, certificates: [lis-client.harbor.example, "sha256:` + hashOfNothing + `"]}`, "}", platform1 + ".secrets", "required", "lost@harbor", "certificate"},
		{"an empty secret of a platform", `"demonstration-only-0aa1"`, `""`, platform0 + ".secrets[0]", "required", "", "openssl"},
		{"a platform's secret twice", "demonstration-only-0bb2", "demonstration-only-0aa1", platform0 + ".secrets[1]", "duplicate", "", "twice"},
		{"the secret of the phones", "demonstration-only-0bb2", "demonstration-only-3f9a61c2", platform0 + ".secrets[1]", "duplicate", "", "either"},
		{
			"too many secrets at once", `"demonstration-only-0aa1"`, `"demonstration-only-1", "demonstration-only-2", "demonstration-only-3", "demonstration-only-4"`,
			platform0 + ".secrets", "range", "", "4",
		},
		{"a hash that is too short", hashOfNothing, "E3:B0", platform1 + ".certificates[1]", "syntax", "", "fingerprint"},
		{"a name with a wildcard", "lis-client.harbor.example", `"*.harbor.example"`, platform1 + ".certificates[0]", "syntax", "", "DNS name"},
		{"a certificate twice, written otherwise", "lis-client.harbor.example", `"sha256:` + strings.ToLower(strings.ReplaceAll(hashOfNothing, ":", "")) + `"`, platform1 + ".certificates[1]", "duplicate", "certificates", "remove"},
		{"addresses that are half the world's", "from: [127.0.0.0/24]", "from: [0.0.0.0/1]", platform0 + ".from[0]", "range", "", "wider"},
		{"addresses that are a whole class A", "from: [127.0.0.0/24]", "from: [10.0.0.0/8]", platform0 + ".from[0]", "range", "", "wider"},
		{"an address that is none", "from: [127.0.0.0/24]", "from: [pbx.example]", platform0 + ".from[0]", "syntax", "", "203.0.113.0/24"},
		{"a key that nothing reads", "name: pbx-harbor\n", "name: pbx-harbor\n          certificate: a.example\n", platform0 + ".certificate", "unknown_key", "certificate:", `"certificates"`},
	} {
		t.Run(r.name, func(t *testing.T) {
			r.old, r.bad = edit(t, platformLines, r.old, r.old), edit(t, platformLines, r.old, r.bad)
			r.old = trustedLine
			if r.line == "" {
				r.line = firstChange(platformLines, r.bad)
			}
			r.run(t, &bench{t, b.st, b.im})
		})
	}
	many := refusal{"too many platforms", trustedLine, trustedLine + "      platforms: [" + fifty + "]\n", "organisations[0].held.platforms", "range", "platforms:", "32"}
	t.Run(many.name, func(t *testing.T) { many.run(t, &bench{t, b.st, b.im}) })
}

// firstChange is the first line in which b differs from a.
func firstChange(a, b string) string {
	was := strings.Split(a, "\n")
	for i, line := range strings.Split(b, "\n") {
		if i >= len(was) || line != was[i] {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// No organisation takes the name by which another's phones or platform are
// found: they would be shut out.
// Proves: E14
func TestNamesOfAnotherOrganisation(t *testing.T) {
	b := newBench(t)
	b.must(edit(t, harbor(), trustedLine, platformLines))
	for name, text := range map[string]struct{ held, path string }{
		"a platform named like another's":            {"{platforms: [{name: PBX-harbor, secrets: [0123456789abcdef]}]}", "organisations[0].held.platforms[0].name"},
		"a platform named like another's company id": {"{platforms: [{name: 7C0E5B1D-9a4f4e0f8d2b6a3c51e7f094, secrets: [0123456789abcdef]}]}", "organisations[0].held.platforms[0].name"},
		"a company id like another's platform":       {"{company_id: pbxharbor}", "organisations[0].held.company_id"},
		"a company id like another's in capitals":    {"{company_id: 7C0E5B1D9A4F4E0F8D2B6A3C51E7F094}", "organisations[0].held.company_id"},
	} {
		_, err := b.run("organisations:\n  - key: quay\n    held: "+text.held+"\n", world.Options{})
		if f := faultAt(err, text.path); f == nil || f.Code != "duplicate" || strings.Contains(strings.ToLower(f.Msg+f.Fix), "harbor foods") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.must("organisations:\n  - key: quay\n    held: {company_id: quay, platforms: [{name: pbx-quay, certificates: [lis-client.harbor.example]}]}\n")
}
