package email_test

import (
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
)

// Proves: N-07, F-36
func TestAMailSaysThatTheCallerWasAskedAndDidNotAnswer(t *testing.T) {
	at := time.Date(2025, 11, 20, 12, 0, 0, 0, time.UTC)
	due := journal.Due{Reason: journal.DueLegOut, Class: e911.ClassEmergency, Who: "Nia", ArrivedAt: at.Add(time.Hour), Flags: []string{"asked_not_answered", "unverified"}, Asked: &at}
	text := strings.Join(strings.Fields(one(t, due).Text), " ")
	if !strings.Contains(text, "asked for his place on 20 November 2025 and has not answered") || strings.Contains(text, "asked not answered") || !strings.Contains(text, "unverified") {
		t.Errorf("the mail: %s", text)
	}
}
