package oauth_test

import (
	"context"
	"net/netip"

	"github.com/callbox911/callbox/internal/admin/apikey"
)

// noKeys knows no key.
type noKeys struct{}

func (noKeys) Authenticate(context.Context, string, string, netip.Addr) (apikey.Key, error) {
	return apikey.Key{}, apikey.ErrWrong
}

func (noKeys) Issue(context.Context, string, string, []apikey.Scope, netip.Addr) (apikey.Token, error) {
	return apikey.Token{}, apikey.ErrWrong
}

func (noKeys) EndToken(context.Context, apikey.Key, string) error { return apikey.ErrWrong }

func (noKeys) AuthenticateAsserted(context.Context, apikey.Asserted, netip.Addr) (apikey.Key, error) {
	return apikey.Key{}, nil
}

func (noKeys) IssueAsserted(context.Context, apikey.Asserted, []apikey.Scope, netip.Addr) (apikey.Token, error) {
	return apikey.Token{}, nil
}
