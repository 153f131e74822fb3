package reporttest

import (
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/wire/pidflo"
)

// Story writes the facts of one call, one after the other.
type Story struct {
	Org  e911.OrgID
	Call e911.CallID
	At   time.Time // arrival
	Demo bool

	facts []journal.Fact
}

// The world that stories happen in.
var (
	trunkPBX  = journal.Ref{ID: "t-pbx", Key: "pbx", Name: "pbx"}
	carrierA  = journal.Ref{ID: "t-a", Key: "carrier-a", Name: "carrier-a"}
	carrierB  = journal.Ref{ID: "t-b", Key: "carrier-b", Name: "carrier-b"}
	relayA    = journal.Ref{ID: "t-r", Key: "ecrc-a", Name: "ecrc-a"}
	middlesex = journal.Ref{ID: "p-mid", Key: "psap-middlesex", Name: "Middlesex (demonstration)"}
	ecrc      = journal.Ref{ID: "p-ecrc", Key: "ecrc", Name: "Relay centre (demonstration)"}
	hq        = journal.Ref{ID: "s-hq", Key: "hq", Name: "Headquarters"}
)

// Room is the place of most stories.
func Room() e911.Place {
	return e911.Place{
		Location: "l-210", Key: "mill-1-f2-210", Building: "b-mill-1", Site: "s-hq",
		Civic: e911.Civic{
			Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "795", RD: "Massachusetts",
			STS: "Avenue", PC: "02139", BLD: "Mill 1", FLR: "2", ROOM: "210",
		},
		Area:         &e911.Area{Point: e911.Point{Lat: 42.36684, Lon: -71.10565}},
		Dispatchable: true,
		Display:      "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139",
	}
}

// CallID makes an id that sorts by n, as those minted at arrival do by time.
func CallID(n int) e911.CallID {
	return e911.CallID(fmt.Sprintf("019a0000-0000-7000-8000-%012d", n))
}

// Add writes one fact, ms after the arrival.
func (s *Story) Add(ms int, kind journal.Kind, body any) *Story {
	at := s.At.Add(time.Duration(ms) * time.Millisecond)
	s.facts = append(s.facts, journal.New(kind, at, s.Org, s.Call, body))
	return s
}

// Take returns the facts written since the last Take.
func (s *Story) Take() []journal.Fact {
	f := s.facts
	s.facts = nil
	return f
}

// Arrived begins a 911 call.
func (s *Story) Arrived() *Story {
	return s.Add(0, journal.CallArrived, journal.Arrived{
		Class: e911.ClassEmergency, Dialled: "sip:911@callbox.example", Trunk: trunkPBX, Source: "127.0.0.11:5060",
		Transport: "tcp", SIPCallID: "9f3c71@127.0.0.11", EmergencyCallID: "urn:emergency:uid:callid:7f3kq2:callbox.example",
		From: "<sip:+16175550111@harbor.example>", AssertedID: "<sip:+16175550111@harbor.example>", Demonstration: s.Demo,
	})
}

// Test begins a 933 call.
func (s *Story) Test() *Story {
	return s.Add(0, journal.CallArrived, journal.Arrived{
		Class: e911.ClassTest933, Dialled: "sip:933@callbox.example", Trunk: trunkPBX, Source: "127.0.0.11:5060",
		Transport: "udp", SIPCallID: "51aa02@127.0.0.11", Demonstration: s.Demo,
	})
}

// Identified tells that the front desk calls.
func (s *Story) Identified() *Story {
	return s.Add(1, journal.CallIdentified, journal.Identified{
		By: e911.ByDeviceUserID, User: &journal.Ref{ID: "u-4711", Key: "agent-4711", Name: "Front desk"},
		Device: &journal.Ref{ID: "d-1", Key: "sep001122aabbcc", Name: "sep001122aabbcc"}, Line: "+16175550111", Site: &hq,
		Callback: "+16175550111", CallbackWhy: "Registered by the user, who is named by the trunk’s header",
		Evidence: []e911.Finding{
			{Rule: "device_user_id", Said: "agent4711", Chosen: true, Why: "The trunk is trusted to name its users, and the id is exactly that of Front desk."},
			{Rule: "location_token", Said: "sep001122aabbcc", Why: "Names the same user’s device; the header comes first for the user."},
			{Rule: "line_number", Said: "+16175550111", Why: "Agrees: the line is owned by Front desk."},
		},
	})
}

// Unknown tells that only the trunk is known.
func (s *Story) Unknown() *Story {
	return s.Add(1, journal.CallIdentified, journal.Identified{
		By: e911.ByTrunkOnly, Line: "+16175559999", Callback: "+16175550100", CallbackWhy: "Emergency callback number of the trunk’s only site",
		Flags: []string{"unknown_number", "callback_guessed"},
		Evidence: []e911.Finding{
			{Rule: "line_number", Said: "+16175559999", Why: "The number is none of the organisation’s."},
			{Rule: "trunk_only", Said: "pbx", Chosen: true, Why: "Nothing else says who calls."},
		},
	})
}

// Located tells that the caller is in room 210, by the switch port.
func (s *Story) Located() *Story {
	port, radio := s.At.Add(-12*time.Second), s.At.Add(-41*time.Minute)
	return s.Add(2, journal.CallLocated, journal.Located{
		By: e911.ByLLDPPort, Via: "token", Place: Room(), At: &port, Class: "fresh", Method: "Wiremap",
		Evidence: []e911.Finding{
			{
				Rule: "lldp_port", Said: "Port Gi1/0/7 of 0c:75:bd:00:00:01", Place: Room().Display, At: &port, Class: "fresh", Chosen: true,
				Why: "The finest evidence there is, fresh, and nothing contradicts it.",
			},
			{
				Rule: "bssid", Said: "00:11:22:33:44:50", Place: "795 Massachusetts Avenue, Mill 1, Cambridge, MA 02139", At: &radio, Class: "aged",
				Why: "Older than 30 minutes, so it counts as its building; the switch port agrees and is finer.",
			},
			{
				Rule: "number", Said: "+16175550111", Place: Room().Display, Class: "fall_back",
				Why: "The address of a number is not used for a device that asks the location server (F-04).",
			},
		},
	})
}

// Nowhere tells that nothing says where the caller is.
func (s *Story) Nowhere() *Story {
	return s.Add(2, journal.CallLocated, journal.Located{
		By: e911.ByNothing, Class: "none", Flags: []string{"unlocated"},
		Evidence: []e911.Finding{{Rule: "none", Class: "none", Chosen: true, Why: "There is no token, no PIDF-LO and no address of the number."}},
	})
}

// Routed tells the two carriers of the PSAP, and the relay centre.
func (s *Story) Routed() *Story {
	return s.Add(2, journal.CallRouted, journal.Routed{
		PSAP: middlesex, Demonstration: s.Demo,
		Rungs: []journal.Rung{
			{Kind: "psap", Trunk: carrierA, PSAP: middlesex, To: "sip:psap@127.0.0.21:5071;transport=tcp"},
			{Kind: "psap", Trunk: carrierB, PSAP: middlesex, To: "sip:psap@127.0.0.22:5071;transport=tcp"},
			{Kind: "relay", Trunk: relayA, PSAP: ecrc, To: "sip:ecrc@127.0.0.23:5071;transport=tcp"},
		},
		Evidence: []e911.Finding{
			{Rule: "boundary", Said: "Middlesex County (25017), a demonstration layer", Chosen: true, Why: "The point of the address lies inside the boundary."},
			{Rule: "relay", Said: "Relay centre (demonstration)", Why: "Only when no boundary holds the place, or all its routes fail."},
		},
	})
}

// ToRelay tells that only the relay centre is left.
func (s *Story) ToRelay() *Story {
	return s.Add(2, journal.CallRouted, journal.Routed{
		PSAP: ecrc, Relay: true, Rungs: []journal.Rung{{Kind: "relay", Trunk: relayA, PSAP: ecrc, To: "sip:ecrc@127.0.0.23:5071;transport=tcp"}},
		Evidence: []e911.Finding{{Rule: "relay", Said: "Relay centre (demonstration)", Chosen: true, Why: "No PSAP follows from an unknown place."}},
	})
}

// PIDFLO is a short location document.
func PIDFLO() string {
	civic := &pidflo.Civic{}
	for _, f := range [][2]string{
		{"country", "US"},
		{"A1", "MA"},
		{"A3", "Cambridge"},
		{"RD", "Massachusetts"},
		{"STS", "Avenue"},
		{"HNO", "795"},
		{"BLD", "Mill 1"},
		{"FLR", "2"},
		{"ROOM", "210"},
		{"PC", "02139"},
	} {
		civic.Set(f[0], f[1])
	}
	doc, err := pidflo.Marshal(&pidflo.Document{Entity: "pres:+16175550111@callbox.example", Elements: []pidflo.Element{{
		Kind: pidflo.Device, ID: "d1", Geopriv: []pidflo.Geopriv{{Info: []pidflo.Chunk{{Civic: civic}}, Method: "Wiremap"}},
	}}})
	if err != nil {
		panic(err) // the document is the one above
	}
	return string(doc)
}

// Attempt dials the nth attempt by the first or the second carrier.
func (s *Story) Attempt(ms, n int) *Story {
	trunk, to := carrierA, "sip:psap@127.0.0.21:5071;transport=tcp"
	if n%2 == 0 {
		trunk, to = carrierB, "sip:psap@127.0.0.22:5071;transport=tcp"
	}
	return s.Add(ms, journal.CallAttempt, journal.Attempt{
		N: n, Rung: (n - 1) % 2, Trunk: trunk, PSAP: middlesex, To: to, Transport: "tcp", SIPCallID: fmt.Sprintf("out-%d", n), Sent: true,
		PIDFLO: PIDFLO(), Geo: "<cid:target@callbox.example>",
	})
}

// RelayAttempt dials the relay centre.
func (s *Story) RelayAttempt(ms, n int) *Story {
	return s.Add(ms, journal.CallAttempt, journal.Attempt{
		N: n, Rung: 0, Trunk: relayA, PSAP: ecrc, To: "sip:ecrc@127.0.0.23:5071;transport=tcp", Transport: "tcp", Sent: true,
	})
}

// Due tells that people are to be told.
func (s *Story) Due(ms int, reason string) *Story {
	d := journal.Due{
		Reason: reason, Class: e911.ClassEmergency, Site: "s-hq", SiteName: "Headquarters", OrgName: "Harbor Foods", Zone: "America/New_York",
		Dialled: "911", Who: "Front desk", IdentifiedBy: e911.ByDeviceUserID, Line: "+16175550111", Callback: "+16175550111", Place: Room(),
		LocatedBy: e911.ByLLDPPort, PSAP: middlesex, PSAPLine: "+16175550199", ArrivedAt: s.At, Demonstration: s.Demo,
	}
	if reason == journal.DueTest {
		d.Class, d.Dialled = e911.ClassTest933, "933"
	}
	return s.Add(ms, journal.NotifyDue, d)
}

// Told tells that the security desk has its mail and its webhook.
func (s *Story) Told(ms int, reason string) *Story {
	s.Add(ms, journal.NotifySent, journal.Notice{
		ID: e911.NoticeID("w-" + string(s.Call) + reason), Channel: "webhook", To: "http://127.0.0.1:5090/hook", Reason: reason, Try: 1,
	})
	return s.Add(ms+160, journal.NotifySent, journal.Notice{
		ID: e911.NoticeID("m-" + string(s.Call) + reason), Channel: "mail", To: "security@harbor.example", Reason: reason, Try: 1,
	})
}

// Progress tells an 18x of the nth attempt.
func (s *Story) Progress(ms, n, code int) *Story {
	return s.Add(ms, journal.CallProgress, journal.Progress{N: n, Code: code})
}

// Failed tells that the nth attempt ended without an answer.
func (s *Story) Failed(ms, n, code int, reason string) *Story {
	return s.Add(ms, journal.CallFailed, journal.Failed{N: n, Code: code, Reason: reason})
}

// Answered tells that the PSAP answered the nth attempt.
func (s *Story) Answered(ms, n int) *Story {
	trunk := carrierA
	if n%2 == 0 {
		trunk = carrierB
	}
	return s.Add(ms, journal.CallAnswered, journal.Answered{N: n, Trunk: trunk, PSAP: middlesex})
}

// RelayAnswered tells that the relay centre answered.
func (s *Story) RelayAnswered(ms, n int) *Story {
	return s.Add(ms, journal.CallAnswered, journal.Answered{N: n, Trunk: relayA, PSAP: ecrc})
}

// Spoken tells what 933 read out.
func (s *Story) Spoken(ms int) *Story {
	return s.Add(ms, journal.CallSpoken, journal.Spoken{
		Text: "This is a test. You are calling from 6 1 7, 5 5 5, 0 1 1 1. A 911 operator would call you back at 6 1 7, 5 5 5, 0 1 1 1. " +
			"Your address is 7 9 5 Massachusetts Avenue, Mill 1, floor 2, room 2 1 0, Cambridge, Massachusetts. Press 1 to hear this again.",
		Seconds: 21.4,
	})
}

// Ended tells that a party hung up.
func (s *Story) Ended(ms int, by string, talkMS int64) *Story {
	return s.Add(ms, journal.CallEnded, journal.Ended{By: by, Reason: "BYE", DurationMS: int64(ms), TalkMS: talkMS})
}

// Abandoned tells that the caller gave up.
func (s *Story) Abandoned(ms int) *Story {
	return s.Add(ms, journal.CallEnded, journal.Ended{By: "caller", Reason: "CANCEL", Abandoned: true, DurationMS: int64(ms)})
}
