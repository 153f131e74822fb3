package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync/atomic"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/publish"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/certs"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/explain"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/journal/disk"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/live/callback"
	"github.com/callbox911/callbox/internal/live/dereference"
	"github.com/callbox911/callbox/internal/live/emergency"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/live/media"
	"github.com/callbox911/callbox/internal/live/peer"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/resolve"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/live/testcall"
	"github.com/callbox911/callbox/internal/live/trial"
	"github.com/callbox911/callbox/internal/live/trunk"
	"github.com/callbox911/callbox/internal/live/voice"
	"github.com/callbox911/callbox/internal/notify"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/run"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/web"
)

// Server is one node of Callbox, wired and bound. Make it with New, then Run
// it once.
type Server struct {
	cfg     Config
	ring    *seal.Ring
	holder  *snapshot.Holder
	journal *disk.Journal
	before  uint64 // the last fact of the process before this one
	lis     *lis.Server
	plus    *heldplus.Server
	phones  *registrar.Registrar
	edge    *sipedge.Edge
	calls   *emergency.Handler
	backs   *callback.Service
	speaker *voice.Speaker
	publish *publish.Publisher
	board   *report.Board
	web     *web.Handler
	store   lateStore
	notify  *notify.Service
	explain *explain.Engine
	api     apiParts
	access  accessParts

	trials *trial.Service
	homes  homes
	lints  setup.Lints // of dial plans, as of the last publish
	// replaced has room for one word that a world was published; told is what trunks told.
	replaced chan struct{}
	told     chan setup.TrunkState
	// foreign asks other location servers.
	foreign *dereference.Client
	ports   *media.Ports // of the sound of 933 and of tests

	lost   lostParts
	postal civic.Postal  // nil: none is built in
	certs  *certs.Holder // of the location server; nil without TLS

	sipCerts *certs.Holder // nil without TLS
	stir     stirParts
	names    *resolve.Resolver
	trunks   *trunk.Keeper
	door     *trunk.Door

	peers *peer.Mesh // nil: this node is alone

	heldL, webL, peerL net.Listener

	files   descriptors
	unlock  func()
	stopped atomic.Bool
	tight   atomic.Bool // memory is short
}

// New checks cfg, takes the data directory and binds every socket. The world
// of the snapshot file is published before it returns; nothing is served yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	unlock, err := lock(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, holder: &snapshot.Holder{}, unlock: unlock, postal: postalCodes(cfg.Log), replaced: make(chan struct{}, 1), told: make(chan setup.TrunkState, heldStates)}
	for _, step := range []func() error{s.openWorld, s.openJournal, s.bindHTTP, s.openSIPCerts, s.openSTIR, s.openPeers, s.wireTrunks, s.wireLive, s.wireLoST, s.wireExplain, s.wireTrials, s.wireAccess, s.wireAPI, s.wireEdges} {
		if err := step(); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// close gives back what New took.
func (s *Server) close() {
	for _, l := range []net.Listener{s.heldL, s.webL, s.peerL} {
		if l != nil {
			l.Close()
		}
	}
	s.unlock()
}

// openWorld reads the master key and publishes the world of the snapshot file.
func (s *Server) openWorld() error {
	var err error
	if s.ring, err = seal.LoadMaster(filepath.Join(s.cfg.DataDir, "master.key")); err != nil {
		return err
	}
	dir := filepath.Join(s.cfg.DataDir, "snapshot")
	s.publish, err = publish.New(publish.Config{
		Holder: s.holder, File: snapshot.OpenFile(dir, s.ring), Dir: dir, Now: s.cfg.Now, Log: s.cfg.Log,
		Alarm: func(a journal.Alarm) { s.alarm("", a) }, Replaced: s.worldReplaced,
	})
	if err != nil {
		return fmt.Errorf("wire publish: %w", err)
	}
	return nil
}

func (s *Server) openJournal() error {
	var err error
	s.journal, err = disk.Open(disk.Config{
		Dir: filepath.Join(s.cfg.DataDir, "journal"), Node: s.cfg.Node, Now: s.cfg.Now, Log: s.cfg.Log,
		Alarm: func(a disk.Alarm) {
			s.cfg.Log.Error("journal", obs.KeyCode, a.Code, "detail", a.Detail, obs.Err(a.Err))
			s.alarm("", journal.Alarm{Code: string(a.Code), Detail: a.Detail})
		},
	})
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	s.before = s.journal.Stat().Synced
	s.publish.Restore()
	return nil
}

// alarm records an alarm of an organisation, or of the node.
func (s *Server) alarm(org e911.OrgID, a journal.Alarm) {
	s.cfg.Log.Warn("alarm", obs.KeyCode, a.Code, obs.KeyOrg, org, obs.KeySrc, a.Source, "count", a.Count)
	if s.journal != nil {
		s.journal.Record(journal.New(journal.AlarmRaised, s.cfg.Now(), org, "", a))
	}
}

func (s *Server) bindHTTP() error {
	s.files = openDescriptors(s.cfg.Log)
	var err error
	if err = s.bindHELD(); err != nil {
		return err
	}
	if s.webL, err = net.Listen("tcp", s.cfg.Web); err != nil {
		return fmt.Errorf("listen for the pages: %w", err)
	}
	s.webL = s.bounded(s.webL, s.files.Web)
	if s.cfg.BaseURL == "" {
		s.cfg.BaseURL = ownBase(s.webL.Addr().(*net.TCPAddr).AddrPort())
	}
	return nil
}

// wireLive makes the call path.
func (s *Server) wireLive() error {
	var err error
	if s.lis, err = lis.New(lis.Config{
		Snapshot: s.holder, Journal: s.journal, BaseURL: s.cfg.HELDURL, Provider: s.cfg.Provider.info(s.cfg.Domain),
		TrustedProxies: s.cfg.TrustedProxies, ClientRoots: s.clientRoots, Own: s.own, Registered: s.registeredPlace, Moved: s.moved, Now: s.cfg.Now, Log: s.cfg.Log,
	}); err != nil {
		return fmt.Errorf("wire the location server: %w", err)
	}
	if s.plus, err = heldplus.New(heldplus.Config{Snapshot: s.holder, Journal: s.journal, LIS: s.lis, Postal: s.postal, Now: s.cfg.Now, Log: s.cfg.Log}); err != nil {
		return fmt.Errorf("wire HELD+: %w", err)
	}
	ports, err := media.New(media.Config{Addr: s.cfg.RTP, MinPort: s.cfg.RTPPorts[0], MaxPort: s.cfg.RTPPorts[1], Log: s.cfg.Log})
	if err != nil {
		return err
	}
	s.ports = ports // of the trials
	if s.speaker, err = voice.New(voice.Config{Worker: s.cfg.Worker, Fixed: testcall.Sentences(), Log: s.cfg.Log}); err != nil {
		return err
	}
	tests, err := testcall.New(testcall.Config{Voice: s.speaker, Media: ports, Now: s.cfg.Now, Log: s.cfg.Log})
	if err != nil {
		return err
	}
	s.phones, err = registrar.New(registrar.Config{
		Snapshot: s.holder, Journal: s.journal, Alarm: s.alarm, Now: s.cfg.Now, Log: s.cfg.Log,
		UDPFlow: func(local, remote netip.AddrPort) (sipedge.Flow, bool) { return s.edge.FlowTo(local, remote) },
	})
	if err != nil {
		return fmt.Errorf("wire the registrar: %w", err)
	}
	if err = s.wireCallbacks(); err != nil {
		return err
	}
	if err = s.wireForeign(); err != nil {
		return err
	}
	s.calls, err = emergency.New(emergency.Config{
		Foreign: s.foreign, ReferenceWait: s.cfg.ReferenceWait,
		Callbacks: s.backs, Ordinary: s.backs.Serve,
		Snapshot: s.holder, Journal: s.journal, Locator: s.lis, References: s.lis, People: s.plus, Phones: s.phones, Authority: lostAuthority{s}, TestCall: tests, Trunks: s.trunks, Domain: s.cfg.Domain,
		Passports: s.stir.passports(), Signs: s.stir.signs(),
		Provider: emergency.Provider{Name: s.cfg.Provider.Name, CompanyID: s.cfg.Provider.CompanyID, Contact: s.cfg.Provider.Contact},
		Dial:     func(ctx context.Context, in sipedge.Invite) emergency.Callee { return s.edge.Dial(ctx, in) },
		Restore:  s.restoreLeg, Reopen: s.reopenLeg, Redial: s.redialLeg,
		Now: s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return err
	}
	if err = s.wireDoor(); err != nil {
		return err
	}
	s.edge, err = sipedge.New(sipedge.Config{
		Listen: s.cfg.SIP,
		Known:  s.known, Identify: s.door.Identify,
		TLS: s.sipListen(), Vouch: s.vouchSIP, DialTLS: s.sipDial(),
		Emergency: s.urgent,
		Handle:    s.calls.Handle,
		Serve:     s.served, Registers: s.phones.Registers, Closed: s.phones.Closed,
		Alarm:  s.edgeAlarm,
		Limits: sipedge.Limits{OrdinaryRate: s.cfg.OrdinaryRate, Connections: s.files.SIP},
		Way:    s.phones.Way, Resuming: s.before > 0,
		Tight: s.tight.Load,
		Now:   s.cfg.Now, Log: s.cfg.Log,
	})
	if err != nil {
		return fmt.Errorf("wire the SIP edge: %w", err)
	}
	return nil
}

// known reports a source that may call (F-10): a trunk, by its address, its
// certificate or where it proved itself, an address in the ranges of an organisation, or one that a
// telephone registered from.
func (s *Server) known(src sipedge.Source) bool {
	w := s.holder.Load()
	if _, ok := w.TrunkBySource(src.Addr); ok {
		return true
	}
	if _, ok := w.TrunkByCertificate(src.Names); ok {
		return true
	}
	return len(w.OrgsByAddress(src.Addr)) > 0 || s.phones.Known(src.Addr) || s.door.Known(src) || s.peers != nil && s.peers.Known(src.Addr)
}

func (s *Server) knownAddr(a netip.Addr) bool { return s.known(sipedge.Source{Addr: a}) }

func (s *Server) edgeAlarm(a sipedge.Alarm) {
	var org e911.OrgID
	if t, ok := s.holder.Load().TrunkBySource(a.Source); ok {
		org = t.Org
	}
	source := "many sources"
	if a.Source.IsValid() {
		source = a.Source.String()
	}
	detail := a.Detail
	if a.Dialled != "" {
		detail += "; dialled " + a.Dialled
	}
	s.alarm(org, journal.Alarm{Code: string(a.Code), Detail: detail, Source: source, Count: a.Count})
}

// wireEdges makes what reads the journal: records, board, notices, pages.
func (s *Server) wireEdges() error {
	var err error
	if s.board, err = report.NewBoard(report.BoardConfig{Node: s.cfg.Node, Feed: s.journal, Now: s.cfg.Now, Log: s.cfg.Log}); err != nil {
		return err
	}
	if s.notify, err = s.tellers(); err != nil {
		return err
	}
	my, err := s.myPage()
	if err != nil {
		return err
	}
	s.web, err = web.New(web.Config{
		My:    my,
		Tests: lateTests{s},
		Lists: lateLists{&s.store},
		Board: s.board, Calls: &s.store, Explain: s.explainPage, Route: s.routePage, API: s.api.handler, People: s.people(), SetUp: s.setUpPages(), Ring: s.ring, BaseURL: s.cfg.BaseURL, Ready: s.ready, Now: s.cfg.Now, Log: s.cfg.Log,
		Org: func(id e911.OrgID) (web.Org, bool) {
			o := s.holder.Load().Org(id)
			if o == nil {
				return web.Org{}, false
			}
			c := o.Config()
			return web.Org{Name: c.Name, Demonstration: c.Demonstration}, true
		},
	})
	if err != nil {
		return fmt.Errorf("wire the pages: %w", err)
	}
	return nil
}

// ready says what keeps the node from taking calls well.
func (s *Server) ready() error {
	if s.holder.Load().Version == 0 {
		return errors.New("no world was published yet: callbox import FILE")
	}
	return nil
}

// Run serves until ctx ends or a part cannot go on. SIP starts before the
// database on purpose: a call needs none (E3). Parts stop in reverse.
func (s *Server) Run(ctx context.Context) error {
	if s.stopped.Swap(true) {
		return errors.New("a server runs once")
	}
	defer s.unlock()
	var g run.Group
	for _, p := range []run.Part{
		{Name: "memory", Run: s.runMemory},
		{Name: "journal", Run: s.journal.Run},
		{Name: "other location servers", Run: s.runForeign},
		{Name: "speech", Run: s.speaker.Run},
		{Name: "what the journal knows", Run: s.resume},
		{Name: "other nodes", Run: s.runPeers},
		{Name: "certificate", Run: s.watchCerts},
		{Name: "location server", Run: func(ctx context.Context) error { return serveHTTP(ctx, s.cfg.Log, s.heldL, s.locationHTTP()) }},
		{Name: "LoST mappings", Run: s.runLoST},
		{Name: "LoST push", Run: s.runLoSTPush},
		{Name: "certificate of SIP", Run: s.watchSIPCerts},
		{Name: "telephones", Run: s.phones.Run},
		{Name: "sip", Run: s.edge.Run},
		{Name: "names of trunks", Run: s.names.Run},
		{Name: "trunks", Run: s.trunks.Run},
		{Name: "signatures", Run: s.runSTIR},
		{Name: "tests of trunks", Run: s.trials.Run},
		{Name: "notices", Run: s.notify.Run},
		{Name: "board", Run: s.board.Run},
		{Name: "database", Run: s.runStore},
		{Name: "keys of the API", Run: s.api.keys.Run},
		{Name: "sign-on", Run: s.runAccess},
		{Name: "pages", Run: s.runWeb},
		{Name: "control", Run: s.runControl},
	} {
		g.Go(p)
	}
	s.cfg.Log.Info("callbox serves", obs.KeyNode, s.cfg.Node, "version", Version, "sip", fmt.Sprint(s.edge.Listeners()),
		"held", s.cfg.HELDURL, "pages", s.cfg.BaseURL, "world", s.holder.Load().Version)
	var err error
	select {
	case <-ctx.Done():
		s.drain()
	case err = <-g.Failed():
		s.cfg.Log.Error("a part cannot go on", obs.Err(err))
	}
	return errors.Join(err, g.Stop())
}

func (s *Server) runWeb(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.web.Close)
	defer stop()
	pages, err := s.withOAuth(s.web)
	if err == nil {
		pages, err = s.withSCIM(pages)
	}
	if err != nil {
		return err
	}
	s.warnOfProxy()
	return serveHTTP(ctx, s.cfg.Log, s.webL, fromClients(s.cfg.TrustedProxies, pages))
}

// Addresses tell where a running server is reached.
type Addresses struct {
	SIP           []sipedge.Listener
	HELD, BaseURL string
}

// Addresses tells what was bound.
func (s *Server) Addresses() Addresses {
	return Addresses{SIP: s.edge.Listeners(), HELD: s.cfg.HELDURL + "/held", BaseURL: s.cfg.BaseURL}
}

// Import makes the stored world what the file says and publishes it, or says
// what it would change.
func (s *Server) Import(ctx context.Context, file string, text []byte, opt world.Options) (world.Report, error) {
	st := s.store.get()
	if st == nil {
		return world.Report{}, errNoStore
	}
	im, err := world.New(world.Config{
		Store: st, Layer: layers.USCountyBoundary, Layers: s.shelf(st), Now: s.cfg.Now, Stages: s.stages(),
	})
	if err != nil {
		return world.Report{}, err
	}
	r, err := im.Import(ctx, admin.Actor("import "+filepath.Base(file)), file, text, opt)
	if err != nil || opt.DryRun {
		return r, err
	}
	if _, err := s.publish.Publish(ctx, st); err != nil {
		return r, fmt.Errorf("stored, but not published: %w", err)
	}
	return r, nil
}

// LoginLink returns a link that signs one browser in to the organisation with
// that key, or to the only one there is.
func (s *Server) LoginLink(orgKey string) (string, error) {
	var found []e911.Org
	for o := range s.holder.Load().Orgs() {
		if c := o.Config(); orgKey == "" || c.Key == orgKey {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return "", noOrg(orgKey)
	case 1:
		return web.LoginLink(s.ring, s.cfg.BaseURL, found[0].ID, s.cfg.Now()), nil
	}
	return "", severalOrgs(len(found))
}
