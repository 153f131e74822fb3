// Package job runs long work in the background: it outlives the browser that
// began it and a server that is killed, and tells how far it is. Work of one
// organisation is done one piece at a time, in the order in which it came (C-63).
//
// A job that was killed half-way is run again from its beginning, so what a
// Handler does must be whole or nothing, or the same when it is done twice.
package job
