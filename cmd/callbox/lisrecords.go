package main

import (
	"fmt"
	"net/netip"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/lis"
)

// lisCmd prints what an administrator puts into DNS and DHCP (RFC 5986, RFC
// 7216). It asks nobody: it can be run before there is a server.
type lisCmd struct {
	Domain  string   `required:"" help:"Access network domain name, such as example.com."`
	BaseURL string   `required:"" help:"How devices reach the location server (--held-url of callbox serve): https://lis.example.com."`
	Range   []string `help:"Public address range of the network, for devices behind a NAT; may be repeated."`
}

func (c *lisCmd) Run(e *env) error {
	records, err := lis.NewRecords(c.Domain, c.BaseURL)
	if err != nil {
		return &e911.Error{Kind: e911.Invalid, Msg: err.Error()}
	}
	var ranges []netip.Prefix
	for _, s := range c.Range {
		p, err := prefix(s)
		if err != nil {
			return &e911.Error{Kind: e911.Invalid, Msg: "range: " + err.Error()}
		}
		ranges = append(ranges, p)
	}
	fmt.Fprint(e.stdout, records.Text(ranges...))
	return nil
}
