// Package examples carries the example worlds, so that `callbox demo` needs no
// file beside the binary.
package examples

import _ "embed"

//go:embed harbor.yaml
var harbor []byte

// Harbor returns the world file of the demonstration.
func Harbor() []byte { return append([]byte(nil), harbor...) }
