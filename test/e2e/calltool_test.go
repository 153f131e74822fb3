package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateLadders = flag.Bool("update-ladders", false, "rewrite testdata/ladder_*.txt; review the diff as specification")

// sippCarrier answers what comes without bodies beside SDP; the line @MULTIPART@
// says what becomes of the others.
var sippCarrier = sippScenario(
	`<recv request="INVITE">
    <action>
      <ereg regexp="@MULTIPART@" search_in="hdr" header="Content-Type:" assign_to="1"/>
      <ereg regexp="Resource-Priority|service:sos" search_in="msg" check_it_inverse="true" assign_to="2"/>
      <ereg regexp="^INVITE sip:933@" search_in="msg" check_it="true" assign_to="3"/>
      <ereg regexp="sip:\+16175550100@" search_in="hdr" header="From:" check_it="true" assign_to="4"/>
    </action>
  </recv>
  <Reference variables="2,3,4"/>
  <nop next="refuse" test="1"/>`,
	sippSDP("200 OK"), sippAck, `<recv request="BYE"/>`, strings.Replace(sippOK, "<send>", `<send next="over">`, 1),
	`<label id="refuse"/>`, sippSends("415 Unsupported Media Type", "Accept: application/sdp"), sippAck, `<label id="over"/>`,
)

// bare takes out of a ladder what differs from run to run, and what messages
// carried.
func (s *site) bare(text string) string {
	for _, r := range [][2]string{
		{`\+\d+\.\d{3} s`, "+T"},
		{regexp.QuoteMeta(s.ip(41)), "CARRIER"},
		{regexp.QuoteMeta(s.ip(10)), "CALLBOX"},
		{`\b(CARRIER|CALLBOX):\d+`, "$1"},
		{`\d+(\.\d+)? s\b`, "N s"},
		{`\d+ packets`, "N packets"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`, "DATE"},
		{`-{2,}`, "--"},
		{` +`, " "},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, " ") || strings.HasPrefix(line, " +T") || strings.HasPrefix(line, " - ") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n") + "\n"
}

// calltest runs callbox call and compares the ladder that it draws.
func (s *site) calltest(name string, wantCode int, args ...string) string {
	s.t.Helper()
	out, errs, code := callbox(s.t, append([]string{"call", "--data", s.data, "--trunk", "carrier-a", "--from", "room-210", "--seconds", "1"}, args...)...)
	if code != wantCode {
		s.t.Errorf("%s: exit %d, want %d\n%s%s", name, code, wantCode, out, errs)
	}
	file := filepath.Join("testdata", "ladder_"+name+".txt")
	got := s.bare(out)
	if *updateLadders {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s\nas it was:\n%s", file, diff, out)
	}
	return out
}

// The carrier is another's program; its exit code says that each test came as
// one: 933, without priority, with the caller's number.
//
// Proves: F-28, E12, F-16, W-32
func TestCallTriesATrunkAndTestsListsIt(t *testing.T) {
	t.Parallel()
	needSIPp(t)
	s := newSite(t)
	at := s.sippAt()
	s.start()
	run := func(multipart, name string, calls int) string {
		t.Helper()
		carrier := s.sipp(strings.ReplaceAll(sippCarrier, "@MULTIPART@", multipart), at, "t1", calls)
		s.listens(at)
		out := s.calltest(name, 0)
		if code := carrier.wait(); code != 0 {
			t.Fatalf("%s: SIPp ended with %d: %s\n%s", name, code, carrier.said(), out)
		}
		return out
	}
	if out := run("never/this", "answered", 1); !strings.Contains(out, "application/pidf+xml") || !strings.Contains(out, "795 Massachusetts") {
		t.Errorf("the ladder does not show the location that was sent:\n%s", out)
	}
	run("multipart/mixed", "slim", 2)
	s.calltest("dead", 1) // SIPp is gone

	for _, order := range [][]string{{"--number", "911"}, {"--uri", "sip:911@" + at.String()}, {"--uri", "tel:911"}, {"--uri", "urn:service:sos"}, {"--number", "112"}, {"--uri", "urn:service:test.sos"}, {"--uri", "sip:psap@" + at.String()}} {
		if out, errs, code := callbox(t, append([]string{"call", "--data", s.data, "--trunk", "carrier-a"}, order...)...); code == 0 || out != "" {
			t.Errorf("%v: exit %d, %s%s", order, code, out, errs)
		}
	}
	if out, errs, code := callbox(t, "call", "--data", s.data, "--trunk", "ecrc-a"); code == 0 || !strings.Contains(errs, "call-takers answer") {
		t.Errorf("933 to the relay centre: exit %d, %s%s", code, out, errs)
	}

	s.arranged()
	out, errs, code := callbox(t, "tests", "--data", s.data)
	if code != 0 {
		t.Fatalf("exit %d, %s", code, errs)
	}
	lines := strings.Split(out, "\n")
	for _, want := range []string{
		`^  carrier-a: last good \d.* \(today\), 1 s, started by \S+.*; the last one, .*: carrier-a does not answer: .*no connection`,
		`^  carrier-b: never answered$`,
		`^    passed on .*; read back: 795 Massachusetts Avenue, room 210$`,
		`^    evidence sheet.txt, 6 bytes, sha256 ` + hexOf("signed") + `$`,
	} {
		if !slices.ContainsFunc(lines, regexp.MustCompile(want).MatchString) {
			t.Errorf("no line %s in:\n%s", want, out)
		}
	}
	if n := len(s.relay.Calls()) + len(s.b.Calls()); n > 0 {
		t.Errorf("%d tests reached somebody else", n)
	}
	if list, _ := s.calls(); len(list) > 0 {
		t.Errorf("tests are among the calls: %d records", len(list))
	}
}

func hexOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// arranged records an arranged 911 with what came of it.
func (s *site) arranged() {
	s.t.Helper()
	id, errs, code := callbox(s.t, "tests", "arrange", "--data", s.data, "--org", "works", "--psap", "psap-middlesex", "--contact", "the supervisor on duty", "--for", "2026-01-02T10:00:00Z")
	if code != 0 {
		s.t.Fatalf("arrange: exit %d, %s", code, errs)
	}
	file := filepath.Join(s.t.TempDir(), "sheet.txt")
	if err := os.WriteFile(file, []byte("signed"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	args := []string{"tests", "result", "--data", s.data, strings.TrimSpace(id), "--outcome", "passed"}
	if _, errs, code := callbox(s.t, args...); code == 0 || !strings.Contains(errs, "read back") {
		s.t.Errorf("a test passed and nobody read anything back: exit %d, %s", code, errs)
	}
	if _, errs, code := callbox(s.t, append(args, "--read-back", "795 Massachusetts Avenue, room 210", "--evidence", file)...); code != 0 {
		s.t.Errorf("result: exit %d, %s", code, errs)
	}
}
