// Package change plans change sets before they happen, applies them as a whole
// and undoes them: what is created, changed and deleted, and what that does to
// emergency calls (W-46, N-19). Whoever changes many objects at once - the API, a
// table, world.yaml - builds a Set and hands it to a Planner.
//
// A plan is made on one state of the store and has a hash. Apply does exactly what
// the plan says or refuses with the difference: nothing that a plan rests on may
// have moved meanwhile (E15). What was applied is kept with before and after, so
// that it can be put back.
package change
