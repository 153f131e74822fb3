package app

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
)

// Who was written to was asked: a call of his says so from then on, although he never
// came to the page.
//
// Proves: N-07
func TestWhoWasWrittenToWasAsked(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := newAsked(ctx, t)
	made := a.operator("POST", "/organisations/key:"+demoOrg+"/users", map[string]any{"site": "key:hq", "key": "nia", "name": "Nia", "email": "nia@harbor.example"}, http.StatusCreated)
	user, _ := made["id"].(string)
	at := a.s.cfg.Now()
	l := firstuse.Letter{Org: onlyOrg(a.s), OrgName: "Harbor", User: e911.UserID(user), Name: "Nia", To: "nia@harbor.example", Times: 1, At: at}
	for range 2 { // the second letter leaves the first date
		if err := a.s.handReminder(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	editor, err := a.s.editor()
	if err != nil {
		t.Fatal(err)
	}
	u, err := editor.Users.Get(ctx, onlyOrg(a.s), user)
	if err != nil || u.Value.Asked.IsZero() || u.Version != 2 {
		t.Errorf("asked at %v, version %d: %v", u.Value.Asked, u.Version, err)
	}
}
