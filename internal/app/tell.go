package app

import (
	"fmt"
	"path/filepath"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/webhook"
)

// tellers makes what tells people: the outbox and its channels.
func (s *Server) tellers() (*notify.Service, error) {
	channels := []notify.Channel{webhook.New(webhook.Config{Now: s.cfg.Now})}
	if m := s.cfg.Mail; m.Server == "" {
		s.cfg.Log.Warn("no mail server is configured (--smtp): alert rules that ask for mail will raise alarms")
	} else {
		mail, err := email.New(email.Config{Server: m.Server, TLS: m.TLS, User: m.User, Password: e911.Secret(m.Password), From: m.From, Now: s.cfg.Now})
		if err != nil {
			return nil, err
		}
		channels = append(channels, mail)
	}
	service, err := notify.New(notify.Config{
		Dir: filepath.Join(s.cfg.DataDir, "outbox"), Feed: s.journal, Recorder: s.journal, Overdue: s.journal,
		Rules: notify.FromSnapshot(s.holder), Channels: channels, BaseURL: s.cfg.BaseURL, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("wire notices: %w", err)
	}
	return service, nil
}
