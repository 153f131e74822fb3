package app

import (
	"context"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/notify"
)

// drillPatience bounds the sending of one test.
const drillPatience = 20 * time.Second

// sendDrill hands a test of who is told to one address.
func (s *Server) sendDrill(ctx context.Context, to setup.TestNotice) error {
	ctx, cancel := context.WithTimeout(ctx, drillPatience)
	defer cancel()
	n := notify.Notice{
		ID: e911.NewID[e911.NoticeID](), Channel: notify.Webhook, To: to.Webhook, Org: to.Org, At: to.At,
		Due: journal.Due{
			Reason: "attended_test", Class: e911.ClassTest933, Site: to.Site.ID, SiteName: to.Site.Name, Zone: to.Site.Zone, OrgName: to.OrgName, ArrivedAt: to.At,
			Drill: &journal.Drill{Destination: to.Destination, Name: to.Name, Code: to.Code, OrgKey: to.OrgKey},
		},
	}
	if to.Mail != "" {
		n.Channel, n.To = notify.Mail, to.Mail
	}
	return s.notify.Drill(ctx, n)
}
