package federation

import (
	"context"
	"fmt"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

// Ending is something of a provider that ends by itself.
type Ending struct {
	What string // for a sentence: "the metadata of the identity provider"
	At   time.Time
	// Blocks: nobody signs in by the provider afterwards.
	Blocks bool
}

// Ender is a Protocol whose providers have something that ends.
type Ender interface {
	Ends(p Provider) []Ending
}

// Notice is something that the administrators of an organisation are told once; of the
// operator for no organisation.
type Notice struct {
	Org                 e911.OrgID
	Code, Subject, Text string
}

// CodeEnding is the code of an alarm that something of an identity provider ends.
const CodeEnding = "identity_provider_ends"

// ahead is when administrators are told that something will end; zero: has ended.
var ahead = [...]time.Duration{0, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// Watch returns what the administrators of an organisation ("": of the operator) are
// told now: thirty days, a week and a day before something of a provider ends, and
// when it has. Each is returned once, whichever node asks; what could not be
// remembered is not returned.
func (d *Desk) Watch(ctx context.Context, org e911.OrgID) ([]Notice, error) {
	all, err := d.List(ctx, org)
	if err != nil {
		return nil, err
	}
	var out []Notice
	for _, p := range all {
		proto, ok := d.cfg.Protocols[p.Via].(Ender)
		if !ok || p.Disabled {
			continue
		}
		for _, e := range proto.Ends(p) {
			due, name := d.due(p, e)
			if !due {
				continue
			}
			first, err := d.Once(ctx, name, d.now().Add(ToldFor))
			if err != nil {
				return out, err
			}
			if first {
				out = append(out, d.notice(p, e))
			}
		}
	}
	return out, nil
}

// due reports whether somebody is told of an ending by now, and by what name it is
// remembered that he was.
func (d *Desk) due(p Provider, e Ending) (bool, string) {
	left := e.At.Sub(d.now())
	for _, at := range ahead {
		if left <= at {
			return true, fmt.Sprintf("ends %s %s %d %s", p.ID, e.What, e.At.Unix(), at)
		}
	}
	return false, ""
}

func (d *Desk) notice(p Provider, e Ending) Notice {
	day := e.At.UTC().Format("2006-01-02 15:04")
	n := Notice{Org: p.Org, Code: CodeEnding}
	after := "It goes on counting after that date; ask at the identity provider whether a new one is in use, and fetch its metadata again on the page Sign-on."
	if e.Blocks {
		after = "After that nobody signs in by it. Fetch the metadata again on the page Sign-on (empty its field and save). Break-glass people sign in by their own proofs, and whoever runs this Callbox lets passwords in again: callbox sso force off."
	}
	verb := "ends"
	if !d.now().Before(e.At) {
		verb = "has ended"
	}
	n.Subject = "Callbox: something of your identity provider " + p.Name + " " + verb
	n.Text = fmt.Sprintf("Identity provider %s (%s): %s %s: %s UTC.\n\n%s\n\nNo emergency call waits for any of this.\n", p.Name, p.Key, e.What, verb, day, after)
	return n
}

// ToldFor is how long it is remembered that somebody was told something.
const ToldFor = 10 * 365 * 24 * time.Hour

// Once reports the first time that anybody, on any node, asks for a name until then.
func (d *Desk) Once(ctx context.Context, name string, until time.Time) (bool, error) {
	err := d.write(ctx, "server", func(tx Tx) error { return tx.UseOnce(ctx, hashOf("told", name), until, d.now()) })
	if e911.KindOf(err) == e911.Conflict {
		return false, nil
	}
	return err == nil, err
}
