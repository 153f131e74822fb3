package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/live/lostc"
)

// lostFlags are the flags of the LoST server and client, which answer at the
// address of the location server.
type lostFlags struct {
	LostName     string   `name:"lost-name" help:"Our name among LoST servers, such as lost.example.org; lost. and the domain when empty." env:"CALLBOX_LOST_NAME"`
	LostURI      string   `name:"lost-uri" help:"SIP address that calls for our mappings go to; 911 at the domain when empty." env:"CALLBOX_LOST_URI"`
	LostTrusted  []string `name:"lost-trusted" help:"Address or range whose LoST queries are answered, beside known platforms; may be repeated. This machine alone when empty." env:"CALLBOX_LOST_TRUSTED"`
	LostUpstream []string `name:"lost-upstream" help:"LoST server of an authority, NAME=URL, such as ecrf.example.org=https://ecrf.example.org/lost; may be repeated, asked in order." env:"CALLBOX_LOST_UPSTREAM"`
	LostPushFrom []string `name:"lost-push-from" help:"Address or range that may push mappings (RFC 6739); may be repeated." env:"CALLBOX_LOST_PUSH_FROM"`
	LostPull     []string `name:"lost-pull" help:"Name of an upstream that is asked for all its mappings at the start and every hour, too (RFC 6739); may be repeated." env:"CALLBOX_LOST_PULL"`
	LostPushTo   []string `name:"lost-push-to" help:"LoST server that gets our mappings when they change (RFC 6739), NAME=URL; may be repeated." env:"CALLBOX_LOST_PUSH_TO"`
	LostURIs     bool     `name:"lost-boundary-uris" help:"Answer with the addresses for calls that the boundaries of layers have, as inside an ESInet, instead of ours." env:"CALLBOX_LOST_BOUNDARY_URIS"`
	LostDefault  bool     `name:"lost-default" help:"Answer with the relay centre, and a warning, where no boundary holds the location." env:"CALLBOX_LOST_DEFAULT"`
}

func (c *lostFlags) lost() (app.LoSTConfig, error) {
	out := app.LoSTConfig{Name: c.LostName, URI: c.LostURI, DefaultMapping: c.LostDefault, BoundaryURIs: c.LostURIs}
	var errs []error
	ranges := func(flag string, list []string) (all []netip.Prefix) {
		for _, s := range list {
			p, err := prefix(s)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", flag, err))
			}
			all = append(all, p)
		}
		return all
	}
	out.Trusted, out.PushFrom = ranges("lost-trusted", c.LostTrusted), ranges("lost-push-from", c.LostPushFrom)
	servers := func(flag string, list []string) (all []lostc.Upstream) {
		for _, s := range list {
			name, url, ok := strings.Cut(s, "=")
			if !ok {
				errs = append(errs, fmt.Errorf("%s: %q: write NAME=URL", flag, s))
			}
			all = append(all, lostc.Upstream{Name: name, URL: url})
		}
		return all
	}
	out.Upstreams, out.PushTo = servers("lost-upstream", c.LostUpstream), servers("lost-push-to", c.LostPushTo)
	for _, name := range c.LostPull {
		i := slices.IndexFunc(out.Upstreams, func(u lostc.Upstream) bool { return strings.EqualFold(u.Name, name) })
		if i < 0 {
			errs = append(errs, fmt.Errorf("lost-pull: %q is no upstream", name))
			continue
		}
		out.Upstreams[i].Pull = true
	}
	return out, errors.Join(errs...)
}
