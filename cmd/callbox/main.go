// Command callbox is the emergency-calling platform in one binary. This package
// holds flags, signals and exit codes only; internal/app does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/app"
	"github.com/callbox911/callbox/internal/bench"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/voice"
	"github.com/callbox911/callbox/internal/obs"
)

type cli struct {
	Serve     serveCmd     `cmd:"" help:"Take calls."`
	Store     storeCmd     `cmd:"" help:"Carry a database from one engine to the other."`
	Layers    layersCmd    `cmd:"" help:"Show or remove reference layers."`
	Import    importCmd    `cmd:"" help:"Make the stored world what a file says, whole or not at all."`
	Export    exportCmd    `cmd:"" help:"Write an organisation in the files of another product."`
	Plan      planCmd      `cmd:"" help:"Say what a file would change, and what that does to emergency calls. Changes nothing."`
	Apply     applyCmd     `cmd:"" help:"Do what a plan says; of a file: plan it, show it, ask, do it."`
	Undo      undoCmd      `cmd:"" help:"Put back all that an applied change set did."`
	Applied   appliedCmd   `cmd:"" help:"List the change sets that were applied."`
	Audit     auditCmd     `cmd:"" help:"Who changed what; prove that the trail is whole."`
	Template  templateCmd  `cmd:"" help:"Write the columns of a table as a file to be filled."`
	Login     loginCmd     `cmd:"" help:"Print a one-time sign-in link of a running server."`
	Demo      demoCmd      `cmd:"" help:"See a simulated phone dial 911 and 933 on this machine."`
	Sim       simCmd       `cmd:"" help:"Simulated phone, PSAP and mail server, over the real protocols."`
	Discover  discoverCmd  `cmd:"" help:"Read the network and propose network elements."`
	Devices   devicesCmd   `cmd:"" help:"Show every device that is configured or was seen, and what is wrong with it."`
	Model     modelCmd     `cmd:"" help:"Show or set what a device model can do."`
	Unknown   unknownCmd   `cmd:"" help:"Work through the network elements that are not on the map."`
	Psali     psaliCmd     `cmd:"" name:"psali" help:"Get the addresses of ELINs into the carrier's ALI database, and know how far each has come."`
	Check     checkCmd     `cmd:"" help:"Check an organisation's data."`
	Stations  stationsCmd  `cmd:"" help:"Class of each station before the law, and what is missing."`
	Reconcile reconcileCmd `cmd:"" help:"Compare the lists of a calling platform with ours, and mend what differs."`
	FirstUse  firstUseCmd  `cmd:"" help:"Who was asked where he is and did not answer: users without a location."`
	Directory directoryCmd `cmd:"" help:"Follow directories of people: Entra ID and Okta by SCIM, LDAP and Active Directory."`
	Setup     setupCmd     `cmd:"" help:"The way from nothing to 911: what is done, what is open, and its steps."`
	Lint      lintCmd      `cmd:"" help:"Look at dial plans before a call does: what would eat 911."`
	Route     routeCmd     `cmd:"" help:"Which PSAP serves a place, and on which number a person reaches it: 911 for somebody elsewhere."`
	Ecbn      ecbnCmd      `cmd:"" name:"ecbn" help:"Which number a PSAP is given to call back, by which rule, how good it is, and who depends on it."`
	Trunks    trunksCmd    `cmd:"" help:"State of each trunk: targets, probes, calls, registration."`
	Call      callCmd      `cmd:"" help:"Place a test call over one trunk, 933 when nothing else is said, and draw what happened."`
	Psaps     psapsCmd     `cmd:"" help:"List the directory of PSAPs with their 24x7 lines."`
	Explain   explainCmd   `cmd:"" help:"Who is this caller, where, how do we know, and what would a call do, now or then."`
	Tests     testsCmd     `cmd:"" help:"What was tested through trunks and with PSAPs, and what is due."`
	Apikey    apikeyCmd    `cmd:"" name:"apikey" help:"Keys of programs for the API."`
	SSO       ssoCmd       `cmd:"" name:"sso" help:"Identity providers of organisations, and who needs them."`
	Member    memberCmd    `cmd:"" help:"Who may do what: administrators, partners, auditors."`
	Openapi   openapiCmd   `cmd:"" name:"openapi" help:"Print the description of the API, OpenAPI 3.1."`
	Lis       lisCmd       `cmd:"" name:"lis-records" help:"Print the DNS and DHCP records by which devices find a location server."`
	Bench     benchCmd     `cmd:"" help:"Measure, against SIPp direct, and write a table."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	Speech    speechCmd    `cmd:"" hidden:"" help:"Serve speech to the parent process."`

	LogText bool `help:"Log as text for a person instead of JSON." env:"CALLBOX_LOG_TEXT"`
	Debug   bool `help:"Log more." env:"CALLBOX_DEBUG"`
}

// env is what commands share.
type env struct {
	ctx    context.Context //nolint:containedctx // the life of the process, handed to every command
	log    *slog.Logger
	stdout io.Writer
	stderr io.Writer
}

func main() {
	var c cli
	parser := kong.Parse(&c, kong.Name("callbox"), kong.UsageOnError(), kong.Vars{"scopes": scopeHelp()},
		kong.Description("Emergency calling for organisations whose people call over IP."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	e := &env{ctx: ctx, log: obs.Logger(os.Stderr, c.LogText, level), stdout: os.Stdout, stderr: os.Stderr}
	err := parser.Run(e)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "callbox:", err)
		os.Exit(exitCode(err))
	}
}

// exitCode: 0 well, 1 it did not work, 2 the input is at fault.
func exitCode(err error) int {
	switch e911.KindOf(err) {
	case e911.Invalid, e911.NotFound:
		return 2
	}
	return 1
}

type dataFlag struct {
	Data string `help:"Data directory." default:"var" type:"path" env:"CALLBOX_DATA"`
}

type serveCmd struct {
	dataFlag
	storeFlag
	lostFlags
	stirFlags
	peerFlags
	Node         string   `help:"Name of this node; the host name when empty." env:"CALLBOX_NODE"`
	SIP          []string `help:"SIP listener, udp:ADDRESS:PORT; also tcp, tls, ws and wss; may be repeated." default:"udp:127.0.0.1:5060,tcp:127.0.0.1:5060" env:"CALLBOX_SIP"`
	OrdinaryRate int      `name:"sip-ordinary-rate" help:"Calls a second that are not emergency, shared out fairly among trunks; beyond: 503. 0: no bound." default:"0" env:"CALLBOX_SIP_ORDINARY_RATE"`
	ImportRows   int      `name:"import-rows" help:"Rows that a table may have which a browser or a program sends; the command line sends any number." default:"20000" env:"CALLBOX_IMPORT_ROWS"`
	NameServer   []string `help:"Name server that is asked for the names of trunks, ADDRESS or ADDRESS:PORT; may be repeated. None: those of this machine." env:"CALLBOX_NAME_SERVER"`
	CallbackWait int      `name:"callback-window" help:"Minutes after the end of an emergency call in which the number that the PSAP has leads back to the caller, 10 to 1440." default:"180" env:"CALLBOX_CALLBACK_WINDOW"`
	HELD         string   `help:"Address of the location server." default:"127.0.0.1:8080" env:"CALLBOX_HELD"`
	HELDURL      string   `name:"held-url" help:"How others reach the location server; location URIs start with it." env:"CALLBOX_HELD_URL"`
	SIPCert      string   `name:"sip-cert" help:"PEM file with the certificate of SIP by TLS and those that lead to its root, shown in both directions. Read again each minute and on SIGHUP." type:"path" env:"CALLBOX_SIP_CERT"`
	SIPKey       string   `name:"sip-key" help:"PEM file of its key." type:"path" env:"CALLBOX_SIP_KEY"`
	SIPClientCA  string   `name:"sip-client-ca" help:"PEM file of the authorities that vouch for the certificates of SIP neighbours." type:"path" env:"CALLBOX_SIP_CLIENT_CA"`
	HELDCert     string   `name:"held-cert" help:"PEM file with the certificate of the location server and those that lead to its root; it then speaks TLS alone. Read again each minute and on SIGHUP." type:"path" env:"CALLBOX_HELD_CERT"`
	HELDKey      string   `name:"held-key" help:"PEM file with the key of that certificate." type:"path" env:"CALLBOX_HELD_KEY"`
	HELDClientCA string   `name:"held-client-ca" help:"PEM file with the authorities whose client certificates platforms are known by, by name." type:"path" env:"CALLBOX_HELD_CLIENT_CA"`
	TrustedProxy []string `help:"Address or range of a proxy before the location server or the pages that may tell the client's address in X-Forwarded-For; may be repeated." env:"CALLBOX_TRUSTED_PROXY"`
	LocServer    []string `name:"location-server" help:"Another location server, HOST or HOST:PORT, that is asked what its references in calls mean whoever sends them; may be repeated. Those that trunks and registered telephones refer to are asked anyway." env:"CALLBOX_LOCATION_SERVER"`
	LocNetwork   []string `name:"location-network" help:"Address or range of this machine or its link where another location server may be asked all the same; may be repeated." env:"CALLBOX_LOCATION_NETWORK"`
	LocWait      int      `name:"reference-wait" help:"Milliseconds that a call waits for another location server where nothing newer than a number's address locates it, 250 to 3000." default:"1500" env:"CALLBOX_REFERENCE_WAIT"`
	Web          string   `help:"Address of the pages." default:"127.0.0.1:8088" env:"CALLBOX_WEB"`
	BaseURL      string   `help:"How people reach the pages; links in notices start with it." env:"CALLBOX_BASE_URL"`
	Domain       string   `help:"Our name in SIP and in emergency call ids." default:"callbox.invalid" env:"CALLBOX_DOMAIN"`
	SMTP         string   `help:"Mail server, HOST:PORT; none: no mail is sent." env:"CALLBOX_SMTP"`
	SMTPTLS      string   `name:"smtp-tls" help:"none, starttls or tls." default:"starttls" env:"CALLBOX_SMTP_TLS"`
	SMTPUser     string   `help:"User at the mail server." env:"CALLBOX_SMTP_USER"`
	SMTPPassword string   `help:"Password at the mail server; better in the environment." env:"CALLBOX_SMTP_PASSWORD"`
	SMTPFrom     string   `help:"Sender of mail." env:"CALLBOX_SMTP_FROM"`
	RTP          string   `help:"Address of the sound of 933." default:"127.0.0.1" env:"CALLBOX_RTP"`
	RTPPorts     string   `help:"Port range of the sound of 933." default:"20000-21999" env:"CALLBOX_RTP_PORTS"`
	ProviderName string   `help:"Who operates this Callbox, as PSAPs are told." env:"CALLBOX_PROVIDER_NAME"`
	ProviderID   string   `name:"provider-id" help:"NENA company id of the operator." env:"CALLBOX_PROVIDER_ID"`
	Contact      string   `help:"URI of the operator that is answered round the clock, tel:+16175550100; PSAPs see it." env:"CALLBOX_CONTACT"`
	Drain        int      `help:"Seconds that a stopping server (SIGTERM) waits for callers who wait for an answer; what rings then goes on ringing and is taken up by the next start. A second SIGTERM ends the wait." default:"60" env:"CALLBOX_DRAIN"`
	NoDatabase   bool     `help:"Start from the snapshot file alone." env:"CALLBOX_NO_DATABASE"`
	processFlags
}

func (c *serveCmd) config(e *env) (app.Config, error) {
	cfg := app.Default()
	var errs []error
	cfg.DataDir, cfg.HELD, cfg.HELDURL, cfg.Web, cfg.BaseURL, cfg.Domain = c.Data, c.HELD, c.HELDURL, c.Web, c.BaseURL, c.Domain
	if c.Node != "" {
		cfg.Node = c.Node
	}
	cfg.SIP, cfg.OrdinaryRate, cfg.ImportRows = nil, c.OrdinaryRate, c.ImportRows
	cfg.Drain = time.Duration(c.Drain) * time.Second
	cfg.CallbackWindow = time.Duration(c.CallbackWait) * time.Minute
	for _, s := range c.SIP {
		l, err := app.ParseListener(s)
		errs = append(errs, err)
		cfg.SIP = append(cfg.SIP, l)
	}
	for _, s := range c.NameServer {
		a, err := app.ParseNameServer(s)
		errs = append(errs, err)
		cfg.NameServers = append(cfg.NameServers, a)
	}
	cfg.SIPTLS = app.TLSFiles{Certificate: c.SIPCert, Key: c.SIPKey, ClientRoots: c.SIPClientCA}
	cfg.HELDTLS = app.TLSFiles{Certificate: c.HELDCert, Key: c.HELDKey, ClientRoots: c.HELDClientCA}
	for _, s := range c.TrustedProxy {
		p, err := prefix(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("trusted-proxy: %w", err))
		}
		cfg.TrustedProxies = append(cfg.TrustedProxies, p)
	}
	cfg.LocationServers, cfg.ReferenceWait = c.LocServer, time.Duration(c.LocWait)*time.Millisecond
	for _, s := range c.LocNetwork {
		p, err := prefix(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("location-network: %w", err))
		}
		cfg.LocationNetworks = append(cfg.LocationNetworks, p)
	}
	cfg.Mail = app.MailConfig{Server: c.SMTP, TLS: c.SMTPTLS, User: c.SMTPUser, Password: c.SMTPPassword, From: c.SMTPFrom}
	cfg.Provider = app.Provider{Name: c.ProviderName, CompanyID: c.ProviderID, Contact: c.Contact}
	var err error
	cfg.STIR, cfg.Store = c.stir(), c.Store
	if cfg.Peer, err = c.peers(); err != nil {
		errs = append(errs, err)
	}
	if cfg.LoST, err = c.lost(); err != nil {
		errs = append(errs, err)
	}
	if cfg.RTP, err = netip.ParseAddr(c.RTP); err != nil {
		errs = append(errs, fmt.Errorf("rtp: %w", err))
	}
	from, to, _ := strings.Cut(c.RTPPorts, "-")
	for i, p := range []string{from, to} {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			errs = append(errs, fmt.Errorf("rtp-ports: write FIRST-LAST: %w", err))
		}
		cfg.RTPPorts[i] = uint16(n)
	}
	cfg.NoStore, cfg.Log, cfg.Worker = c.NoDatabase, e.log, speechWorker()
	return cfg, errors.Join(errs...)
}

// prefix reads a range, or one address.
func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Prefix(a.BitLen())
	}
	return netip.ParsePrefix(s)
}

// speechWorker is this very program as a speech process; /proc holds also
// after the file was replaced.
func speechWorker() []string { return []string{"/proc/self/exe", "speech"} }

func (c *serveCmd) Run(e *env) error {
	cfg, err := c.config(e)
	if err != nil {
		return err
	}
	if cfg.MemoryLimit, err = c.limitMemory(e); err != nil {
		return err
	}
	end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	s, err := app.New(cfg)
	if err != nil {
		return err
	}
	defer reloadOnHangup(s.Reload)()
	return s.Run(e.ctx)
}

// reloadOnHangup calls reload on each SIGHUP; stop ends that and waits.
func reloadOnHangup(reload func()) (stop func()) {
	hangup, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		defer close(done)
		for range hangup {
			reload()
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-done
	}
}

type importCmd struct {
	importTables `embed:""`

	World   importWorldCmd   `cmd:"" default:"withargs" help:"Make the stored world what a world file says (the default)."`
	Psaps   importPSAPsCmd   `cmd:"" help:"Bring the directory of PSAPs up to date: the FCC's registry as CSV, or a file of 24x7 lines."`
	Layer   importLayerCmd   `cmd:"" help:"Import published GIS data as a reference layer, after its effect was shown."`
	From    importFromCmd    `cmd:"" help:"Bring in what another product exported: RedSky, Webex, Genesys, Teams, Cisco Emergency Responder, Zoom."`
	Network importNetworkCmd `cmd:"" help:"Add network elements from a CSV file, or replace an organisation's map by it."`
}

type importWorldCmd struct {
	dataFlag
	File         string `arg:"" help:"World file." type:"existingfile"`
	DryRun       bool   `help:"Check the file and say what it would change."`
	ForceUnroute string `placeholder:"REASON" help:"Import although places would lose every way to their PSAP. The audit trail keeps the reason."`
}

func (c *importWorldCmd) Run(e *env) error {
	text, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("read the world file: %w", err)
	}
	report, err := app.ImportFile(e.ctx, app.ImportRequest{
		DataDir: c.Data, File: c.File, Text: text, DryRun: c.DryRun, Unroute: c.ForceUnroute, Log: e.log,
	})
	if err != nil {
		return err
	}
	printReport(e.stdout, report)
	return nil
}

func printReport(w io.Writer, r world.Report) {
	verb := "imported"
	if r.DryRun {
		verb = "would import"
	}
	fmt.Fprintf(w, "%s %s: %d changes\n", verb, r.File, r.Changes())
	for _, c := range r.Counts {
		fmt.Fprintf(w, "  %-16s %d created, %d changed, %d deleted, %d unchanged\n", c.Kind, c.Created, c.Changed, c.Deleted, c.Unchanged)
	}
	for _, d := range r.Deleted {
		fmt.Fprintf(w, "  deleted %s %s %s\n", d.Kind, d.Org, d.Key)
	}
	for _, f := range r.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", f)
	}
	for _, f := range r.Unrouted {
		fmt.Fprintf(w, "  unrouted: %s: %s\n", f.Path, f.Msg)
	}
	if r.Applied != "" {
		fmt.Fprintf(w, "  to take it back: callbox undo %s\n", r.Applied)
	}
}

type importNetworkCmd struct {
	dataFlag
	File    string `arg:"" help:"CSV file with the columns kind, mac, mac_to, chassis, port, range, name, mobility, location." type:"existingfile"`
	Org     string `required:"" help:"Key of the organisation."`
	Replace bool   `help:"The file is the whole map: what it does not name is deleted, what stands elsewhere is moved."`
	DryRun  bool   `help:"Check the file and say what it would change."`
}

func (c *importNetworkCmd) Run(e *env) error {
	bar := progressBar(filepath.Base(c.File))
	r, err := app.ImportNetworkFile(e.ctx, app.ImportNetworkRequest{
		DataDir: c.Data, File: c.File, Org: c.Org, Replace: c.Replace, DryRun: c.DryRun, Read: bar.tell, Log: e.log,
	})
	bar.end()
	if err != nil {
		return err
	}
	verb := "imported"
	if r.DryRun {
		verb = "would import"
	}
	fmt.Fprintf(e.stdout, "%s %s into %s: %d rows, %d created, %d moved, %d deleted, %d unchanged\n",
		verb, r.File, r.Org, r.Rows, r.Created, r.Moved, r.Deleted, r.Unchanged)
	return nil
}

type loginCmd struct {
	dataFlag
	Org string `arg:"" optional:"" help:"Key of the organisation, where there are several."`
}

func (c *loginCmd) Run(e *env) error {
	link, err := app.AskLogin(e.ctx, c.Data, c.Org)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, link)
	return nil
}

type demoCmd struct {
	Once bool `help:"Run once and exit: 0 only if PSAP, notice and record agree."`
	JSON bool `help:"Print one JSON object on standard output."`
}

func (c *demoCmd) Run(e *env) error {
	return app.Demo(e.ctx, app.DemoConfig{Once: c.Once, JSON: c.JSON, Out: e.stdout, Log: e.log, Worker: speechWorker()})
}

type simCmd struct {
	Phone simPhoneCmd `cmd:"" help:"A phone that locates itself by HELD and dials."`
	PSAP  simPSAPCmd  `cmd:"" help:"A PSAP that answers, is busy, silent, rings for ever, hangs up or calls back."`
	Mail  simMailCmd  `cmd:"" help:"A mail server that keeps what it gets, and shows it."`
}

type simPhoneCmd struct {
	Number    string `arg:"" optional:"" default:"911" help:"What to dial: 911, 933, urn:service:sos ..."`
	Listen    string `help:"Address of the phone." default:"127.0.0.11:0"`
	Server    string `help:"Callbox." default:"127.0.0.1:5060"`
	Transport string `help:"udp or tcp." default:"udp" enum:"udp,tcp"`
	Line      string `help:"Its number." default:"+16175550111"`
	UserID    string `name:"user-id" help:"E911-User-ID, as a platform adds it."`
	HELD      string `help:"Location server, such as http://127.0.0.1:8080/held; none: no location."`
	HELDFrom  string `name:"held-from" help:"Source address of the location request."`
	CompanyID string `name:"company-id" help:"HELD company id."`
	Secret    string `help:"HELD company secret."`
	Chassis   string `help:"LLDP chassis it sees."`
	Port      string `help:"LLDP port it sees."`
	BSSID     string `name:"bssid" help:"Access point it is on."`
	MAC       string `name:"mac" help:"Its own hardware address."`
	Seconds   int    `help:"Hang up so long after the answer." default:"3"`
	WAV       string `name:"wav" help:"Write what was heard to this file."`
}

func (c *simPhoneCmd) Run(e *env) error {
	return app.SimPhone(e.ctx, app.SimPhoneConfig{
		Number: c.Number, Listen: c.Listen, Server: c.Server, Transport: c.Transport, Line: c.Line, UserID: c.UserID,
		HELD: c.HELD, HELDFrom: c.HELDFrom, CompanyID: c.CompanyID, Secret: c.Secret,
		Chassis: c.Chassis, Port: c.Port, BSSID: c.BSSID, MAC: c.MAC, Seconds: c.Seconds, WAV: c.WAV, Out: e.stdout,
	})
}

type simPSAPCmd struct {
	Listen    string `help:"Address, over UDP and TCP." default:"127.0.0.21:5071"`
	Behaviour string `help:"answer, busy, unavailable, silent, ring, hangup or callback." default:"answer" enum:"answer,busy,unavailable,silent,ring,hangup,callback"`
	RingMS    int    `name:"ring-ms" help:"Ring so long before the answer." default:"500"`
	AfterMS   int    `name:"after-ms" help:"hangup, callback: so long after the answer." default:"1000"`
	Back      string `help:"callback: where the call goes." default:"127.0.0.1:5060"`
}

func (c *simPSAPCmd) Run(e *env) error {
	return app.SimPSAP(e.ctx, app.SimPSAPConfig{Listen: c.Listen, Behaviour: c.Behaviour, RingMS: c.RingMS, AfterMS: c.AfterMS, Back: c.Back, Out: e.stdout})
}

type simMailCmd struct {
	Listen string `help:"SMTP address." default:"127.0.0.1:2525"`
}

func (c *simMailCmd) Run(e *env) error { return app.SimMail(e.ctx, c.Listen, e.stdout) }

// benchCmd has a command for each thing that is measured.
type benchCmd struct {
	Calls   benchCallsCmd   `cmd:"" default:"withargs" help:"Calls, against SIPp direct, as a table (the default)."`
	Held    benchHeldCmd    `cmd:"" help:"Location requests, against a handler that does nothing."`
	Publish benchPublishCmd `cmd:"" help:"Changes of a large network map while location requests run, and the start from the file."`
	SIP     benchSIPCmd     `cmd:"" name:"sip" help:"Emergency calls at a high rate, against Kamailio relaying the same calls, and overload."`
	Import  benchImportCmd  `cmd:"" help:"Large tables planned and applied, and a network map of a million elements, on both engines."`
	API     benchAPICmd     `cmd:"" name:"api" help:"Reads over the API while emergency calls run, and what they do to call set-up."`
	Lost    benchLostCmd    `cmd:"" help:"Service boundaries against PostGIS, LoST against a handler that does nothing, and addresses validated."`
}

type benchLostCmd struct {
	NoPeer   bool `name:"no-peer" help:"Leave PostGIS out."`
	JSON     bool `help:"Print one JSON object."`
	Polygons int  `help:"Boundaries of the synthetic set." default:"6000"`
	Corners  int  `help:"Corners of each." default:"834"`
	Server   bool `hidden:"" help:"Be the server of the benchmark, told by standard input."`
}

func (c *benchLostCmd) Run(e *env) error {
	conf := bench.LostConfig{Polygons: c.Polygons, Corners: c.Corners, NoPeer: c.NoPeer, JSON: c.JSON, Stdout: e.stdout}
	if c.Server {
		return bench.ServeLost(e.ctx, conf, os.Stdin, e.stdout)
	}
	var err error
	if conf.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return bench.RunLost(e.ctx, conf)
}

type benchHeldCmd struct {
	Elements int    `help:"Network elements." default:"1000000"`
	Devices  int    `help:"Devices that ask." default:"100000"`
	JSON     bool   `help:"Print one JSON object."`
	Profile  string `help:"File for a processor profile of the server." type:"path"`
	Server   bool   `hidden:"" help:"Be the server of the benchmark, told by standard input."`
}

func (c *benchHeldCmd) Run(e *env) error {
	conf := bench.HeldConfig{Elements: c.Elements, Devices: c.Devices, Profile: c.Profile, JSON: c.JSON, Stdout: e.stdout}
	if c.Server {
		return bench.ServeHeld(e.ctx, conf, os.Stdin, e.stdout)
	}
	var err error
	if conf.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return bench.RunHeld(e.ctx, conf)
}

type benchPublishCmd struct {
	Elements int  `help:"Network elements." default:"1000000"`
	Devices  int  `help:"Devices, each with user and number." default:"100000"`
	JSON     bool `help:"Print one JSON object."`
}

func (c *benchPublishCmd) Run(e *env) error {
	return bench.RunPublish(e.ctx, bench.PublishConfig{Elements: c.Elements, Devices: c.Devices, JSON: c.JSON, Out: e.stdout})
}

type benchCallsCmd struct {
	Out     string `help:"File for the table; none: standard output." type:"path"`
	Rates   []int  `help:"Calls a second." default:"100,200"`
	Seconds int    `help:"Length of each step." default:"10"`
}

func (c *benchCallsCmd) Run(e *env) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	also := func(ctx context.Context) (string, error) { return bench.MapTables(ctx, self) }
	return bench.Run(e.ctx, bench.Config{Program: self, Out: c.Out, Rates: c.Rates, Seconds: c.Seconds, Stdout: e.stdout, Log: e.log, Also: also})
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	fmt.Fprintln(e.stdout, "callbox", app.Version)
	return nil
}

type speechCmd struct {
	Voice string `default:"slt" help:"Voice."`
}

func (c *speechCmd) Run(e *env) error { return voice.Serve(e.ctx, c.Voice, os.Stdin, os.Stdout) }
