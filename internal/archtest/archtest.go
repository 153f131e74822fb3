// Package archtest keeps the import rules of the house: which room may reach
// which, and why. It holds no product code; its tests read the sources.
package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of the module whose house this is.
const Module = "github.com/callbox911/callbox"

// Rule forbids what a room may reach, directly or through others.
type Rule struct {
	Room string   // folder below the module, "internal/live"
	Deny []string // exact import paths, or own folders ending in "/"
	Only []string // when set: own folders that the room may reach, all others are denied
	Std  bool     // only the standard library beside itself
	Why  string
}

// Rules is the dependency table of docs/ARCHITECTURE.md.
var Rules = []Rule{
	{Room: "wire", Std: true, Why: "the wire formats are public packages that others can take alone"},
	{
		Room: "internal/e911", Only: []string{"internal/e911/"},
		Why: "the vocabulary stands on nothing of ours",
	},
	{
		Room: "internal/rules", Only: []string{"internal/e911/", "internal/rules/", "wire/"},
		Deny: []string{"database/sql", "net/http", "github.com/emiago/sipgo"},
		Why:  "decisions are pure: no I/O, no clock, no other room",
	},
	{
		Room: "internal/snapshot", Only: []string{"internal/e911/", "internal/rules/", "internal/snapshot/", "internal/seal/", "wire/"},
		Deny: []string{"database/sql"},
		Why:  "the frozen world is read while a call waits",
	},
	{
		Room: "internal/live",
		Only: []string{
			"internal/e911/", "internal/rules/", "internal/snapshot/", "internal/seal/", "internal/journal/",
			"internal/obs/", "internal/run/", "internal/digest/", "internal/live/", "wire/",
		},
		Deny: []string{"database/sql", "internal/journal/disk/"},
		Why:  "a call must go out while the database is down (E3)",
	},
	{
		Room: "internal/admin", Deny: []string{"internal/live/", "internal/web/", "internal/store/", "internal/notify/"},
		Why: "use cases state the interfaces that they need",
	},
	{
		Room: "internal/store", Deny: []string{"internal/live/", "internal/web/", "internal/notify/"},
		Why: "the store keeps; it does not act",
	},
	{
		Room: "internal/notify", Deny: []string{"internal/store/", "internal/admin/", "internal/live/", "internal/web/"},
		Why: "people are told with the database down",
	},
	{
		Room: "internal/web", Deny: []string{"internal/store/", "internal/live/"},
		Why: "a page asks use cases, never the store or the call path",
	},
}

// sipStack may be imported by these rooms alone.
var sipStackUsers = []string{"internal/live/sipedge/", "internal/sim/"}

const sipStack = "github.com/emiago/sipgo"

// Package is what `go list` tells of one package.
type Package struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

// List asks the go command for every package of the module below root, with
// all that it reaches. An overlay, `go list -overlay`, may add or replace
// sources.
func List(root, overlay string) (map[string]Package, error) {
	args := []string{"list", "-deps", "-json=ImportPath,Imports,Deps,Standard"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read go list: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start go list: %w", err)
	}
	pkgs := map[string]Package{}
	dec := json.NewDecoder(out)
	for {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("decode go list: %w", err)
		}
		pkgs[p.ImportPath] = p
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return pkgs, nil
}

// Check returns one line for each broken rule, sorted.
func Check(pkgs map[string]Package, rules []Rule) []string {
	var broken []string
	for _, p := range pkgs {
		room, ours := strings.CutPrefix(p.ImportPath, Module+"/")
		if !ours {
			continue
		}
		for _, r := range rules {
			if !within(room, r.Room+"/") {
				continue
			}
			for _, dep := range p.Deps {
				if why, bad := r.forbids(dep, pkgs); bad {
					broken = append(broken, fmt.Sprintf("%s reaches %s (%s): %s", room, dep, why, r.Why))
				}
			}
		}
		for _, imp := range p.Imports {
			if within(imp, sipStack+"/") && !slices.ContainsFunc(sipStackUsers, func(u string) bool { return within(room, u) }) {
				broken = append(broken, fmt.Sprintf("%s imports %s: the SIP stack is spoken to by live/sipedge and sim alone", room, imp))
			}
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

func (r Rule) forbids(dep string, pkgs map[string]Package) (string, bool) {
	own, ours := strings.CutPrefix(dep, Module+"/")
	if ours {
		if within(own, r.Room+"/") {
			return "", false
		}
		if r.Std {
			return "standard library only", true
		}
		if r.Only != nil && !slices.ContainsFunc(r.Only, func(o string) bool { return within(own, o) }) {
			return "not among the rooms it may reach", true
		}
	}
	if r.Std && !ours && !pkgs[dep].Standard {
		return "standard library only", true
	}
	for _, d := range r.Deny {
		if dep == d || (ours && within(own, d)) {
			return "forbidden", true
		}
	}
	return "", false
}

// within reports whether path is the folder or below it; folder ends in "/".
func within(path, folder string) bool { return strings.HasPrefix(path+"/", folder) }

// Impure lists what pure rooms do in their own sources that a decision must
// not: goroutines, clocks, locks, logs, files, sockets. Tests are left out, and
// packages for tests: those with a name that ends in "test", and files that
// import testing; see ForTests, which keeps both out of the product. An import
// may be allowed to a room; of sync, sync.Pool alone.
func Impure(root, room string, allowed ...string) ([]string, error) {
	deniedImports := []string{"os", "net", "net/http", "sync", "sync/atomic", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "io/fs", "context"}
	var bad []string
	err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse %s: %w", path, err)
		}
		if strings.HasSuffix(f.Name.Name, "test") || slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"testing"` }) {
			return nil
		}
		say := func(pos token.Pos, what string) {
			rel, _ := filepath.Rel(root, fset.Position(pos).Filename)
			bad = append(bad, fmt.Sprintf("%s:%d: %s", rel, fset.Position(pos).Line, what))
		}
		for _, imp := range f.Imports {
			if p := strings.Trim(imp.Path.Value, `"`); slices.Contains(deniedImports, p) && !slices.Contains(allowed, p) {
				say(imp.Pos(), "imports "+p)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				say(n.Pos(), "starts a goroutine")
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				switch {
				case !ok:
				case x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "Sleep", "NewTimer", "NewTicker", "AfterFunc", "Tick"}, n.Sel.Name):
					say(n.Pos(), "reads the clock: time is an argument")
				case x.Name == "sync" && n.Sel.Name != "Pool":
					say(n.Pos(), "uses sync."+n.Sel.Name+": what is pure needs no lock; memory may be pooled")
				}
			}
			return true
		})
		return nil
	})
	return bad, err
}

// ForTests lists what a program reaches that is there for tests: the package
// testing, and packages of ours with a name that ends in "test".
func ForTests(pkgs map[string]Package, program string) []string {
	var bad []string
	for _, dep := range pkgs[Module+"/"+program].Deps {
		if own, ours := strings.CutPrefix(dep, Module+"/"); dep == "testing" || (ours && strings.HasSuffix(own, "test")) {
			bad = append(bad, program+" reaches "+dep)
		}
	}
	return bad
}

// formatSpaces begin the namespaces of the formats that wire/ speaks.
var formatSpaces = []string{
	"urn:ietf:params:xml:ns:", "http://www.opengis.net/", "urn:nena:xml:ns:", "urn:emergency:xml:ns:",
}

// Handmade lists what rooms beside wire/ do to speak its formats on their own:
// import encoding/xml, or write one of the namespaces. Tests are left out.
func Handmade(root string, rooms ...string) ([]string, error) {
	var bad []string
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.ToSlash(path), "internal/archtest/archtest.go") {
				return err
			}
			found, err := handmade(root, path)
			for _, f := range found {
				rel, _ := filepath.Rel(root, path)
				bad = append(bad, rel+":"+f)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return bad, nil
}

func handmade(root, path string) ([]string, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	var bad []string
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		line := fset.Position(lit.Pos()).Line
		// The XML of a workbook is none of ours: it comes from whatever a customer
		// sends, and is read with bounds of its own.
		if lit.Value == `"encoding/xml"` && !strings.HasPrefix(filepath.ToSlash(path), filepath.ToSlash(filepath.Join(root, "internal/admin/sheet"))) {
			bad = append(bad, fmt.Sprintf("%d: imports encoding/xml: the packages in wire/ read and write XML", line))
		}
		for _, space := range formatSpaces {
			if strings.Contains(lit.Value, space) {
				bad = append(bad, fmt.Sprintf("%d: has a namespace %s...: the packages in wire/ write these formats", line, space))
			}
		}
		return true
	})
	return bad, nil
}
