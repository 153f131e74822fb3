package setup

import (
	"slices"

	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// UserLimits is what each user is told before he calls (N-07, N-08); the others
// are the administrators' (rules.Acknowledgements).
const UserLimits rules.Acknowledgement = "user_limits"

// Text is something to read and accept. A new version must be accepted anew.
type Text struct {
	Key     rules.Acknowledgement `json:"text"`
	Version string                `json:"version"`
	Title   string                `json:"title"`
	Body    string                `json:"body"`
	Users   bool                  `json:"users,omitempty"` // each user accepts it
}

// Texts are those of this Callbox, in the order of reading.
func Texts() []Text {
	return []Text{
		{
			Key: rules.AckRelayCharge, Version: "2026-11", Title: "Calls without a location go to a relay centre, at a price",
			Body: "A 911 call from somebody who is not known, or whose place is not known, is answered by a relay centre that asks where the caller is. That takes longer, and each such call is charged.",
		},
		{
			Key: rules.AckLimits, Version: "2026-11", Title: "What 911 over a network depends on",
			Body: "911 calls need power, the network and a working device at the place of the caller, and the public-safety answering point. Where one of them fails, callers must use another telephone. Outside the United States and Canada emergency calls go by the local trunk, and other short numbers may not work.",
		},
		{
			Key: rules.AckUsersTold, Version: "2026-11", Title: "Every user knows how to say where he is",
			Body: "A location was collected of every user. Users were told of the policy, to update their location when they move, and how: the app, the portal, or the administrator.",
		},
		{
			Key: UserLimits, Version: "2026-11.3", Title: "Before you call 911 from here", Users: true,
			Body: "911 needs power, the network, a device that works, and the public-safety answering point of your place. Where one of them fails, use another telephone. " +
				"Help goes to the place that is known of you: set it again whenever you move, on this page, in the Callbox client on your device, or through your administrator. " +
				"A call whose place is not known goes to a relay centre first, and that takes longer. Where you are not sure, say your address first. " +
				"Outside the United States and Canada this service carries no emergency calls: dial that country's own number, from its own network.",
		},
	}
}

func textOf(key rules.Acknowledgement) (Text, bool) {
	all := Texts()
	i := slices.IndexFunc(all, func(t Text) bool { return t.Key == key })
	if i < 0 {
		return Text{}, false
	}
	return all[i], true
}

func versions() map[rules.Acknowledgement]string {
	out := map[rules.Acknowledgement]string{}
	for _, t := range Texts() {
		out[t.Key] = t.Version
	}
	return out
}

// Task is a part of the roll-out that no program sees (N-48).
type Task string

// The tasks, in their order.
const (
	TaskContract  Task = "contract"       // amended
	TaskCollect   Task = "locations"      // of every user are collected (N-07)
	TaskProcess   Task = "update_process" // how locations are kept up is chosen
	TaskDialPlan  Task = "dial_plan"      // of each PBX was reviewed: 911 and 933 reach us (F-38)
	TaskUsersTold Task = "communication"  // users were told and trained
)

// Tasks lists them.
func Tasks() []Task {
	return []Task{TaskContract, TaskCollect, TaskProcess, TaskDialPlan, TaskUsersTold}
}
