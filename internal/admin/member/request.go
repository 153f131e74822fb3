package member

import (
	"context"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// maxRequests bounds the requests that wait: beyond, somebody plays with the form.
const maxRequests = 500

// maxMessage bounds what somebody writes with a request, in bytes.
const maxMessage = 2000

// Request asks for an account. A partner that is not there is said at once. Who asks
// again for the same organisation while the first request waits is given that one.
func (a *Accounts) Request(ctx context.Context, w AccountWish) (AccountRequest, error) {
	email, faults := readEmail(w.Email)
	w.Organisation, w.Name, w.Partner = strings.TrimSpace(w.Organisation), strings.TrimSpace(w.Name), strings.TrimSpace(w.Partner)
	control := func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) }
	if w.Organisation == "" || len(w.Organisation) > maxName || control(w.Organisation) {
		faults = append(faults, e911.Fault{Path: "organisation", Code: "syntax", Msg: "the name of the organisation has 1 to 200 characters on one line", Fix: "write it as people know it"})
	}
	if len(w.Name) > maxName || control(w.Name) {
		faults = append(faults, e911.Fault{Path: "name", Code: "syntax", Msg: "a name has up to 200 characters on one line"})
	}
	if len(w.Message) > maxMessage || strings.ContainsRune(w.Message, 0) {
		faults = append(faults, e911.Fault{Path: "message", Code: "too_long", Msg: "a message has up to 2000 bytes", Fix: "write less; we will ask"})
	}
	r := AccountRequest{
		ID: e911.NewID[string](), Organisation: w.Organisation, Email: email, Name: w.Name, Message: w.Message,
		State: AccountRequested, Asked: a.d.now(), Changed: a.d.now(),
	}
	fresh := false
	var tell []string
	err := a.d.write(ctx, "request", func(tx Tx) error {
		p, err := partnerOf(ctx, tx, w.Partner)
		if e911.KindOf(err) == e911.NotFound {
			faults = append(faults, e911.Fault{Path: "partner", Code: "unknown", Msg: "there is no partner with this id", Fix: "ask your partner for its id, or leave it empty"})
		} else if err != nil {
			return err
		}
		if len(faults) > 0 {
			return &e911.Error{Kind: e911.Invalid, Msg: "the request is refused", Faults: faults}
		}
		r.Partner = p.ID
		all, err := tx.AccountRequests(ctx)
		if err != nil {
			return err
		}
		waiting := slices.DeleteFunc(all, AccountRequest.Over)
		same := func(o AccountRequest) bool {
			return FoldEmail(o.Email) == FoldEmail(email) && strings.EqualFold(o.Organisation, r.Organisation) && o.Partner == r.Partner
		}
		if i := slices.IndexFunc(waiting, same); i >= 0 {
			r = waiting[i]
			return nil
		}
		if len(waiting) >= maxRequests {
			return e911.Errorf(e911.Unavailable, "too many requests wait for an answer; try again later")
		}
		if tell, err = a.looksAfter(ctx, tx, r.Partner); err != nil {
			return err
		}
		fresh = true
		return a.put(ctx, tx, "requested", r)
	})
	if err != nil || !fresh {
		return r, err
	}
	a.mail(r, "We have your request for an account", "Your request for an account of "+r.Organisation+" has arrived. It is answered by "+r.Due().Format("2 January 2006")+".")
	for _, to := range tell {
		a.cfg.Mail(to, "Somebody asks for an account", "An account was asked for, for "+r.Organisation+". Look at it under Partners and organisations, and answer it by "+r.Due().Format("2 January 2006")+".\n")
	}
	return r, nil
}

// looksAfter are the addresses of the administrators of a partner, or the provider.
func (a *Accounts) looksAfter(ctx context.Context, tx Tx, partner string) ([]string, error) {
	grants, err := tx.GrantsAt(ctx, access.Node{Partner: partner})
	var out []string
	for _, g := range grants {
		if err != nil || g.Role == access.Auditor || !g.Holds(a.d.now()) {
			continue
		}
		var i Identity
		if i, err = tx.Identity(ctx, g.Identity); i.Disabled.IsZero() {
			out = append(out, i.Email)
		}
	}
	return out, err
}

func (a *Accounts) put(ctx context.Context, tx Tx, verb admin.Verb, r AccountRequest) error {
	if err := tx.PutAccountRequest(ctx, r); err != nil {
		return err
	}
	return tx.Note(ctx, admin.AuditNote{Verb: verb, Kind: kindAccountRequest, ID: r.ID, Key: r.Organisation, Detail: map[string]any{
		"state": r.State, "reason": r.Reason, "partner": r.Partner, "org": r.Org,
	}})
}

func (a *Accounts) mail(r AccountRequest, subject, text string) {
	hello := "Hello,"
	if r.Name != "" {
		hello = "Hello " + r.Name + ","
	}
	a.cfg.Mail(r.Email, subject, hello+"\n\n"+text+"\n")
}

// Requests lists those that an identity may answer, the newest first.
func (a *Accounts) Requests(ctx context.Context, by string) ([]AccountRequest, error) {
	var out []AccountRequest
	err := a.d.read(ctx, func(tx Tx) error {
		own, err := ownOf(ctx, tx, by)
		if err != nil {
			return err
		}
		all, err := tx.AccountRequests(ctx)
		for _, r := range all {
			q := access.Question{Identity: by, Grants: own, At: access.Node{Partner: r.Partner}, Area: access.Tenants, Verb: access.Read, Now: a.d.now()}
			if access.May(q).Allowed {
				out = append(out, r)
			}
		}
		return err
	})
	return out, err
}

// Take says that somebody works on a request.
func (a *Accounts) Take(ctx context.Context, by, id string) (AccountRequest, error) {
	r, err := a.step(ctx, by, id, func(r *AccountRequest) error {
		if r.State != AccountRequested {
			return e911.Errorf(e911.Conflict, "this request is %s", r.State)
		}
		r.State = AccountProcessing
		return nil
	})
	if err == nil {
		a.mail(r, "Your request for an account is looked at", "Somebody works on your request for an account of "+r.Organisation+".")
	}
	return r, err
}

// Refuse says that a request is invalid, and why.
func (a *Accounts) Refuse(ctx context.Context, by, id, reason string) (AccountRequest, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || len(reason) > maxMessage {
		return AccountRequest{}, refused([]e911.Fault{{Path: "reason", Code: "missing", Msg: "the one who asked is told why", Fix: "say in a line what is wrong"}})
	}
	r, err := a.step(ctx, by, id, func(r *AccountRequest) error {
		r.State, r.Reason = AccountInvalid, reason
		return nil
	})
	if err == nil {
		a.mail(r, "Your request for an account", "No account was made for "+r.Organisation+": "+reason+"\n\nYou may ask again.")
	}
	return r, err
}

// Finish makes the organisation that was asked for, with that key, and invites who
// asked for it as its first administrator.
func (a *Accounts) Finish(ctx context.Context, by, id, key string) (AccountRequest, Account, error) {
	var r AccountRequest
	if err := a.d.read(ctx, func(tx Tx) (err error) {
		r, err = a.open(ctx, tx, by, id)
		return err
	}); err != nil {
		return r, Account{}, err
	}
	w := NewOrg{Partner: r.Partner, Key: key, Name: r.Organisation, Email: r.Email, Person: r.Name}
	made, err := a.create(ctx, by, w, func(tx Tx, org e911.OrgID) (err error) {
		if r, err = a.open(ctx, tx, by, id); err != nil { // somebody else may have answered it meanwhile
			return err
		}
		r.State, r.Org, r.Changed, r.ChangedBy = AccountDone, org, a.d.now(), admin.Actor(by)
		return a.put(ctx, tx, verbAnswered, r)
	})
	if err == nil {
		a.mail(r, "Your account is ready", "The account of "+r.Organisation+" is ready. The link by which you choose a password comes in another mail; who can sign in already does so as ever.")
	}
	return r, made, err
}

const verbAnswered admin.Verb = "answered"

// open finds a request that waits for an answer of this identity.
func (a *Accounts) open(ctx context.Context, tx Tx, by, id string) (AccountRequest, error) {
	none := e911.Errorf(e911.NotFound, "there is no such request")
	r, err := tx.AccountRequest(ctx, id)
	if e911.KindOf(err) == e911.NotFound {
		return r, none
	}
	if err != nil {
		return r, err
	}
	if err := a.d.must(ctx, tx, by, access.Question{At: access.Node{Partner: r.Partner}, Area: access.Tenants, Verb: access.Write}); err != nil {
		if e911.KindOf(err) == e911.Denied {
			return r, none
		}
		return r, err
	}
	if r.Over() {
		return r, e911.Errorf(e911.Conflict, "this request is %s", r.State)
	}
	return r, nil
}

func (a *Accounts) step(ctx context.Context, by, id string, do func(r *AccountRequest) error) (AccountRequest, error) {
	var r AccountRequest
	err := a.d.write(ctx, admin.Actor(by), func(tx Tx) (err error) {
		if r, err = a.open(ctx, tx, by, id); err != nil {
			return err
		}
		if err := do(&r); err != nil {
			return err
		}
		r.Changed, r.ChangedBy = a.d.now(), admin.Actor(by)
		return a.put(ctx, tx, verbAnswered, r)
	})
	return r, err
}
