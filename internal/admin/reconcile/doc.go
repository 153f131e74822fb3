// Package reconcile keeps two lists in step: the one of the calling platform, and
// Callbox's own users, devices or numbers. Who stands in the platform's list alone
// makes unregistered calls: the relay centre has to ask him where he is (N-34,
// W-55).
//
// A Source says where the platform's list comes from, which column is the key and
// what the others mean; a Run compares, on a schedule, after a push or when somebody
// asks. What it finds is told with its reason, and a change set mends it. A list
// that shrank looks like an export that was cut off: nothing is deleted by it.
package reconcile
