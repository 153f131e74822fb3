package admin

import "github.com/callbox911/callbox/internal/e911"

// Keep leaves in a value what whoever wrote it does not know, as it is stored: what
// the carrier holds of a number, that a user was asked for his place, which
// telephones are their user's own. A form that was opened, or a file that was
// written, before that happened must not undo it. before nil: there is no such object.
func Keep(value, before any) any {
	switch v := value.(type) {
	case e911.NumberRec:
		if was, ok := before.(e911.NumberRec); ok {
			v.ALI = was.ALI
		}
		return v
	case e911.User:
		if was, ok := before.(e911.User); ok && v.Asked.IsZero() {
			v.Asked = was.Asked
		}
		return v
	case e911.Device:
		was, ok := before.(e911.Device)
		if ok && v.SIP != nil && was.SIP != nil && v.SIP.Own == nil && v.SIP.User == was.SIP.User && v.User == was.User {
			account := *v.SIP
			account.Own = was.SIP.Own
			v.SIP = &account
		}
		return v
	}
	return value
}
