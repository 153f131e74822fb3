package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/report"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/notify/email"
	"github.com/callbox911/callbox/internal/notify/webhook"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/run"
	"github.com/callbox911/callbox/internal/sim/hook"
	"github.com/callbox911/callbox/internal/sim/mail"
	"github.com/callbox911/callbox/internal/sim/phone"
	"github.com/callbox911/callbox/internal/sim/psap"
	"github.com/callbox911/callbox/wire/pidflo"
)

// What stands in examples/harbor.yaml and the demonstration speaks to.
const (
	demoOrg       = "harbor"
	demoCompany   = "7c0e5b1d9a4f4e0f8d2b6a3c51e7f094"
	demoSecret    = "demonstration-only-3f9a61c2"
	demoHookAddr  = "127.0.0.1:5090"
	demoHookKey   = "demonstration-only-b7d40e95"
	demoPBX       = "127.0.0.11"
	demoSIP       = "127.0.0.10"
	demoWait      = 20 * time.Second // for any one step
	demoSpeech    = 90 * time.Second // 933 reads twice at most
	demoFirstPort = 5060
)

// demoCarriers are the simulated answering points of the demonstration world.
var demoCarriers = []string{"127.0.0.21:5071", "127.0.0.22:5071", "127.0.0.23:5071"}

// DemoConfig is how the demonstration runs.
type DemoConfig struct {
	Once   bool // exit after the calls
	JSON   bool // one object on Out, the story on standard error
	Out    io.Writer
	Log    *slog.Logger
	Worker []string
}

// Place of a result: the external key of the location and its one line.
type demoPlace struct {
	ID      string `json:"id"`
	Display string `json:"display"`
}

// DemoResult is what `callbox demo --json` prints.
type DemoResult struct {
	Call911 struct {
		PSAP         demoPlace         `json:"psap"`
		Location     demoPlace         `json:"location"`
		Callback     e911.Number       `json:"callback"`
		IdentifiedBy e911.IdentifiedBy `json:"identified_by"`
		LocatedBy    e911.LocatedBy    `json:"located_by"`
		Notified     []string          `json:"notified"`
		TimelineMS   map[string]int64  `json:"timeline_ms"`
	} `json:"call_911"`
	Call933 struct {
		Text            string  `json:"text"`
		SecondsOfSpeech float64 `json:"seconds_of_speech"`
	} `json:"call_933"`
	// BySource is the second run: a phone that measures nothing and is located
	// by the address that it asks from.
	BySource struct {
		Location  demoPlace      `json:"location"`
		LocatedBy e911.LocatedBy `json:"located_by"`
		PSAP      demoPlace      `json:"psap"`
	} `json:"call_911_by_source_address"`
	Agree     bool     `json:"agree"`
	Disagrees []string `json:"disagrees,omitempty"`
}

// demo is one demonstration under way.
type demo struct {
	cfg    DemoConfig
	say    func(format string, args ...any)
	server *Server
	psaps  []*psap.PSAP
	mail   *mail.Sink
	hook   *hook.Sink
	mailN  int
	hookN  int
	result DemoResult
}

// Demo runs the demonstration. With Once it returns an error unless everything
// happened and PSAP, notices and record agree (E10); otherwise it leaves the
// pages open until ctx ends.
func Demo(ctx context.Context, cfg DemoConfig) error {
	dir, err := os.MkdirTemp("", "callbox-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the demonstration: %w", err)
	}
	defer os.RemoveAll(dir)
	story := cfg.Out
	if cfg.JSON {
		story = os.Stderr
	}
	d := &demo{cfg: cfg, say: func(format string, args ...any) { fmt.Fprintf(story, format+"\n", args...) }}
	var g run.Group
	defer func() { _ = g.Stop() }() // what a stopping part says no longer matters
	if err := d.start(ctx, &g, dir); err != nil {
		return err
	}
	err = d.calls(ctx)
	if cfg.JSON {
		enc := json.NewEncoder(cfg.Out)
		enc.SetEscapeHTML(false)
		err = errors.Join(err, enc.Encode(d.result))
	}
	if err != nil || cfg.Once {
		return err
	}
	link, err := d.server.LoginLink(demoOrg)
	if err != nil {
		return err
	}
	d.say("\nThe calls are on the page. Sign in once, within 15 minutes, with\n\n  %s\n\nCtrl-C ends the demonstration.", link)
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.Failed():
		return err
	}
}

// start brings up simulators and server, each on a port that is free, and
// imports the world.
func (d *demo) start(ctx context.Context, g *run.Group, dir string) error {
	text := string(examples.Harbor())
	for _, addr := range demoCarriers {
		p, err := atFreePort(addr, func(a netip.AddrPort) (*psap.PSAP, error) {
			return psap.New(psap.Config{Listen: a, RingFor: 300 * time.Millisecond})
		})
		if err != nil {
			return err
		}
		text = strings.ReplaceAll(text, addr, p.Addr().String())
		d.psaps = append(d.psaps, p)
		g.Go(run.Part{Name: "simulated PSAP " + addr, Run: p.Run})
	}
	var err error
	if d.hook, err = atFreePort(demoHookAddr, func(a netip.AddrPort) (*hook.Sink, error) {
		return hook.Listen(hook.Config{Addr: a.String(), Secret: demoHookKey})
	}); err != nil {
		return err
	}
	text = strings.ReplaceAll(text, "http://"+demoHookAddr+"/hook", d.hook.URL())
	g.Go(run.Part{Name: "simulated webhook receiver", Run: d.hook.Run})
	if d.mail, err = atFreePort("127.0.0.1:2525", func(a netip.AddrPort) (*mail.Sink, error) { return mail.Listen(mail.Config{Addr: a.String()}) }); err != nil {
		return err
	}
	g.Go(run.Part{Name: "simulated mail server", Run: d.mail.Run})
	if d.server, err = demoServer(dir, d.cfg, d.mail.Addr()); err != nil {
		return err
	}
	g.Go(run.Part{Name: "callbox", Run: d.server.Run})
	if err := waitFor(ctx, demoWait, "the database", func() bool { return d.server.store.get() != nil }); err != nil {
		return err
	}
	r, err := d.server.Import(ctx, "harbor.yaml", []byte(text), world.Options{})
	if err != nil {
		return fmt.Errorf("import the demonstration world: %w", err)
	}
	d.say("Callbox %s. A demonstration: every carrier, PSAP and phone here is simulated, on this machine.\n", Version)
	d.say("  world      %d objects imported and published (examples/harbor.yaml)", r.Changes())
	a := d.server.Addresses()
	d.say("  serves     SIP %s, HELD %s, pages %s", a.SIP[0].Addr, a.HELD, a.BaseURL)
	return nil
}

func demoServer(dir string, cfg DemoConfig, smtp string) (*Server, error) {
	c := Default()
	c.DataDir, c.Node, c.Log, c.Worker = dir, "demo", cfg.Log, cfg.Worker
	c.HELD, c.RTP = "127.0.0.1:0", netip.MustParseAddr(demoSIP)
	c.Mail = MailConfig{Server: smtp, TLS: "none", From: "callbox@harbor.example"}
	c.Provider = Provider{Name: "Callbox demonstration", Contact: "tel:+16175550100"}
	pages := freePort("127.0.0.1:8088")
	c.Web = pages.String()
	return atFreePort(fmt.Sprintf("%s:%d", demoSIP, demoFirstPort), func(a netip.AddrPort) (*Server, error) {
		c.SIP = []sipedge.Listener{{Network: "udp", Addr: a}, {Network: "tcp", Addr: a}}
		return New(c)
	})
}

// atFreePort makes something at the first port from addr on that is free.
func atFreePort[T any](addr string, bind func(netip.AddrPort) (T, error)) (T, error) {
	a := netip.MustParseAddrPort(addr)
	var last error
	for i := range uint16(50) {
		t, err := bind(netip.AddrPortFrom(a.Addr(), a.Port()+2*i))
		if err == nil {
			return t, nil
		}
		last = err
	}
	var none T
	return none, fmt.Errorf("no free port from %s on: %w", addr, last)
}

// freePort steps over ports that are taken.
func freePort(addr string) netip.AddrPort {
	a, err := atFreePort(addr, func(a netip.AddrPort) (netip.AddrPort, error) {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			return a, err
		}
		return a, l.Close()
	})
	if err != nil {
		return netip.AddrPortFrom(netip.MustParseAddrPort(addr).Addr(), 0)
	}
	return a
}

// waitFor asks every 10 ms until done says so.
func waitFor(ctx context.Context, limit time.Duration, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
	return nil
}

// calls places the three calls.
func (d *demo) calls(ctx context.Context) error {
	desk := phone.Config{
		Number: "+16175550111", UserID: "agent4711", CompanyID: demoCompany, Secret: demoSecret,
		LLDPChassis: "0c:75:bd:00:00:01", LLDPPort: "Gi1/0/7", BSSID: "00:11:22:33:44:50", MAC: "00:11:22:aa:bb:cc",
	}
	d.say("\nThe front desk's phone dials 911")
	if err := d.first(ctx, desk); err != nil {
		return fmt.Errorf("the 911 call: %w", err)
	}
	d.say("\nThe same phone dials 933, to hear what 911 would be told")
	if err := d.readback(ctx, desk); err != nil {
		return fmt.Errorf("the 933 call: %w", err)
	}
	d.say("\nA phone that measures nothing asks from 127.0.2.10 and dials 911")
	if err := d.bySource(ctx); err != nil {
		return fmt.Errorf("the 911 call by source address: %w", err)
	}
	d.result.Agree = len(d.result.Disagrees) == 0
	if !d.result.Agree {
		return fmt.Errorf("PSAP, notices and record disagree: %s", strings.Join(d.result.Disagrees, "; "))
	}
	d.say("\nPSAP, mail, webhook and record say the same place and the same number (E10).")
	return nil
}

// caller starts a phone, has it ask where it is, and dials.
func (d *demo) caller(ctx context.Context, cfg phone.Config, number string) (*phone.Call, func(), error) {
	a := d.server.Addresses()
	cfg.Listen, cfg.Proxy, cfg.HELDURL = netip.MustParseAddrPort(demoPBX+":0"), a.SIP[0].Addr, a.HELD
	p, err := phone.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, demoSpeech)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx) // ends with ctx
	}()
	stop := func() { cancel(); <-done }
	where, err := p.Locate(ctx)
	if err != nil {
		stop()
		return nil, nil, err
	}
	if where.Document != nil {
		if l := where.Document.Locations(); len(l) > 0 && l[0].Geopriv.Civic() != nil {
			d.say("  where      HELD answers: %s", civic.Display(civic.FromPIDF(l[0].Geopriv.Civic())))
		}
	}
	call, err := p.Dial(ctx, phone.Dialling{Number: number, Location: where.URI})
	if err != nil {
		stop()
		return nil, nil, err
	}
	if _, err := call.WaitAnswer(ctx); err != nil {
		stop()
		return nil, nil, err
	}
	return call, stop, nil
}

func (d *demo) first(ctx context.Context, cfg phone.Config) error {
	call, stop, err := d.caller(ctx, cfg, "911")
	if err != nil {
		return err
	}
	defer stop()
	got, err := d.received(ctx)
	if err != nil {
		return err
	}
	mails, err := d.newMail(ctx)
	if err != nil {
		return err
	}
	posts, err := d.newPosts(ctx)
	if err != nil {
		return err
	}
	if err := call.Hangup(); err != nil {
		return err
	}
	rec, err := d.record(ctx, mails[0].Header.Get(email.HeaderCall), func(r report.CallRecord) bool {
		return r.State == report.Ended && noticeMS(r, "mail") >= 0 && noticeMS(r, "webhook") >= 0
	})
	if err != nil {
		return err
	}
	d.tell911(rec, got)
	d.compare(rec, got, mails[0], posts[0])
	return nil
}

// tell911 fills the result and tells the story of the record.
func (d *demo) tell911(rec report.CallRecord, got psap.Received) {
	r := &d.result.Call911
	r.PSAP = demoPlace{rec.PSAP.Key, rec.PSAP.Name}
	if rec.Place != nil {
		r.Location = demoPlace{rec.Place.Key, rec.Place.Display}
	}
	r.Callback, r.IdentifiedBy, r.LocatedBy = rec.Callback, rec.IdentifiedBy, rec.LocatedBy
	r.TimelineMS = map[string]int64{"invite_in": 0, "mail": noticeMS(rec, "mail"), "webhook": noticeMS(rec, "webhook")}
	if len(rec.Attempts) > 0 {
		r.TimelineMS["leg_out"] = rec.Attempts[0].MS
	}
	if rec.AnsweredAt != nil {
		r.TimelineMS["answered"] = rec.AnsweredAt.Sub(rec.ArrivedAt).Milliseconds()
	}
	for _, channel := range []string{"mail", "webhook"} {
		if noticeMS(rec, channel) >= 0 {
			r.Notified = append(r.Notified, channel)
		}
	}
	d.say("  who        %s, known by %s", rec.Who, rec.IdentifiedBy)
	d.say("  located    by %s (%s)", rec.LocatedBy, rec.Freshness)
	for _, f := range rec.Evidence("call.located") {
		if !f.Chosen {
			d.say("             not by %s: %s", f.Rule, f.Why)
		}
	}
	d.say("  PSAP       %s, by %s", rec.PSAP.Name, got.Invite.Transport)
	d.say("  callback   %s", rec.Callback)
	d.say("  told       %s", strings.Join(r.Notified, ", "))
	d.say("  took       leg out %d ms, webhook %d ms, mail %d ms, answered %d ms after the INVITE",
		r.TimelineMS["leg_out"], r.TimelineMS["webhook"], r.TimelineMS["mail"], r.TimelineMS["answered"])
}

// compare holds what the PSAP got, what people were told and what is on record
// against each other (E10).
func (d *demo) compare(rec report.CallRecord, got psap.Received, m mail.Message, p hook.Request) {
	differ := func(what string, values ...string) {
		if slices.ContainsFunc(values, func(v string) bool { return v != values[0] || v == "" }) {
			d.result.Disagrees = append(d.result.Disagrees, fmt.Sprintf("%s: %q", what, values))
		}
	}
	var sent string
	if doc, err := pidflo.Parse(got.PIDFLO); err == nil {
		if l := doc.Locations(); len(l) > 0 && l[0].Geopriv.Civic() != nil {
			sent = civic.Display(civic.FromPIDF(l[0].Geopriv.Civic()))
		}
	}
	var payload webhook.Payload
	_ = json.Unmarshal(p.Body, &payload) // an empty payload disagrees
	place := rec.Place
	if place == nil {
		place = &e911.Place{}
	}
	differ("location at PSAP, webhook and record", sent, payload.Location.Display, place.Display)
	if sent != "" && !strings.Contains(m.Text, sent) {
		d.result.Disagrees = append(d.result.Disagrees, "the mail does not say "+sent)
	}
	differ("location id in mail, webhook and record", m.Header.Get(email.HeaderLocation), string(payload.Location.ID), string(place.Location))
	differ("callback at PSAP (From, P-Asserted-Identity), mail, webhook and record",
		got.From, got.Asserted, m.Header.Get(email.HeaderCallback), string(payload.Caller.Callback), string(rec.Callback))
	if refused := d.hook.Refused(); len(refused) > 0 {
		d.result.Disagrees = append(d.result.Disagrees, "a webhook was refused: "+refused[0])
	}
}

func (d *demo) readback(ctx context.Context, cfg phone.Config) error {
	call, stop, err := d.caller(ctx, cfg, "933")
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, demoSpeech)
	defer cancel()
	// Long enough to hear it once; then we hang up, as people do.
	if err := waitFor(ctx, demoSpeech, "the reading to pause", pauseAfterSpeech(call)); err != nil {
		return err
	}
	if err := call.Hangup(); err != nil {
		return err
	}
	mails, err := d.newMail(ctx)
	if err != nil {
		return err
	}
	if _, err := d.newPosts(ctx); err != nil {
		return err
	}
	rec, err := d.record(ctx, mails[0].Header.Get(email.HeaderCall), func(r report.CallRecord) bool { return r.State == report.Ended && r.Spoken != nil })
	if err != nil {
		return err
	}
	d.result.Call933.Text, d.result.Call933.SecondsOfSpeech = rec.Spoken.Text, rec.Spoken.Seconds
	d.say("  hears      %q (%.1f s)", rec.Spoken.Text, rec.Spoken.Seconds)
	if !strings.Contains(m933(rec.Spoken.Text), "seven nine five") {
		d.result.Disagrees = append(d.result.Disagrees, "933 does not read the house number")
	}
	return nil
}

// m933 folds the spoken text for a comparison.
func m933(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }), " ")
}

// pauseAfterSpeech reports when the phone has heard speech and then four
// seconds of silence: the reading is through and waits for a digit.
func pauseAfterSpeech(call *phone.Call) func() bool {
	return func() bool {
		pcm, _ := call.Media.Heard()
		const second = 2 * 8000
		if len(pcm) < 10*second {
			return false
		}
		return quiet(pcm[len(pcm)-4*second:]) && !quiet(pcm)
	}
}

// quiet reports linear 16-bit samples without speech in them.
func quiet(pcm []byte) bool {
	for i := 0; i+1 < len(pcm); i += 2 {
		if v := int16(uint16(pcm[i]) | uint16(pcm[i+1])<<8); v > 500 || v < -500 {
			return false
		}
	}
	return true
}

func (d *demo) bySource(ctx context.Context) error {
	cfg := phone.Config{
		Number: "+16175550112", UserID: "agent4712", HELDFrom: netip.MustParseAddr("127.0.2.10"), CompanyID: demoCompany, Secret: demoSecret,
	}
	call, stop, err := d.caller(ctx, cfg, "911")
	if err != nil {
		return err
	}
	defer stop()
	if _, err := d.received(ctx); err != nil {
		return err
	}
	mails, err := d.newMail(ctx)
	if err != nil {
		return err
	}
	if err := call.Hangup(); err != nil {
		return err
	}
	rec, err := d.record(ctx, mails[0].Header.Get(email.HeaderCall), func(r report.CallRecord) bool { return r.State == report.Ended })
	if err != nil {
		return err
	}
	if rec.Place != nil {
		d.result.BySource.Location = demoPlace{rec.Place.Key, rec.Place.Display}
	}
	d.result.BySource.LocatedBy, d.result.BySource.PSAP = rec.LocatedBy, demoPlace{rec.PSAP.Key, rec.PSAP.Name}
	d.say("  located    by %s; answered by %s", rec.LocatedBy, rec.PSAP.Name)
	if rec.LocatedBy != e911.ByPrivateIP || rec.Place == nil || rec.Place.Key != "mill-1-f2-210" {
		d.result.Disagrees = append(d.result.Disagrees, fmt.Sprintf("by source address: located by %s", rec.LocatedBy))
	}
	return nil
}

// received waits for the call at any answering point.
func (d *demo) received(ctx context.Context) (psap.Received, error) {
	end := time.NewTimer(demoWait)
	defer end.Stop()
	select {
	case r := <-d.psaps[0].Calls():
		return r, nil
	case r := <-d.psaps[1].Calls():
		return r, nil
	case r := <-d.psaps[2].Calls():
		return r, nil
	case <-end.C:
		return psap.Received{}, errors.New("no answering point got the call")
	case <-ctx.Done():
		return psap.Received{}, ctx.Err()
	}
}

func (d *demo) newMail(ctx context.Context) ([]mail.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, demoWait)
	defer cancel()
	all, err := d.mail.Await(ctx, d.mailN+1)
	if err != nil {
		return nil, err
	}
	fresh := all[d.mailN:]
	d.mailN = len(all)
	return fresh, nil
}

func (d *demo) newPosts(ctx context.Context) ([]hook.Request, error) {
	ctx, cancel := context.WithTimeout(ctx, demoWait)
	defer cancel()
	all, err := d.hook.Await(ctx, d.hookN+1)
	if err != nil {
		return nil, err
	}
	fresh := all[d.hookN:]
	d.hookN = len(all)
	return fresh, nil
}

// record reads the call's record from SQL once it is complete.
func (d *demo) record(ctx context.Context, id string, complete func(report.CallRecord) bool) (report.CallRecord, error) {
	var org e911.OrgID
	for o := range d.server.holder.Load().Orgs() {
		if o.Config().Key == demoOrg {
			org = o.ID()
		}
	}
	var rec report.CallRecord
	err := waitFor(ctx, demoWait, "the call record", func() bool {
		var err error
		rec, err = d.server.store.Call(ctx, org, e911.CallID(bytes.TrimSpace([]byte(id))))
		return err == nil && complete(rec)
	})
	return rec, err
}

// noticeMS is when the first notice of the channel was handed over, in
// milliseconds after the INVITE; -1 when none was.
func noticeMS(r report.CallRecord, channel string) int64 {
	for _, n := range r.Notices {
		if n.Channel == channel && n.State == report.NoticeSent {
			return n.MS
		}
	}
	return -1
}
