// Package rows is the store over any SQL engine that bun speaks: the tables as
// Go rows and one set of queries. The packages beside it (sqlite) open a
// database, bring its tables up to date and translate its errors.
//
// What leaves this package is an e911.Error: sql.ErrNoRows and the types of a
// driver stay inside. Every query for configured objects or calls names its
// organisation (E14).
package rows
