// Package layer brings reference layers of published GIS data into the stored
// world: whole or not at all (E15), and only after what they would change was
// shown: which buildings get another verdict, another point or another PSAP,
// and whose calls would fall to the relay centre.
//
// A Plan is made from files; Apply takes the plan that a person has seen, by its
// hash, and refuses when the layers are not those that it was made for.
package layer
