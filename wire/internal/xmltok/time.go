package xmltok

import "time"

// AppendSeconds appends a time of a year with four digits as an xs:dateTime up
// to its whole seconds, in the zone that it has and without naming it; fraction
// and zone are the caller's, whose formats differ in them.
func AppendSeconds(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = AppendDigits(dst, year, 4)
	dst = AppendDigits(append(dst, '-'), int(month), 2)
	dst = AppendDigits(append(dst, '-'), day, 2)
	dst = AppendDigits(append(dst, 'T'), hour, 2)
	dst = AppendDigits(append(dst, ':'), minute, 2)
	return AppendDigits(append(dst, ':'), second, 2)
}

// AppendDigits appends v, not below zero, with that many digits, at most four.
func AppendDigits(dst []byte, v, count int) []byte {
	var d [4]byte
	for i := count - 1; i >= 0; i-- {
		d[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, d[:count]...)
}
