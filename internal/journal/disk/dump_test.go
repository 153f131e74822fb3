package disk

import (
	"fmt"
	"slices"
	"strings"
)

// Describe says for a person what segments hold, given their names and bytes.
func Describe(files map[string][]byte) string {
	var names []string
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		h, ok := parseHeader(files[n])
		fmt.Fprintf(&b, "%s %d bytes, header %v first %d flags %d:", n, len(files[n]), ok, h.first, h.flags)
		s := scan(files[n], func(f frame) { fmt.Fprintf(&b, " %d", f.seq) })
		fmt.Fprintf(&b, " torn %d corrupt %d\n", s.torn, s.corrupt)
	}
	return b.String()
}
