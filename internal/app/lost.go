package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lostc"
	"github.com/callbox911/callbox/internal/live/lostd"
)

// LoSTConfig is what the LoST server and client need. The zero value serves our
// own layer to this machine and to known platforms, and asks nobody.
type LoSTConfig struct {
	Name           string // application unique string; none: "lost." and the domain
	URI            string // where calls go; none: 911 at the domain, or at our first listener
	Trusted        []netip.Prefix
	PushFrom       []netip.Prefix
	Upstreams      []lostc.Upstream // authorities, in order
	PushTo         []lostc.Upstream // servers that get our mappings (RFC 6739)
	DefaultMapping bool
	BoundaryURIs   bool // calls go where the boundaries of layers say, not to us
}

// warmEvery is how often the mappings of our places are looked after, pushEvery
// how often it is looked whether ours changed.
const (
	warmEvery = time.Minute
	pushEvery = 10 * time.Second
)

// lostParts are the LoST server and the client behind it.
type lostParts struct {
	server *lostd.Server
	client *lostc.Client // nil without an upstream
	pusher *lostc.Pusher // nil without a peer
}

func (s *Server) wireLoST() error {
	c := s.cfg.LoST
	if c.Name == "" {
		if c.Name = "lost." + s.cfg.Domain; !lostd.ValidName(c.Name) {
			c.Name = "lost.callbox.invalid"
		}
	}
	if c.URI == "" {
		c.URI = "sip:911@" + s.cfg.Domain
		if s.cfg.Domain == Default().Domain { // a name that leads nowhere
			c.URI = "sip:911@" + s.cfg.SIP[0].Addr.String()
		}
	}
	server := lostd.Config{
		Snapshot: s.holder, Name: c.Name, URI: c.URI, Known: s.knownAddr, PushFrom: c.PushFrom, TrustedProxies: s.cfg.TrustedProxies,
		DefaultMapping: c.DefaultMapping, BoundaryURIs: c.BoundaryURIs, Postal: s.postal, Now: s.cfg.Now, Log: s.cfg.Log,
	}
	if len(c.Trusted) > 0 {
		server.Trusted = c.Trusted
	}
	if len(c.PushFrom) > 0 && len(c.Upstreams) == 0 {
		return errors.New("wire the LoST server: mappings that are pushed need an upstream beside them")
	}
	var err error
	if len(c.Upstreams) > 0 {
		if s.lost.client, err = lostc.New(lostc.Config{
			Upstreams: c.Upstreams, Source: c.Name, File: filepath.Join(s.cfg.DataDir, "lost-mappings.xml"),
			Alarm: func(a journal.Alarm) { s.alarm("", a) }, Now: s.cfg.Now, Log: s.cfg.Log,
		}); err != nil {
			return err
		}
		server.Upstream, server.Receiver = s.lost.client, s.lost.client
	}
	if s.lost.server, err = lostd.New(server); err != nil {
		return fmt.Errorf("wire the LoST server: %w", err)
	}
	if len(c.PushTo) == 0 {
		return nil
	}
	s.lost.pusher, err = lostc.NewPusher(lostc.PusherConfig{
		Peers: c.PushTo, Source: c.Name, Mappings: s.lost.server.Mappings, File: filepath.Join(s.cfg.DataDir, "lost-pushed.json"),
		Alarm: func(a journal.Alarm) { s.alarm("", a) }, Now: s.cfg.Now, Log: s.cfg.Log,
	})
	return err
}

// runLoST keeps the authority's mappings of all our places warm.
func (s *Server) runLoST(ctx context.Context) error {
	if s.lost.client == nil {
		<-ctx.Done()
		return nil
	}
	return s.lost.client.Run(ctx, warmEvery, s.places)
}

// runLoSTPush sends our mappings on when they change.
func (s *Server) runLoSTPush(ctx context.Context) error {
	if s.lost.pusher == nil {
		<-ctx.Done()
		return nil
	}
	return s.lost.pusher.Run(ctx, pushEvery)
}

// places are the locations of all organisations.
func (s *Server) places() iter.Seq[e911.Place] {
	world := s.holder.Load()
	return func(yield func(e911.Place) bool) {
		for o := range world.Orgs() {
			for l := range o.Locations() {
				if p, ok := o.Place(l.ID); ok && !yield(p) {
					return
				}
			}
		}
	}
}
