package admin

import "time"

// Head names a database and its last change. Sequences of two databases say
// nothing about each other.
type Head struct {
	Store string `json:"store"`
	Seq   uint64 `json:"seq"`
}

// Batch is a set of committed objects of one moment, up to Head.
type Batch struct {
	Head   Head
	Oldest time.Time // when the oldest change in it was committed; zero when none
	Rows   []Row
}

// Row is one committed object: its value, or nothing when it is gone, or why it
// cannot be read.
type Row struct {
	Ref   Ref
	Value any
	Err   error
}
