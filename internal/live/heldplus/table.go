package heldplus

import (
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// table lists what is served, each with an example that the OpenAPI document
// shows.
func (s *Server) table() []route {
	when := time.Date(2026, 3, 2, 14, 5, 0, 0, time.UTC)
	home := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", HNO: "12", RD: "Elm", STS: "Street", UNIT: "3", PC: "02139"}
	desk := e911.Civic{Country: "US", A1: "MA", A3: "Cambridge", HNO: "795", RD: "Massachusetts", STS: "Avenue", BLD: "Mill 1", FLR: "2", ROOM: "210", PC: "02139"}
	uri := &LocationURI{URI: "https://lis.example/loc/k1.dGhpcyBpcyBhIHRva2Vu", Expires: when.Add(24 * time.Hour), TTLSeconds: 86400}
	found := &Location{
		Display: "795 Massachusetts Avenue, Mill 1, Floor 2, Room 210, Cambridge, MA 02139", Civic: desk, Corporate: "0195555e-0000-7000-8000-000000000210",
		Rule: "lldp_port", Rank: 3, Class: "fresh", At: when, Dispatchable: true,
	}
	own := Personal{
		ID: "5f0a63c1b2d4e8f901234567", Name: "Home", Display: "12 Elm Street, Unit 3, Cambridge, MA 02139", Civic: home, Verdict: "unverified", Networks: 1, Here: true, At: when,
		Entered: "12 Elm St, #3, Cambridge, MA 02139", Missing: []string{"A3"}, Layer: "cambridge-ma", LayerVersion: 3, ValidatedAt: when,
	}
	other := Personal{ID: "5f0a63c1b2d4e8f901234568", Name: "Hot desk", Display: found.Display, Civic: desk, Corporate: found.Corporate, At: when}
	said := &Location{
		Display: own.Display, Civic: home, Point: &Circle{Lat: 42.36684, Lon: -71.10565, RadiusM: 25}, Rule: "confirmed", Rank: 5, Class: "fresh", At: when, Dispatchable: true, Verdict: "unverified",
		ConfirmBy: when.Add(30 * 24 * time.Hour), Flags: []string{"unverified"},
	}
	no := false
	return []route{
		{
			method: http.MethodPost, path: "/sign-in", name: "signIn", open: true, serve: s.signIn,
			summary: "Sign the user of a device in. A user whom the organisation does not know is signed in as nobody, and located all the same.",
			in: SignInRequest{
				Organisation: Organisation{CompanyID: "7c0e5b1d9a4f4e0f8d2b6a3c51e7f094", Secret: "the-secret"},
				User:         UserClaim{Email: "agent@harbor.example", DeviceUserID: "agent4711"},
				Device: DeviceClaim{
					ClientID: "b2b8c7f0a1d94e5f8a6b3c2d1e0f9a8b", MACs: []string{"00:11:22:aa:bb:cc"}, Hostname: "laptop-17", Model: "ThinkPad X1",
					Client: "Callbox agent", Version: "1.0.0", OS: "Windows 11 24H2",
				},
			},
			out: SignInAnswer{
				Session: Session{Token: "k1.c2Vzc2lvbg", Expires: when.Add(30 * 24 * time.Hour)}, User: UserIs{Known: true, Name: "Front desk", Callback: "+16175550111"},
				Device:            DeviceIs{ID: "0195555e-0000-7000-8000-00000000000d", Known: true},
				Policy:            PolicyIs{ReportSeconds: 900, TTLSeconds: 14400, EmergencyNumbers: []string{"911", "933"}},
				HeldConfigPending: true, ServerTime: when, Warnings: []Fault{exampleFault},
			},
		},
		{
			method: http.MethodPost, path: "/sign-out", name: "signOut", serve: s.signOut,
			summary: "End the session and void the location URIs that were given out in it.", out: Done{OK: true},
		},
		{
			method: http.MethodPost, path: "/report", name: "report", serve: s.report,
			summary: "Tell what the device sees of its network, and be told where it is.",
			in: ReportRequest{
				At: when, AtSignIn: true, Tunnel: true,
				Interfaces: []Interface{{
					Name: "en0", Kind: "wifi", Up: true, MAC: "00:11:22:aa:bb:cc", Addresses: []string{"192.0.2.77"}, GatewayMAC: "0c:75:bd:00:00:ff",
					GatewayIP: "192.0.2.1", DHCPDomain: "harbor.example",
					WiFi: &WiFi{
						SSID: "Harbor", BSSID: "00:11:22:33:44:50", SignalDBM: -52,
						Neighbours: []AccessPoint{{BSSID: "00:11:22:33:44:60", SSID: "Harbor", SignalDBM: -70}},
					},
					LLDP: []Neighbor{{Chassis: "0c:75:bd:00:00:01", ChassisSubtype: 4, Port: "Gi1/0/7", PortSubtype: 5}},
				}},
				Position: &Position{Lat: 42.36684, Lon: -71.10565, UncertaintyM: 40, At: when},
			},
			out: ReportAnswer{
				Status: StatusCorporate, Prompt: PromptNone, Location: found, LocationURI: uri,
				Ignored:    []Ignored{{Interface: "utun3", Why: "a VPN may end anywhere (W-38)"}, {Interface: "en0", Address: "169.254.9.9", Why: "an address of this kind tells no network"}},
				Findings:   []e911.Finding{{Rule: "lldp_port", Said: "port Gi1/0/7 of 0c:75:bd:00:00:01", Place: found.Display, At: &when, Class: "fresh", Chosen: true, Why: "the most exact evidence"}},
				Candidates: []Candidate{{Kind: "personal", ID: own.ID, Name: "Home", Display: own.Display, Civic: home, Why: "one of your own locations"}},
				Next:       NextReport{ReportSeconds: 900, TTLSeconds: 14400, ServerTime: when, ClockSkewMS: -120}, Warnings: []Fault{exampleFault},
			},
		},
		{
			method: http.MethodGet, path: "/locations", name: "listLocations", serve: s.list,
			summary: "The user's own locations: those that he set by this client.", out: PersonalList{Locations: []Personal{own, other}},
		},
		{
			method: http.MethodPost, path: "/locations", name: "setLocation", serve: s.set,
			summary: "Say where the user is, in one of four ways; it is remembered for the network that the device is on.",
			in: SetRequest{
				Corporate: &CorporateChoice{LocationID: found.Corporate}, Personal: &PersonalChoice{ID: own.ID}, Address: &home,
				Text: "12 Elm Street, Unit 3, Cambridge, MA 02139", Name: "Home", House: true, Remember: &no,
			},
			out: SetAnswer{
				Status: StatusValidated, Verdict: "unverified", Why: "its structure is right; no reference layer covers the place",
				Fields: []FieldVerdict{{Field: "A1", Verdict: "valid"}, {Field: "RD", Verdict: "unchecked"}}, Missing: []string{"FLR"}, Location: said, Personal: &own, LocationURI: uri, Remembered: true, Faults: []Fault{exampleFault},
				Candidates: []Candidate{{Kind: "address", Display: own.Display, Civic: home, Changed: []string{"PC"}, Why: "this may be meant"}}, Warnings: []Fault{exampleFault},
			},
		},
		{
			method: http.MethodPatch, path: "/locations/{id}", name: "renameLocation", serve: s.rename, summary: "Give an own location another name.",
			in: RenameRequest{Name: "Home"}, out: own,
		},
		{
			method: http.MethodDelete, path: "/locations/{id}", name: "deleteLocation", serve: s.forget, summary: "Forget an own location.",
			out: Done{OK: true},
		},
		{
			method: http.MethodGet, path: "/corporate", name: "searchCorporate", serve: s.corporate, summary: "Search the locations of the organisation.",
			query: []param{{"q", "words of the address or the key"}},
			out:   CorporateList{Locations: []Candidate{{Kind: "corporate", ID: found.Corporate, Name: "f2", Display: found.Display, Civic: desk, Why: "a location of the organisation"}}, More: true},
		},
		{
			method: http.MethodGet, path: "/callback", name: "getCallback", serve: s.callbackOf, summary: "The callback number that the user set himself.",
			out: CallbackAnswer{Number: "+16175550111"},
		},
		{
			method: http.MethodPut, path: "/callback", name: "setCallback", serve: s.setCallback,
			summary: "Set the number by which a PSAP calls the user back; the next 933 reads it.",
			in:      CallbackRequest{Number: "+16175550111"}, out: CallbackAnswer{Number: "+16175550111"},
		},
		{
			method: http.MethodGet, path: "/check", name: "check", open: true, serve: s.check,
			summary: "See what this server sees: the address, the organisation's range, the clock.",
			query:   []param{{"client_time", "the client's clock (RFC 3339)"}},
			out: CheckAnswer{
				Source: "203.0.113.7", Secure: true, InPublicRange: true, Range: "203.0.113.0/24", Organisation: "Harbor Foods", Tunnel: "vpn", Session: true,
				ServerTime: when, ClockSkewMS: 12, ProtocolVersion: 1,
			},
		},
	}
}

var exampleFault = Fault{Field: "interfaces[0].mac", Rule: "format", Msg: "this is no hardware address", Fix: "write 00:11:22:33:44:55"}
