package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asCommand makes the test program be the command that it tests.
const asCommand = "CALLBOX_TEST_IS_THE_COMMAND"

func TestMain(m *testing.M) {
	// Its speech process has no environment.
	if os.Getenv(asCommand) != "" || len(os.Args) > 1 && os.Args[1] == "speech" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// From an empty directory to a 933 that is located to the room, and a list of a
// platform that is in step, with nothing but the commands of the page.
//
// Proves: W-44, N-13, N-15, N-19, N-34
func TestAFirstOrganisationByTheCommandLineAlone(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("the page's commands need bash")
	}
	page, err := os.ReadFile("../../docs/first-organisation-cli.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```sh\n")
	commands, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("the page has no commands")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "callbox")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", commands)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // its trap ends the server
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), asCommand+"=1", "LOOP=127.0.62", "TMPDIR="+dir, fmt.Sprintf("PATH=%s:%s", dir, os.Getenv("PATH")))
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := filepath.Glob(filepath.Join(dir, "*", "serve.log"))
		var said []byte
		if len(log) > 0 {
			said, _ = os.ReadFile(log[0])
		}
		t.Fatalf("the page's commands: %v\n%s\nthe server: %s", err, out, said)
	}
	for _, want := range []string{
		"location: 795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139\ndialled 933\nanswered: SIP/2.0 200 OK",
		"site hq: +16175550100",
		"again.csv: 1 rows of users, 1 as they are stored, 0 with faults",
		"missing bob@quay.example (unregistered call)",
		"webex: 2 rows there, 2 here",    // after the plan
		"bring users in step with webex", // whose set "applied" lists beside the operator's
		"import world.yaml",
		"are as they were written",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page's commands do not say %q:\n%s", want, out)
		}
	}
}
