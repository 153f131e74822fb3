package main

import (
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin/apikey"
)

// Proves: N-17
func TestTheHelpNamesEveryScope(t *testing.T) {
	help := scopeHelp()
	for _, r := range apikey.Scopes() {
		if !strings.Contains(help, string(r.Scope)+" ("+r.Allows+")") {
			t.Errorf("the help of callbox apikey create does not name %s: %s", r.Scope, help)
		}
	}
}
