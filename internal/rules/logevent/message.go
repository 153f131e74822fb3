package logevent

import "strings"

// Field is a header field of a message.
type Field struct{ Name, Value string }

// Invite writes an INVITE as it stood on the wire, from what was kept of it: the
// names of its fields are the long ones, and folded lines are one (RFC 3261,
// sections 7.1 and 7.3).
func Invite(uri string, fields []Field, body []byte) string {
	var b strings.Builder
	b.WriteString("INVITE " + uri + " SIP/2.0\r\n")
	for _, f := range fields {
		b.WriteString(f.Name + ": " + f.Value + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.String()
}
