package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// Proves: F-36, F-28
func TestATestOfWhoIsToldIsMarkedAndNamesNoCall(t *testing.T) {
	body, err := Body(notify.Notice{ID: "n1", Channel: notify.Webhook, Due: journal.Due{
		Reason: "attended_test", Class: e911.ClassTest933, Drill: &journal.Drill{Destination: "guard", Name: "the guard", Code: "H3KQ7P", OrgKey: "harbor"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var p Payload
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Event != EventDrill || !p.Test || p.Call.ID != "" || p.Drill == nil || p.Drill.Code != "H3KQ7P" || !strings.HasPrefix(p.Text, "TEST, no emergency: ") {
		t.Errorf("%s", body)
	}
}
