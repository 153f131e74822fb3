package identify_test

import (
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
)

// Proves: N-07, N-45
func TestWhoWasAskedAndDidNotAnswer(t *testing.T) {
	at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	ann := &e911.User{ID: "ann", Asked: at}
	for _, c := range []struct {
		name    string
		user    *e911.User
		numbers []e911.NumberRec
		said    string
		want    time.Time
	}{
		{"nobody", nil, nil, "", time.Time{}},
		{"who was never asked", &e911.User{ID: "ann"}, nil, "", time.Time{}},
		{"who was asked and has nothing", ann, nil, "", at},
		{"whose number has no address", ann, []e911.NumberRec{{User: "ann"}}, "", at},
		{"whose number has one", ann, []e911.NumberRec{{User: "ann"}, {User: "ann", Location: "room"}}, "", time.Time{}},
		{"an address of another's number", ann, []e911.NumberRec{{User: "bob", Location: "room"}}, "", at},
		{"who said it for a device", ann, nil, "12 Elm Street", time.Time{}},
	} {
		if got := identify.Unanswered(c.user, c.numbers, c.said); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
