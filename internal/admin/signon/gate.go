package signon

import (
	"context"
)

// mayStart asks Config.MayStart whether a proof of that kind may begin a session.
// Each way to sign in asks it after the proof held and before Admit: who cannot prove
// himself learns nothing of the rule.
func (d *Desk) mayStart(ctx context.Context, identity string, kind Kind) error {
	if d.cfg.MayStart == nil {
		return nil
	}
	return d.cfg.MayStart(ctx, identity, kind)
}

// needsSecond tells whether an identity has to have a second proof.
func (d *Desk) needsSecond(ctx context.Context, identity string) (bool, error) {
	if d.cfg.NeedsSecond == nil {
		return false, nil
	}
	return d.cfg.NeedsSecond(ctx, identity)
}

// mayChangeCredentials is asked by every use case in which somebody who is signed in
// changes how he proves himself.
func (d *Desk) mayChangeCredentials(s Session) error {
	if s.ID == "" || !s.Live(d.now()) {
		return ErrSession
	}
	return nil
}
