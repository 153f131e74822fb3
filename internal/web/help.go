package web

import (
	"net/http"
	"strings"

	"github.com/callbox911/callbox/internal/web/portal"
)

// helpPages are the pages of help by the beginning of a path; the longest counts.
var helpPages = map[string]string{
	"/calls": "calls", "/lists": "calls#lists", "/tests": "calls#tests", "/seen": "calls#tests",
	"/login": "sign-in#link", "/logout": "sign-in#link", "/sign-in": "sign-in", "/sign-out": "sign-in", "/sign-in/sso": "sign-in#organisation",
	"/invitation": "sign-in#invitation", "/reset": "sign-in#password", "/forgotten": "sign-in#password",
	"/account": "partners#account", "/partners": "partners", "/moves": "partners#moves",
	"/profile": "profile", "/organisation": "profile#organisations", "/my": "my",
	"/members": "members", "/support": "support", "/sign-on": "sign-on", "/keys": "keys",
	"/setup": "set-up", "/setup/sites/": "site", "/setup/import": "spreadsheets", "/setup/templates": "spreadsheets", "/setup/exports": "spreadsheets",
	"/setup/secrets": "secrets", "/setup/charges": "charges", "/setup/outages": "outages", "/setup/settings": "settings",
}

// helpFor is the page of help for a path; none: the list of them.
func helpFor(path string) string {
	best := ""
	for begin := range helpPages {
		if (path == begin || strings.HasPrefix(path, strings.TrimSuffix(begin, "/")+"/")) && len(begin) > len(best) {
			best = begin
		}
	}
	return helpPages[best]
}

// helped says to all pages which page of help is theirs (N-46).
func helped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(portal.WithHelp(r.Context(), helpFor(r.URL.Path))))
	})
}
