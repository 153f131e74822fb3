package heldplus_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/live/heldplus"
)

// The examples of docs/heldplus.md do what they say.
//
// Proves: W-08, N-29, N-30, W-44
func TestTheExamplesOfTheManualRun(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed (Debian package curl)")
	}
	manual, err := os.ReadFile("../../../docs/heldplus.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -eu\n"
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(manual, -1)
	for _, b := range blocks {
		script += string(b[1]) + "echo\n"
	}
	b := newBench(t)
	srv := httptest.NewServer(b.plus)
	defer srv.Close()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "BASE="+srv.URL+heldplus.Prefix, "COMPANY="+company, "SECRET="+secret, "no_proxy=*")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"protocol_version":1`, `"prompt":"required"`, `"status":"validated"`, `"name":"Elm Street"`, `"number":"+16175550142"`, `{"ok":true}`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the examples do not show %s\n%s", want, out)
		}
	}
	if len(blocks) < 6 {
		t.Errorf("%d examples", len(blocks))
	}
}
