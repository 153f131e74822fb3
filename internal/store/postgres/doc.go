// Package postgres opens a PostgreSQL database: what several nodes share.
// Nothing on the call path knows that it exists (E3).
package postgres
