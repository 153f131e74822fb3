// Package admin says what an administrator's changes are made of: the
// configured objects, how a use case asks for them, and the store that it
// needs. The use cases stand below: check (what is refused and why), edit
// (create, change, delete one object), world (import of world.yaml), publish
// (the way of a change to the frozen world), report (records of calls).
//
// Nothing here runs while somebody waits for help (design section 3).
package admin
