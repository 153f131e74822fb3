package journal

import (
	"encoding/json"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// The kinds of fact of HELD+: what people say of themselves by the client on
// their device. They hold home addresses: whoever shows them must be entitled
// to that.
const (
	ClientSession  Kind = "client.session"  // somebody signed in by a client, or out
	ClientNetwork  Kind = "client.network"  // the network that a client is on; coalesced
	OwnLocation    Kind = "own.location"    // a user's own location, set or renamed
	OwnForgotten   Kind = "own.forgotten"   // it was deleted
	OwnCallback    Kind = "own.callback"    // the callback number that a user set, or that he took it back
	OwnRegistered  Kind = "own.registered"  // the place that a user registered, whatever he calls from
	ClientConflict Kind = "client.conflict" // a client claims the hardware address of another one's device
)

// Session is the body of ClientSession, and of ClientConflict with Device, Client
// and Other alone.
type Session struct {
	Device  string      `json:"device"`
	Client  string      `json:"client"`            // digest of the client's own id
	ID      string      `json:"id,omitempty"`      // of the session; none: signed out
	User    e911.UserID `json:"user,omitempty"`    // none: nobody that the organisation knows
	Says    string      `json:"says,omitempty"`    // how an unknown user calls himself
	Expires time.Time   `json:"expires,omitzero"`  // of the session
	Other   string      `json:"other,omitempty"`   // whose device it is
	Purpose string      `json:"purpose,omitempty"` // "sign_in", "sign_out"
}

// Network is the body of ClientNetwork.
type Network struct {
	Device string `json:"device"`
	Client string `json:"client"`
	// Here is the network as rules/locate recognises it.
	Here json.RawMessage `json:"here"`
	// Position is what the operating system told, when it did.
	Position *e911.Area `json:"position,omitempty"`
	At       time.Time  `json:"at"`
}

// Own is the body of OwnLocation, and of OwnForgotten with ID and Client alone.
// Facts of one ID replace each other. OwnRegistered has User, Place, Verdict, Why, At
// and Validation; those of one user replace each other.
type Own struct {
	ID     string      `json:"id,omitempty"`
	Client string      `json:"client,omitempty"` // by which it was set: nobody else is shown it
	Device string      `json:"device,omitempty"`
	User   e911.UserID `json:"user,omitempty"`
	Name   string      `json:"name,omitempty"`
	// Homes are the networks that it was said for, as rules/locate keeps them.
	Homes json.RawMessage `json:"homes,omitempty"`
	Place e911.Place      `json:"place,omitzero"`
	// Verdict is what validation said, Why of it for a person.
	Verdict string    `json:"verdict,omitempty"`
	Why     string    `json:"why,omitempty"`
	At      time.Time `json:"at"`
	// Validation is what was entered and what was found out about it; zero for a
	// location of the organisation.
	Validation e911.Validation `json:"validation,omitzero"`
}

// Callback is the body of OwnCallback.
type Callback struct {
	User   e911.UserID `json:"user"`
	Number e911.Number `json:"number,omitempty"` // none: taken back
	Device string      `json:"device,omitempty"` // by which it was set
}
