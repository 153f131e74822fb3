// Package snmp asks network devices for the tables of package discover, by
// SNMP v2c or v3 (RFC 3416, RFC 3414). It is the edge with the sockets: polite
// to agents (one request at a time for each, bounded requests, rows and time),
// and wary of them: an agent may stall, loop, lie or send junk, and costs no
// more than its limits. What was read before a device failed is kept.
package snmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/callbox911/callbox/internal/admin/discover"
	"github.com/callbox911/callbox/internal/e911"
)

// Auth is an authentication protocol of SNMP v3.
type Auth string

// The authentication protocols (RFC 3414, RFC 7860).
const (
	NoAuth     Auth = ""
	AuthMD5    Auth = "md5"
	AuthSHA    Auth = "sha"
	AuthSHA256 Auth = "sha256"
	AuthSHA512 Auth = "sha512"
)

// Priv is an encryption protocol of SNMP v3.
type Priv string

// The encryption protocols (RFC 3414, RFC 3826, and AES-256 as Cisco and others have it).
const (
	NoPriv     Priv = ""
	PrivDES    Priv = "des"
	PrivAES    Priv = "aes"
	PrivAES256 Priv = "aes256"
)

// minKey is the shortest passphrase (RFC 3414, section 11.2).
const minKey = 8

// Credentials are a community (v2c), or a user with keys (v3).
type Credentials struct {
	Community string
	User      string
	Auth      Auth
	AuthKey   string
	Priv      Priv
	PrivKey   string
	Context   string // of version 3; most agents have one without name
}

// String keeps the secrets out of logs, also by %v.
func (Credentials) String() string { return "(credentials)" }

// GoString keeps the secrets out of %#v.
func (Credentials) GoString() string { return "(credentials)" }

// Config is what New needs. The zero of a number means its default.
type Config struct {
	Credentials Credentials
	Timeout     time.Duration    // of one request; 2 s
	Retries     int              // of one request; 1
	Repetitions int              // rows that one request asks for; 20, so that an answer fits a datagram
	MaxRows     int              // of one table; 20,000
	MaxTime     time.Duration    // of one device; 3 min
	Parallel    int              // devices at once; 8
	Now         func() time.Time // when a device was read
}

// The defaults of Config.
const (
	defaultTimeout     = 2 * time.Second
	defaultRetries     = 1
	defaultRepetitions = 20
	defaultMaxRows     = 20000
	defaultMaxTime     = 3 * time.Minute
	defaultParallel    = 8

	// maxDeviceRows is all that one device may say, over its tables.
	maxDeviceRows = 200000
	// maxSilences is how many tables in a row may time out before the device
	// counts as gone: each costs Timeout × (Retries+1).
	maxSilences = 2
)

// Reader reads devices. It is safe for concurrent use.
type Reader struct{ cfg Config }

// New checks the configuration and reports all that is wrong with it.
func New(cfg Config) (*Reader, error) {
	setDefault(&cfg.Timeout, defaultTimeout)
	setDefault(&cfg.Retries, defaultRetries)
	setDefault(&cfg.Repetitions, defaultRepetitions)
	setDefault(&cfg.MaxRows, defaultMaxRows)
	setDefault(&cfg.MaxTime, defaultMaxTime)
	setDefault(&cfg.Parallel, defaultParallel)
	if faults := cfg.faults(); len(faults) > 0 {
		return nil, &e911.Error{Kind: e911.Invalid, Msg: "SNMP cannot ask with this", Faults: faults}
	}
	return &Reader{cfg: cfg}, nil
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

func (c Config) faults() []e911.Fault {
	var out []e911.Fault
	say := func(path, msg string) { out = append(out, e911.Fault{Path: path, Code: "invalid", Msg: msg}) }
	k := c.Credentials
	switch {
	case k.Community == "" && k.User == "":
		say("community", "a community, or a user of version 3, is needed")
	case k.Community != "" && k.User != "":
		say("community", "a community is for version 2c and a user for version 3: give one of them")
	}
	if !slices.Contains([]Auth{NoAuth, AuthMD5, AuthSHA, AuthSHA256, AuthSHA512}, k.Auth) {
		say("auth", "the authentication is md5, sha, sha256 or sha512")
	}
	if !slices.Contains([]Priv{NoPriv, PrivDES, PrivAES, PrivAES256}, k.Priv) {
		say("priv", "the encryption is des, aes or aes256")
	}
	if k.Auth != NoAuth && len(k.AuthKey) < minKey {
		say("auth", fmt.Sprintf("the authentication passphrase has at least %d characters", minKey))
	}
	if k.Priv != NoPriv && (k.Auth == NoAuth || len(k.PrivKey) < minKey) {
		say("priv", fmt.Sprintf("encryption needs authentication, and a passphrase of at least %d characters", minKey))
	}
	if c.Timeout < 0 || c.Retries < 0 || c.Repetitions < 0 || c.MaxRows < 0 || c.MaxTime < 0 || c.Parallel < 0 || c.Repetitions > 100 || c.Parallel > 256 {
		say("limits", "limits are positive, at most 100 repetitions and 256 devices at once")
	}
	if c.Now == nil {
		say("now", "a clock is needed")
	}
	return out
}

// Target is where an agent is.
type Target struct {
	Host string
	Port uint16
}

// agentPort is that of SNMP agents (RFC 3417, section 3.2).
const agentPort = 161

// ParseTarget reads HOST, HOST:PORT, ADDRESS or [ADDRESS]:PORT.
func ParseTarget(s string) (Target, error) {
	s = strings.TrimSpace(s)
	t := Target{Host: s, Port: agentPort}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		t.Host = a.String()
		return t, nil
	}
	if host, port, err := net.SplitHostPort(s); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Target{}, e911.Errorf(e911.Invalid, "%q: the port is a number from 1 to 65535", s)
		}
		t.Host, t.Port = host, uint16(n)
	}
	if _, err := netip.ParseAddr(t.Host); err == nil {
		return t, nil
	}
	if t.Host == "" || len(t.Host) > 253 || strings.ContainsAny(t.Host, " \t:/@,;\"'") {
		return Target{}, e911.Errorf(e911.Invalid, "%q is no host name or address", s)
	}
	return t, nil
}

// String writes the target as ParseTarget reads it, the usual port left out.
func (t Target) String() string {
	if t.Port == agentPort {
		return t.Host
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
}

// ReadAll reads the targets, a few at once, and returns devices and failures in
// the order of targets. When ctx ends it returns what it has, and the others as
// failures; no goroutine outlives it.
func (r *Reader) ReadAll(ctx context.Context, targets []Target) ([]discover.Device, []discover.Failure) {
	type result struct {
		d   discover.Device
		err error
	}
	results := make([]result, len(targets))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(r.cfg.Parallel, len(targets)) {
		wg.Go(func() {
			for i := range next {
				results[i].d, results[i].err = r.Read(ctx, targets[i])
			}
		})
	}
	for i := range targets {
		next <- i
	}
	close(next)
	wg.Wait()
	var devices []discover.Device
	var failed []discover.Failure
	for i, t := range targets {
		if err := results[i].err; err != nil {
			failed = append(failed, discover.Failure{Target: t.String(), Why: err.Error()})
		} else {
			devices = append(devices, results[i].d)
		}
	}
	return devices, failed
}

// Read asks one device for all its tables. The error says that it did not
// answer at all; a device that failed later is returned with what is missing.
func (r *Reader) Read(ctx context.Context, t Target) (discover.Device, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.cfg.MaxTime, errTime)
	defer cancel()
	a := &asking{r: r, target: t, left: maxDeviceRows}
	if err := a.system(ctx); err != nil {
		return discover.Device{}, err
	}
	object := discover.Object(a.answers)
	a.session(ctx, discover.Tables(object), 0)
	a.vlans(ctx)
	return discover.Decode(t.String(), r.cfg.Now(), a.answers), nil
}

var (
	errTime    = errors.New("the device took longer than one may")
	errSilent  = errors.New("the device stopped answering")
	errRows    = errors.New("more rows than one table may have")
	errLoop    = errors.New("the rows do not rise: the agent goes round in circles")
	errAllRows = errors.New("more rows than one device may have")
)

// asking is the reading of one device.
type asking struct {
	r        *Reader
	target   Target
	answers  []discover.Answer
	left     int // rows
	silences int
}

func (a *asking) system(ctx context.Context) error {
	s, err := a.r.open(ctx, a.target, 0)
	if err != nil {
		return err
	}
	defer s.close()
	rows := 0
	for _, t := range discover.System() {
		ans := a.ask(ctx, s, t, 0)
		rows += len(ans.Rows)
		if rows == 0 && ans.Err != nil {
			return ans.Err
		}
	}
	if rows == 0 {
		return errors.New("the agent shows nothing: the community or the user may not read")
	}
	return nil
}

// session asks for tables over one socket.
func (a *asking) session(ctx context.Context, tables []discover.Table, vlan int) {
	s, err := a.r.open(ctx, a.target, vlan)
	if err != nil {
		a.skip(tables, err, vlan)
		return
	}
	defer s.close()
	for i, t := range tables {
		if a.silences >= maxSilences {
			a.skip(tables[i:], errSilent, vlan)
			return
		}
		a.ask(ctx, s, t, vlan)
	}
}

// skip says of tables that nothing is known of them.
func (a *asking) skip(tables []discover.Table, why error, vlan int) {
	for _, t := range tables {
		a.answers = append(a.answers, discover.Answer{Table: t, Err: why, VLAN: vlan})
	}
}

func (a *asking) ask(ctx context.Context, s *session, t discover.Table, vlan int) discover.Answer {
	ans := discover.Answer{Table: t, VLAN: vlan}
	limit, why := a.r.cfg.MaxRows, errRows
	if a.left < limit {
		limit, why = a.left, errAllRows
	}
	ans.Rows, ans.Err = s.walk(ctx, t.Root, limit)
	if errors.Is(ans.Err, errRows) {
		ans.Err = why
	}
	a.left -= len(ans.Rows)
	if errors.Is(ans.Err, errNoAnswer) {
		a.silences++
	} else {
		a.silences = 0
	}
	a.answers = append(a.answers, ans)
	return ans
}

// vlans asks a Cisco switch once more for each VLAN, where it keeps one
// forwarding table for each and has no Q-BRIDGE-MIB.
func (a *asking) vlans(ctx context.Context) {
	var tables []discover.Table
	for _, ans := range a.answers {
		if ans.Table.PerVLAN {
			tables = append(tables, ans.Table)
		}
		if ans.Table.Name == "dot1qTpFdbPort" && len(ans.Rows) > 0 {
			return
		}
	}
	for _, vlan := range discover.VLANs(a.answers) {
		if ctx.Err() != nil || a.silences >= maxSilences {
			return
		}
		before := len(a.answers)
		a.session(ctx, tables, vlan)
		if a.silences > 0 {
			// An agent without these contexts does not answer; the rest of the
			// VLANs would cost the same and bring the same.
			a.answers = append(a.answers[:before], discover.Answer{Table: tables[len(tables)-1], VLAN: vlan, Err: errors.New("the forwarding tables of the VLANs cannot be read")})
			return
		}
	}
}
