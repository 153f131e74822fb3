package api

import (
	"encoding/json"

	"github.com/callbox911/callbox/internal/e911"
)

// SampleOf is the body that the document shows for a kind.
func SampleOf(k e911.ObjectKind) map[string]any {
	b, err := json.Marshal(examples[k])
	if err != nil {
		panic(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	return m
}
