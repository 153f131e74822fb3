package webhook

import (
	"encoding/json"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// Version is the member "version" of the body.
const Version = 1

// Payload is the JSON object of a request; docs/webhooks.md explains it.
type Payload struct {
	Version       int           `json:"version"`
	ID            e911.NoticeID `json:"id"`
	Event         string        `json:"event"`
	Reason        string        `json:"reason"`
	Test          bool          `json:"test"`
	Demonstration bool          `json:"demonstration"`
	At            time.Time     `json:"at"`
	Text          string        `json:"text"`
	Call          Call          `json:"call"`
	Organisation  Named         `json:"organisation"`
	Site          Site          `json:"site"`
	Caller        Caller        `json:"caller"`
	Location      Location      `json:"location"`
	// SentTo911 is what the PSAP sees where that is another place (F-36).
	SentTo911 *Location `json:"sent_to_911,omitempty"`
	PSAP      PSAP      `json:"psap"`
	Flags     []string  `json:"flags"`
	// AskedAt is when the caller was asked where he is, which he did not answer; only
	// with the flag asked_not_answered.
	AskedAt *time.Time `json:"asked_at,omitempty"`
	// Network is what strands devices; only of network.unknown, which has no call.
	Network *journal.StrandedBy `json:"network,omitempty"`
	// Drill is the test of who is told; only of test.attended, which has no call.
	Drill *journal.Drill `json:"drill,omitempty"`
}

// Call names the call.
type Call struct {
	ID        e911.CallID `json:"id"`
	Dialled   string      `json:"dialled"`
	ArrivedAt time.Time   `json:"arrived_at"`
	URL       string      `json:"url,omitempty"`
}

// Named is an id with the name that people use.
type Named struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Site is the site of the call.
type Site struct {
	Named
	Zone string `json:"zone,omitempty"`
}

// Caller is who calls and how to call back.
type Caller struct {
	Name         string            `json:"name"`
	IdentifiedBy e911.IdentifiedBy `json:"identified_by,omitempty"`
	Line         e911.Number       `json:"line,omitempty"`
	Callback     e911.Number       `json:"callback,omitempty"`
}

// Location is a place: of Payload.Location, where we believe the caller to be,
// which is what the PSAP was given unless SentTo911 says otherwise.
type Location struct {
	ID           e911.LocationID `json:"id,omitempty"`
	Key          string          `json:"key,omitempty"`
	Display      string          `json:"display"`
	LocatedBy    e911.LocatedBy  `json:"located_by,omitempty"`
	Dispatchable bool            `json:"dispatchable"`
	Civic        e911.Civic      `json:"civic,omitzero"`
	Area         *e911.Area      `json:"area,omitempty"`
}

// PSAP is the answering point that the call goes to.
type PSAP struct {
	Key  string      `json:"key,omitempty"`
	Name string      `json:"name,omitempty"`
	Line e911.Number `json:"line,omitempty"`
	// Expected: a carrier chooses the PSAP; this one is expected.
	Expected bool `json:"expected,omitempty"`
}

// The events of a request.
const (
	EventCall         = "emergency.call"
	EventNotConnected = "emergency.not_connected"
	EventAbandoned    = "emergency.abandoned"
	EventLocation     = "emergency.location_update"
	EventCallback     = "emergency.callback"
	EventMissed       = "emergency.callback_missed"
	EventTest         = "test.call"
	EventNetwork      = "network.unknown"
	EventDrill        = "test.attended" // of who is told; there is no call
)

func event(d journal.Due) string {
	switch {
	case d.Drill != nil:
		return EventDrill
	case d.Reason == journal.DueUnknownNetwork:
		return EventNetwork
	case d.Class == e911.ClassTest933 || d.Reason == journal.DueTest:
		return EventTest
	case d.Reason == journal.DueNotConnected:
		return EventNotConnected
	case d.Reason == journal.DueAbandoned:
		return EventAbandoned
	case d.Reason == journal.DueLocation:
		return EventLocation
	case d.Reason == journal.DueCallback:
		return EventCallback
	case d.Reason == journal.DueCallbackMissed:
		return EventMissed
	}
	return EventCall
}

// Body encodes n; the same notice gives the same bytes.
func Body(n notify.Notice) ([]byte, error) {
	d := n.Due
	p := Payload{
		Version: Version, ID: n.ID, Event: event(d), Reason: d.Reason, Test: event(d) == EventTest || d.Drill != nil, Demonstration: d.Demonstration,
		At: n.At.UTC(), Text: notify.Headline(d),
		Call:         Call{ID: n.Call, Dialled: d.Dialled, ArrivedAt: d.ArrivedAt.UTC(), URL: n.Link},
		Organisation: Named{ID: string(n.Org), Name: d.OrgName},
		Site:         Site{Named: Named{ID: string(d.Site), Name: d.SiteName}, Zone: d.Zone},
		Caller:       Caller{Name: d.Who, IdentifiedBy: d.IdentifiedBy, Line: d.Line, Callback: d.Callback},
		Location:     locationOf(d.Place),
		PSAP:         PSAP{Key: d.PSAP.Key, Name: d.PSAP.Name, Line: d.PSAPLine, Expected: d.PSAPExpected},
		Flags:        append([]string{}, d.Flags...), AskedAt: d.Asked, Network: d.Network, Drill: d.Drill,
	}
	p.Location.LocatedBy = d.LocatedBy
	if d.Sent != nil {
		sent := locationOf(*d.Sent)
		p.SentTo911 = &sent
	}
	return json.Marshal(p)
}

func locationOf(p e911.Place) Location {
	return Location{ID: p.Location, Key: p.Key, Display: p.Display, Dispatchable: p.Dispatchable, Civic: p.Civic, Area: p.Area}
}
