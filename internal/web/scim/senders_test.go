package scim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// exchange is one request of a transcript, and what is to be answered.
type exchange struct {
	line           int
	method, path   string
	body, want, as string
	from           string // who sent it, and where that was reported
	status         int
}

var answered = regexp.MustCompile(`^(\d{3})(?: as (\w+))?$`)

// transcript reads a file of testdata/senders: blocks of a request line, a body, a
// status ("201 as ann" keeps the id) and what of the answer is told, with a blank line
// between two.
func transcript(t *testing.T, file string) (out []exchange) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var x exchange
	for i, s := range strings.Split(string(b)+"\n", "\n") {
		m := answered.FindStringSubmatch(s)
		switch {
		case strings.HasPrefix(s, "# from: "):
			x.from = s
		case strings.HasPrefix(s, "#"):
		case s == "":
			if x.method != "" {
				if x.status == 0 {
					t.Fatalf("%s:%d: nothing is answered", file, x.line)
				}
				out = append(out, x)
			}
			x = exchange{}
		case x.method == "":
			x.line = i + 1
			x.method, x.path, _ = strings.Cut(s, " ")
		case x.status == 0 && m != nil:
			x.status, _ = strconv.Atoi(m[1])
			x.as = m[2]
		case x.status == 0:
			x.body += s
		default:
			x.want += s
		}
	}
	return out
}

// lacks says what of want an answer does not have: null is nothing, lists are whole.
func lacks(path string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v", path, got)
		}
		for k, v := range w {
			if why := lacks(path+"."+k, v, g[k]); why != "" {
				return why
			}
		}
		return ""
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			return fmt.Sprintf("%s is %v", path, got)
		}
		for i := range w {
			if why := lacks(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); why != "" {
				return why
			}
		}
		return ""
	}
	if want != got {
		return fmt.Sprintf("%s is %v, want %v", path, got, want)
	}
	return ""
}

// asSent writes the query of a path as it goes over the wire.
func asSent(path string) string {
	p, q, asks := strings.Cut(path, "?")
	if !asks {
		return p
	}
	var parts []string
	for part := range strings.SplitSeq(q, "&") {
		k, v, has := strings.Cut(part, "=")
		if has {
			k += "=" + url.QueryEscape(v)
		}
		parts = append(parts, k)
	}
	return p + "?" + strings.Join(parts, "&")
}

// Proves: C-59, RFC 7644: every request that Entra ID and Okta document is understood,
// and so is what they and others were seen to send.
func TestWhatEntraIDAndOktaSendIsUnderstood(t *testing.T) {
	files, err := filepath.Glob("testdata/senders/*.txt")
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b := newBench(t)
			ids := map[string]string{}
			for _, x := range transcript(t, file) {
				fill := func(s string) string {
					for k, v := range maps.All(ids) {
						s = strings.ReplaceAll(s, "{"+k+"}", v)
					}
					return s
				}
				if strings.HasSuffix(file, "recorded.txt") && x.from == "" {
					t.Errorf("line %d: nobody says where it was seen", x.line)
				}
				a := b.ask(x.method, asSent(fill(x.path)), fill(x.body))
				if x.as != "" && a.body["id"] != nil {
					ids[x.as] = a.body["id"].(string)
				}
				var want map[string]any
				if err := json.Unmarshal([]byte(fill(x.want)), &want); x.want != "" && err != nil {
					t.Fatalf("line %d: %v", x.line, err)
				}
				why := lacks("the answer", want, a.body)
				if want == nil {
					why = ""
				}
				if a.status != x.status || why != "" {
					t.Errorf("line %d: %s %s: %d, want %d: %s: %v", x.line, x.method, x.path, a.status, x.status, why, a.body)
				}
			}
		})
	}
}
