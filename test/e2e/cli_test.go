package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/sim/phone"
)

// callbox runs the binary to its end.
func callbox(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

// worldFile writes the site's world and returns where.
func worldFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// With the server and without it, the second import finds nothing to do.
//
// Proves: D-07, D-14, E15
func TestASecondImportChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	file := worldFile(t, s.world)
	same := func(when string) {
		t.Helper()
		out, errs, code := callbox(t, "import", "--data", s.data, file)
		if code != 0 || !strings.Contains(out, "imported "+file+": 0 changes\n") {
			t.Errorf("%s: exit %d, %s%s", when, code, out, errs)
		}
		for line := range strings.Lines(out) {
			if strings.Contains(line, " unchanged") && !strings.Contains(line, " 0 created, 0 changed, 0 deleted, ") {
				t.Errorf("%s: %s", when, line)
			}
		}
	}
	out, errs, code := callbox(t, "import", "--data", s.data, file)
	if code != 0 || strings.Contains(out, ": 0 changes") {
		t.Fatalf("the first import, without a server: exit %d, %s%s", code, out, errs)
	}
	same("again without a server")
	s.launch()
	s.await("the database to be open", func() bool {
		_, _, code := callbox(t, "import", "--data", s.data, "--dry-run", file)
		return code == 0
	})
	same("with the server that runs")
	s.signIn()
	p := s.phone()
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	s.received(s.a)
	s.hangup(c)
}

// A broken file names each fault with file, line, path and fix, and changes
// nothing: also what was right in it is not taken over.
//
// Proves: D-07, F-10, F-23, E15
func TestABrokenWorldFileIsRefusedWholeAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.start()
	const site = "organisations[0].sites[0]"
	type edit struct{ name, old, bad, path, fix string }
	edits := []edit{
		{"a key that nothing reads", "did_fallback:", "did_fallbak:", "organisations[0].did_fallbak", `did you mean "did_fallback"?`},
		{"a reference to nothing", "user: u1, location: room-210}", "user: u1, location: room-999}", site + ".numbers[0].location", "name one that stands in the file"},
		{"a profile that is none", "profile: carrier", "profile: smoke", "world.trunks[0].profile", "write carrier, i3, elin or plain"},
		{"stage 911 by a demonstration layer without the mark", "demonstration: true", "demonstration: false", site + ".stage", "mark the organisation as a demonstration"},
		{"a trunk without disaster ranges", s.a.Addr().Addr().String() + "/32], dr_from: []}", s.a.Addr().Addr().String() + "/32]}", "world.trunks[0].dr_from", "[]"},
	}
	// The right part of each broken file would send another house number.
	const oldHouse, newHouse = `HNO: "795"`, `HNO: "797"`
	refused := func(t *testing.T, edits ...edit) {
		t.Helper()
		text := strings.Replace(s.world, oldHouse, newHouse, 1)
		for _, e := range edits {
			if !strings.Contains(text, e.old) {
				t.Fatalf("the world does not say %q", e.old)
			}
			text = strings.Replace(text, e.old, e.bad, 1)
		}
		file := worldFile(t, text)
		out, errs, code := callbox(t, "import", "--data", s.data, file)
		if code != 2 || out != "" {
			t.Errorf("exit %d, want 2; said %q", code, out)
		}
		for _, e := range edits {
			if row := rowOf(text, e); !hasFault(errs, fmt.Sprintf("%s:%d:", file, row), e.path, e.fix) {
				t.Errorf("%s: no line with file, line %d, %s and %q in\n%s", e.name, row, e.path, e.fix, errs)
			}
		}
	}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) { refused(t, e) })
	}
	t.Run("all of it at once", func(t *testing.T) { refused(t, edits...) })
	t.Run("no YAML at all", func(t *testing.T) {
		file := worldFile(t, "world: {models: [\n")
		if _, errs, code := callbox(t, "import", "--data", s.data, file); code != 2 || !strings.Contains(errs, file+":") {
			t.Errorf("exit %d, want 2: %s", code, errs)
		}
	})

	if out, errs, code := callbox(t, "import", "--data", s.data, worldFile(t, s.world)); code != 0 || !strings.Contains(out, ": 0 changes\n") {
		t.Errorf("the refused files left something behind: exit %d, %s%s", code, out, errs)
	}
	p := s.phone()
	c := s.dial(p, phone.Dialling{Location: s.located(p)})
	s.answered(c)
	got := s.received(s.a)
	s.hangup(c)
	xmllint(t, got.PIDFLO, map[string]string{"HNO": "795", "ROOM": "210"})
}

// rowOf is the line of the file on which the fault stands: that of what was
// put in, except where the fault is what the edit leads to.
func rowOf(text string, e struct{ name, old, bad, path, fix string }) int {
	mark := e.bad
	if strings.HasSuffix(e.path, ".stage") {
		mark = `stage: "911"`
	}
	if strings.HasSuffix(e.path, ".profile") || strings.HasSuffix(e.path, ".dr_from") {
		mark = "key: carrier-a, side"
	}
	before, _, _ := strings.Cut(text, mark)
	return strings.Count(before, "\n") + 1
}

// hasFault looks for one line that says all of it.
func hasFault(said, place, path, fix string) bool {
	for line := range strings.Lines(said) {
		if strings.Contains(line, place) && strings.Contains(line, " "+path+": ") && strings.Contains(line, fix) && strings.Contains(line, "(") {
			return true
		}
	}
	return false
}

// One object on standard output, everything else beside it; the exit code says
// that all of it happened. It takes about a minute: 933 is listened to.
//
// Proves: E10, E11, W-50, N-04, F-38
func TestTheDemonstrationPrintsOneObjectThatAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("takes about a minute, since it listens to 933: not with -short")
	}
	out, errs, code := callbox(t, "demo", "--once", "--json")
	if code != 0 {
		t.Fatalf("exit %d: %s\n%s", code, out, errs)
	}
	type named struct{ ID, Display string }
	var result struct {
		Call911 struct {
			PSAP         named              `json:"psap"`
			Location     named              `json:"location"`
			Callback     string             `json:"callback"`
			IdentifiedBy string             `json:"identified_by"`
			LocatedBy    string             `json:"located_by"`
			Notified     []string           `json:"notified"`
			TimelineMS   map[string]float64 `json:"timeline_ms"`
		} `json:"call_911"`
		Call933 struct {
			Text            string  `json:"text"`
			SecondsOfSpeech float64 `json:"seconds_of_speech"`
		} `json:"call_933"`
		Agree *bool `json:"agree"`
	}
	dec := json.NewDecoder(strings.NewReader(out))
	if err := dec.Decode(&result); err != nil {
		t.Fatalf("standard output is no JSON object: %v: %s", err, out)
	}
	if err := dec.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		t.Errorf("more than one object on standard output: %s", out)
	}
	if result.Agree == nil || !*result.Agree {
		t.Errorf("agree is not true: %s", out)
	}
	call := result.Call911
	for name, field := range map[string][2]string{
		"psap.id": {call.PSAP.ID, "psap-middlesex"}, "location.id": {call.Location.ID, "mill-1-f2-210"},
		"callback": {call.Callback, "+16175550111"}, "identified_by": {call.IdentifiedBy, "device_user_id"}, "located_by": {call.LocatedBy, "lldp_port"},
	} {
		if field[0] != field[1] {
			t.Errorf("call_911.%s = %q, want %q", name, field[0], field[1])
		}
	}
	if call.PSAP.Display == "" || !strings.Contains(call.Location.Display, "795 Massachusetts Avenue") || !strings.Contains(call.Location.Display, "Room 210") {
		t.Errorf("psap %q, location %q", call.PSAP.Display, call.Location.Display)
	}
	slices.Sort(call.Notified)
	if !slices.Equal(call.Notified, []string{"mail", "webhook"}) {
		t.Errorf("notified %v", call.Notified)
	}
	for _, step := range []string{"invite_in", "leg_out", "answered", "mail", "webhook"} {
		if at, ok := call.TimelineMS[step]; !ok || at < 0 || step == "invite_in" && at != 0 {
			t.Errorf("timeline_ms.%s = %v, %v", step, at, ok)
		}
	}
	if !strings.Contains(result.Call933.Text, "seven nine five Massachusetts Avenue") || result.Call933.SecondsOfSpeech < 10 {
		t.Errorf("933 said for %v s: %q", result.Call933.SecondsOfSpeech, result.Call933.Text)
	}
}

// Proves: D-14
func TestSmallCommandsSayWhatToDo(t *testing.T) {
	t.Parallel()
	out, errs, code := callbox(t, "version")
	if name, version, _ := strings.Cut(strings.TrimSpace(out), " "); code != 0 || name != "callbox" || version == "" || errs != "" {
		t.Errorf("version: exit %d, %q, %q", code, out, errs)
	}
	dir := t.TempDir()
	out, errs, code = callbox(t, "login", "--data", dir)
	if code != 1 || out != "" || !strings.Contains(errs, "callbox serve") || !strings.Contains(errs, "--data") || !strings.Contains(errs, dir) {
		t.Errorf("login without a server: exit %d, %q, %q", code, out, errs)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("login without a server left %v, %v behind", list, err)
	}
}
