package email

import (
	"bytes"
	netmail "net/mail"
	"slices"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// FuzzMessage writes mails about arbitrary calls: there is always one mail with
// our header fields alone, and the same notice gives the same bytes.
func FuzzMessage(f *testing.F) {
	f.Add("Front desk", "795 Massachusetts Avenue", "+16175550111", "leg_out", "America/New_York", "id")
	f.Add("a\r\nBcc: x@y", "\r\n\r\n.", "=?utf-8?q?=0A?=", "test", "../../etc", "\x00")
	c, err := New(Config{Server: "127.0.0.1:25", TLS: TLSNone, From: "callbox@harbor.example"})
	if err != nil {
		f.Fatal(err)
	}
	allowed := []string{
		"Auto-Submitted", "Content-Type", "Date", "From", "Importance", "Message-Id", "Mime-Version", "Priority", "References", "Subject", "To",
		HeaderCall, HeaderCallback, HeaderLocation, HeaderReason, "X-Msmail-Priority", "X-Priority",
	}
	f.Fuzz(func(t *testing.T, who, display, callback, reason, zone, id string) {
		n := notify.Notice{
			ID: e911.NoticeID(id), To: "security@harbor.example", Call: e911.CallID(id), At: time.Unix(1_770_000_000, 0), Link: "https://x.example/" + id,
			Due: journal.Due{
				Who: who, Callback: e911.Number(callback), Reason: reason, Zone: zone, Flags: []string{who},
				Place: e911.Place{Display: display, Location: e911.LocationID(id), Civic: e911.Civic{FLR: who, ROOM: display}}, PSAP: journal.Ref{Name: who},
			},
		}
		var raw [2]bytes.Buffer
		for i := range raw {
			m, err := c.message(n)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := m.WriteTo(&raw[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(raw[0].Bytes(), raw[1].Bytes()) {
			t.Fatal("the same notice gave two mails")
		}
		msg, err := netmail.ReadMessage(&raw[0])
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range msg.Header {
			if !slices.Contains(allowed, name) || len(values) != 1 {
				t.Fatalf("header field %s: %q", name, values)
			}
		}
	})
}
