package foreign

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/foreign/intake"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// adapter fits what was read to what is stored: a person whose e-mail address is
// known is the same person, whatever his key, and the site of the options is for
// what is new: it moves nothing that stands at another site.
type adapter struct {
	view  admin.View
	org   e911.OrgID
	users map[string]string // keys that are stored by those that were made of addresses
}

func (a *adapter) table(ctx context.Context, p *intake.Placed) (sheet.Table, error) {
	t := p.Table
	key := slices.Index(t.Header, "key")
	if p.Kind == sheet.Numbers {
		key = slices.Index(t.Header, "number")
	}
	site, mail, user := slices.Index(t.Header, "site"), slices.Index(t.Header, "email"), slices.Index(t.Header, "user")
	if key < 0 || site < 0 && user < 0 {
		return t, nil
	}
	stored, mails, err := a.stored(ctx, p.Kind)
	if err != nil {
		return t, err
	}
	t.Rows = make([][]string, len(p.Table.Rows))
	for i, row := range p.Table.Rows {
		row = slices.Clone(row)
		if p.Kind == sheet.Users && mail >= 0 && !stored[row[key]] {
			if k := mails[strings.ToLower(row[mail])]; k != "" {
				a.users[row[key]], row[key] = k, k
			}
		}
		if user >= 0 {
			if k, ok := a.users[row[user]]; ok {
				row[user] = k
			}
		}
		if site >= 0 && p.Origin(i, site).Col == 0 && stored[row[key]] {
			row[site] = ""
		}
		t.Rows[i] = row
	}
	return t, nil
}

// stored lists the keys of a kind, and of users their addresses, of which each is
// one user's alone.
func (a *adapter) stored(ctx context.Context, kind sheet.Kind) (keys map[string]bool, mails map[string]string, err error) {
	keys, mails = map[string]bool{}, map[string]string{}
	q := admin.Query{Kind: kind.Object(), Org: a.org}
	for {
		page, err := a.view.List(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("read what is stored: %w", err)
		}
		for _, o := range page {
			k := admin.KeyOf(o.Value)
			keys[k] = true
			u, ok := o.Value.(e911.User)
			if !ok || u.Email == "" {
				continue
			}
			m := strings.ToLower(u.Email)
			if _, twice := mails[m]; twice {
				k = ""
			}
			mails[m] = k
		}
		if len(page) < admin.MaxPage {
			return keys, mails, nil
		}
		q.After = page[len(page)-1].Ref.ID
	}
}
