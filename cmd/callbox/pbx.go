package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/e911"
)

type setupPBXCmd struct {
	List        pbxListCmd        `cmd:"" default:"withargs" help:"PBXs that the organisation connected by itself."`
	Connect     pbxConnectCmd     `cmd:"" help:"Connect one: its user and secret are made, and shown this once."`
	Secret      pbxSecretCmd      `cmd:"" help:"Make a second secret, or end one."`
	Certificate pbxCertificateCmd `cmd:"" help:"Pin its client certificate, or end one."`
	Ranges      pbxRangesCmd      `cmd:"" help:"Ask the operator to know it by its addresses too."`
	Withdraw    pbxWithdrawCmd    `cmd:"" help:"Take such a request back."`
	Remove      pbxRemoveCmd      `cmd:"" help:"Disconnect it."`
	Requests    pbxRequestsCmd    `cmd:"" help:"For the operator: requests that are open, with whose they overlap."`
	Decide      pbxDecideCmd      `cmd:"" help:"For the operator: approve or refuse a request."`
	Policy      pbxPolicyCmd      `cmd:"" help:"For the operator: what an organisation may connect by itself."`
}

type pbxListCmd struct{ listFlags }

func (c *pbxListCmd) Run(e *env) error {
	l, err := askSetup[setup.PBXs](e, &c.listFlags, "pbxs", struct{}{})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, l))
	}
	for i := range l.Items {
		printPBX(e.stdout, &l.Items[i])
	}
	if len(l.Items) == 0 {
		fmt.Fprintln(e.stdout, "none is connected: callbox setup pbx connect KEY")
	}
	for _, key := range l.Others {
		fmt.Fprintf(e.stdout, "%s: connected by the operator\n", printable(key)[0])
	}
	for i := range l.Requests {
		printRanges(e.stdout, &l.Requests[i])
	}
	return nil
}

func printPBX(w io.Writer, p *setup.PBXStatus) {
	fmt.Fprintf(w, "%s: user %s, %s, up to %d calls\n", p.Key, p.User, p.Inbound, p.Capacity)
	if p.Proved != nil {
		fmt.Fprintf(w, "  proved itself from %s on %s\n", p.Proved.From, p.Proved.At.Format(time.DateTime))
	} else {
		fmt.Fprintln(w, "  has not proved itself here by its secret: dial 933 from it")
	}
	for _, n := range p.Secrets {
		fmt.Fprintf(w, "  secret %s  %s  %s\n", n.Mark, n.Made.Format(time.DateOnly), printable(n.Note)[0])
	}
	for _, c := range p.Certificates {
		fmt.Fprintf(w, "  certificate %s  %s  until %s\n", c.Hash, printable(c.Subject)[0], c.Until.Format(time.DateOnly))
	}
	if len(p.From)+len(p.DRFrom) > 0 {
		fmt.Fprintf(w, "  from %s, after a disaster %s\n", prefixList(p.From), prefixList(p.DRFrom))
	}
}

func prefixList(all []netip.Prefix) string {
	said := make([]string, 0, len(all))
	for _, p := range all {
		said = append(said, p.String())
	}
	return orDash(strings.Join(said, ", "))
}

func printRanges(w io.Writer, q *setup.RangeRequest) {
	fmt.Fprintf(w, "request %s: %s from %s, after a disaster %s: %s", q.ID, printable(q.PBX)[0], prefixList(q.From), prefixList(q.DRFrom), q.State)
	if q.Decided != nil && q.Decided.Reason != "" {
		fmt.Fprintf(w, " (%s)", printable(q.Decided.Reason)[0])
	}
	fmt.Fprintln(w)
}

type pbxConnectCmd struct {
	listFlags
	Key     string `arg:"" help:"Name of the PBX, as pbx-hq."`
	Inbound string `help:"plain, asterisk, freeswitch, cucm, teams_sbc, webex or genesys." default:"plain"`
	Header  string `help:"Header with the user's id." default:"E911-User-ID"`
	Note    string `help:"What the secret is for."`
}

func (c *pbxConnectCmd) Run(e *env) error {
	m, err := askSetup[setup.PBXMade](e, &c.listFlags, "connect-pbx", setup.PBXWish{Key: c.Key, Inbound: e911.InboundProfile(c.Inbound), IdentityHeader: c.Header, Note: c.Note})
	return cmp.Or(err, printPBXMade(e, c.JSON, err == nil, m))
}

func printPBXMade(e *env, asJSON, made bool, m setup.PBXMade) error {
	switch {
	case !made:
		return nil
	case asJSON:
		return printed(e, true, m)
	}
	fmt.Fprintf(e.stdout, "PBX        %s\nSIP domain %s (and realm)\nuser       %s\nsecret     %s\nmark       %s\nIt is shown this once.\n", m.Key, m.Door.Domain, m.User, m.Secret, m.Note.Mark)
	for _, l := range m.Door.Listeners {
		fmt.Fprintf(e.stdout, "calls to   %s\n", l)
	}
	fmt.Fprintf(e.stdout, "Registration is not needed. Answer the challenge (407), then dial %s from a telephone behind it.\n", m.Door.Test)
	return nil
}

type pbxSecretCmd struct {
	listFlags
	Key  string `arg:"" help:"Name of the PBX."`
	End  string `help:"End the secret with this mark instead."`
	Note string `help:"What the new one is for."`
}

func (c *pbxSecretCmd) Run(e *env) error {
	if c.End != "" {
		return doSetup(e, &c.listFlags, "end-pbx-secret", app.PBXArgs{Key: c.Key, Mark: c.End})
	}
	m, err := askSetup[setup.PBXMade](e, &c.listFlags, "make-pbx-secret", app.PBXArgs{Key: c.Key, Note: c.Note})
	return cmp.Or(err, printPBXMade(e, c.JSON, err == nil, m))
}

type pbxCertificateCmd struct {
	listFlags
	Key         string `arg:"" help:"Name of the PBX."`
	Certificate string `help:"File with the certificate, PEM."`
	Request     string `help:"File with a request by the same key, whose common name is the PBX's user, PEM."`
	End         string `help:"End the certificate with this hash instead."`
}

func (c *pbxCertificateCmd) Run(e *env) error {
	if c.End != "" {
		return doSetup(e, &c.listFlags, "unpin-pbx-certificate", app.PBXArgs{Key: c.Key, Hash: c.End})
	}
	a := app.PBXArgs{Key: c.Key}
	for into, file := range map[*string]string{&a.Certificate: c.Certificate, &a.Request: c.Request} {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read what proves the certificate (--certificate, --request): %w", err)
		}
		*into = string(b)
	}
	n, err := askSetup[setup.CertificateNote](e, &c.listFlags, "pin-pbx-certificate", a)
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, n))
	}
	fmt.Fprintf(e.stdout, "%s counts now, until %s\n", n.Hash, n.Until.Format(time.DateOnly))
	return nil
}

type pbxRangesCmd struct {
	listFlags
	Key    string         `arg:"" help:"Name of the PBX."`
	From   []netip.Prefix `help:"Where it calls from, as 192.0.2.10/32."`
	DRFrom []netip.Prefix `name:"dr-from" help:"Where it calls from after a disaster."`
	Note   string         `help:"For the operator."`
}

func (c *pbxRangesCmd) Run(e *env) error {
	q, err := askSetup[setup.RangeRequest](e, &c.listFlags, "ask-pbx-ranges", app.PBXArgs{Key: c.Key, From: c.From, DRFrom: c.DRFrom, Note: c.Note})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, q))
	}
	printRanges(e.stdout, &q)
	return nil
}

type pbxWithdrawCmd struct {
	listFlags
	ID string `arg:"" help:"Of the request."`
}

func (c *pbxWithdrawCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "withdraw-pbx-ranges", app.PBXArgs{ID: c.ID})
}

type pbxRemoveCmd struct {
	listFlags
	Key   string `arg:"" help:"Name of the PBX."`
	Agree bool   `help:"911 of what still calls by it is refused then, as that of any stranger."`
}

func (c *pbxRemoveCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "remove-pbx", app.PBXArgs{Key: c.Key, Agree: c.Agree})
}

type pbxRequestsCmd struct{ listFlags }

func (c *pbxRequestsCmd) Run(e *env) error {
	all, err := askSetup[[]setup.AskedRange](e, &c.listFlags, "pbx-requests", struct{}{})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, all))
	}
	for i := range all {
		fmt.Fprintf(e.stdout, "%s: ", printable(all[i].Org)[0])
		printRanges(e.stdout, &all[i].RangeRequest)
		for _, o := range all[i].Overlaps {
			if o.Trunk != "" {
				fmt.Fprintf(e.stdout, "  ! %s: the trunk %s of %s sends from there\n", o.Range, printable(o.Trunk)[0], printable(cmp.Or(o.Org, "nobody alone"))[0])
			} else {
				fmt.Fprintf(e.stdout, "  ! %s: %s says that its network is there\n", o.Range, printable(o.Org)[0])
			}
		}
	}
	if len(all) == 0 {
		fmt.Fprintln(e.stdout, "there are none")
	}
	return nil
}

type pbxDecideCmd struct {
	listFlags
	ID      string `arg:"" help:"Of the request."`
	Approve bool   `help:"Know the PBX by these addresses." xor:"do"`
	Refuse  string `help:"Refuse, and why: who asked reads it." xor:"do"`
}

func (c *pbxDecideCmd) Run(e *env) error {
	q, err := askSetup[setup.RangeRequest](e, &c.listFlags, "decide-pbx-ranges", app.PBXArgs{ID: c.ID, Approve: c.Approve, Note: c.Refuse})
	if err != nil || c.JSON {
		return cmp.Or(err, printed(e, c.JSON && err == nil, q))
	}
	printRanges(e.stdout, &q)
	return nil
}

type pbxPolicyCmd struct {
	listFlags
	Off      bool `help:"It connects nothing by itself."`
	Most     int  `help:"PBXs that it connects; 0: 10."`
	Capacity int  `help:"Calls to one at a time; 0: 100."`
}

func (c *pbxPolicyCmd) Run(e *env) error {
	return doSetup(e, &c.listFlags, "pbx-policy", setup.PBXPolicy{Off: c.Off, Most: c.Most, Capacity: c.Capacity})
}
