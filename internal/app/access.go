package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/admin/member"
	"github.com/callbox911/callbox/internal/admin/signon"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/web"
	"github.com/callbox911/callbox/internal/web/api"
)

// accessParts are who may do what, and how people sign in. No call asks them.
type accessParts struct {
	members  *member.Desk
	signon   *signon.Desk
	accounts *member.Accounts
	mail     *email.Channel // nil: no mail is sent
	letters  chan letter

	providers providerParts
}

// letter is a mail with a link.
type letter struct{ to, subject, text string }

// maxLetters is how many wait for the mail server; one more is refused: the link can
// be sent again.
const maxLetters = 100

// letterTimeout bounds one mail.
const letterTimeout = time.Minute

// wireAccess makes the desks. They ask for the database each time: the server takes
// calls before that is open, and after it is gone.
func (s *Server) wireAccess() error {
	err := s.wireProviders()
	if err != nil {
		return err
	}
	s.access.members, err = member.New(member.Config{Now: s.cfg.Now, Stays: s.access.providers.desk.Stays, Mails: s.cfg.Mail.Server != "", Store: func() member.Store {
		if st := s.store.get(); st != nil {
			return st
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("wire members: %w", err)
	}
	s.access.signon, err = signon.New(signon.Config{Now: s.cfg.Now, Log: s.cfg.Log, Issuer: "Callbox", Gate: s.access.providers.desk, Passkeys: s.passkeys(), Ring: s.ring, Mail: s.post, Store: func() signon.Store {
		if st := s.store.get(); st != nil {
			return st
		}
		return nil
	}})
	if err != nil {
		return fmt.Errorf("wire sign-on: %w", err)
	}
	if s.access.accounts, err = accountsOf(s.access.members, s.editor, s.post); err != nil {
		return fmt.Errorf("wire accounts: %w", err)
	}
	s.access.letters = make(chan letter, maxLetters)
	if m := s.cfg.Mail; m.Server != "" {
		s.access.mail, err = email.New(email.Config{Server: m.Server, TLS: m.TLS, User: m.User, Password: e911.Secret(m.Password), From: m.From, Now: s.cfg.Now})
	}
	return err
}

// people is what the pages of sign-in need.
func (s *Server) people() *web.People {
	return &web.People{SignOn: s.access.signon, Federation: s.access.providers.desk, SAML: s.access.providers.saml, Members: s.access.members, Accounts: s.access.accounts, Sites: s.sitesOf, Keys: s.api.keys, Mail: s.post}
}

// post hands a mail over to runAccess; the one who asks does not wait, and cannot
// tell by the time whether there was one.
func (s *Server) post(to, subject, text string) bool {
	if s.access.mail == nil {
		return false
	}
	select {
	case s.access.letters <- letter{to, subject, text}:
		return true
	default:
		s.cfg.Log.Warn("a mail with a link was not sent: too many wait for the mail server")
		return false
	}
}

// runAccess sends mails with links and writes when sessions were last seen, until
// ctx ends.
func (s *Server) runAccess(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	kept := make(chan struct{})
	go func() { defer close(kept); s.access.signon.Keep(ctx, tick.C) }()
	defer func() { <-kept }()
	if s.access.mail != nil {
		defer s.access.mail.Close()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-s.access.letters:
			one, cancel := context.WithTimeout(ctx, letterTimeout)
			if err := s.access.mail.Send(one, l.to, l.subject, l.text); err != nil {
				s.cfg.Log.Warn("a mail with a link could not be sent; the link can be asked for again", obs.Err(err))
			}
			cancel()
		}
	}
}

// personOf tells the API who is signed in with his address.
func (s *Server) personOf(r *http.Request) (api.Person, bool, error) {
	in, ok, err := s.web.Person(r)
	return api.Person{Identity: in.Identity, Session: in.ID, Scope: in.Scope()}, ok, err
}

// inviteBy makes the link of an invitation for the API.
func (s *Server) inviteBy(_ context.Context, g member.Given) (string, bool) { return s.web.Invite(g) }
