package app

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/web"
)

// drillPatience bounds the sending of one test.
const drillPatience = 20 * time.Second

// sendDrill hands a test of who is told to one address.
func (s *Server) sendDrill(ctx context.Context, to setup.TestNotice) error {
	ctx, cancel := context.WithTimeout(ctx, drillPatience)
	defer cancel()
	link, err := web.TestLink(s.ring, s.cfg.BaseURL, to)
	if err != nil {
		return err
	}
	n := notify.Notice{
		ID: e911.NewID[e911.NoticeID](), Channel: notify.Webhook, To: to.Webhook, Org: to.Org, At: to.At,
		Due: journal.Due{
			Reason: "attended_test", Class: e911.ClassTest933, Site: to.Site.ID, SiteName: to.Site.Name, Zone: to.Site.Zone, OrgName: to.OrgName, ArrivedAt: to.At,
			Drill: &journal.Drill{Destination: to.Destination, Name: to.Name, Code: to.Code, OrgKey: to.OrgKey, Link: link},
		},
	}
	if to.Mail != "" {
		n.Channel, n.To = notify.Mail, to.Mail
	}
	return s.notify.Drill(ctx, n)
}

// lateTests are the tests of who is told, once the database is open.
type lateTests struct{ s *Server }

// Waiting implements web.Tests.
func (t lateTests) Waiting(ctx context.Context, org e911.OrgID) ([]setup.WaitingTest, error) {
	svc, err := t.s.setupDesk()
	if err != nil {
		return nil, err
	}
	return svc.Waiting(ctx, org)
}

// SawTest implements web.Tests.
func (t lateTests) SawTest(ctx context.Context, who admin.Actor, org e911.OrgID, key string, seen setup.Seen) error {
	svc, err := t.s.setupDesk()
	if err != nil {
		return err
	}
	return svc.SawTest(ctx, who, org, key, seen)
}
