package signon

// mayChangeCredentials is asked by every use case in which somebody who is signed in
// changes how he proves himself.
func (d *Desk) mayChangeCredentials(s Session) error {
	switch {
	case s.ID == "" || !s.Live(d.now()):
		return ErrSession
	case s.Bound != "":
		return ErrBound
	}
	return nil
}
