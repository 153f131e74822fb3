package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/alirecord"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/wire/held"
)

const (
	elinsAPlace     = 10
	callsAPlace     = 6    // fewer than its ELINs: none is shared, and none runs low
	maxVariantCalls = 4500 // there are 10,000 numbers for ELINs
	variantMAC      = "00:1b:54:10:%02x:%02x"
	variantSwitch   = "0c:75:bd:00:01:01"
)

// variantPlaces is how many locations so many calls, and those that warm up, need.
func variantPlaces(calls int) int { return calls*5/4/callsAPlace + 1 }

// variantWorld adds to examples/harbor.yaml the trunks of the variants, places with
// a port, a telephone and ELINs each, and makes the PSAP's routes these.
func variantWorld(text []byte, routes []string, places int) []byte {
	var trunks, locations, devices, numbers strings.Builder
	for _, t := range variantTrunks {
		fmt.Fprintf(&trunks, "    - {key: %s, side: %s, kind: %s, profile: %s, to: \"sip:911@%s;transport=tcp\", from: [%s/32], dr_from: []}\n",
			t.key, t.side, t.kind, t.profile, t.addr, netip.MustParseAddrPort(t.addr).Addr())
	}
	for i := range places {
		fmt.Fprintf(&locations, "              - {key: bench-%d, ROOM: \"B%d\", network: [{lldp: {chassis: %q, port: \"Gi1/0/%d\"}}]}\n", i, i, variantSwitch, i)
		fmt.Fprintf(&devices, "          - {key: bench-%d, mac: %q, model: demo-phone}\n", i, fmt.Sprintf(variantMAC, i>>8, i&0xff))
		for n := range elinsAPlace {
			fmt.Fprintf(&numbers, "          - {number: \"+1617556%04d\", location: bench-%d, elin: true}\n", i*elinsAPlace+n, i)
		}
	}
	var list []string
	for _, r := range routes {
		list = append(list, "{trunk: "+r+"}")
	}
	s := string(text)
	for _, edit := range [][2]string{
		{"    - {key: ecrc-a,", trunks.String() + "    - {key: ecrc-a,"},
		{"          - key: mill-2\n", locations.String() + "          - key: mill-2\n"},
		{"        devices:\n", "        devices:\n" + devices.String()},
		{"        numbers:\n", "        numbers:\n" + numbers.String()},
		{"routes: [{trunk: carrier-a}, {trunk: carrier-b}]", "routes: [" + strings.Join(list, ", ") + "]"},
	} {
		s = strings.Replace(s, edit[0], edit[1], 1)
	}
	return []byte(s)
}

// confirmELINs takes all ELINs through the loop with the carrier at once, in the
// database: by the command line each would be a process.
func (b *bench) confirmELINs(ctx context.Context) (err error) {
	ring, err := seal.LoadMaster(filepath.Join(b.data(), "master.key"))
	if err != nil {
		return err
	}
	st, err := sqlite.Open(filepath.Join(b.data(), "callbox.db"), ring, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return st.Write(ctx, "bench", func(w admin.Writer) error {
		orgs, err := w.Orgs(ctx)
		if err != nil {
			return err
		}
		mill, err := w.List(ctx, admin.Query{Kind: e911.KindBuilding, Org: orgs[0].ID, Field: admin.ByKey, Value: "mill-1"})
		if err != nil || len(mill) != 1 {
			return errors.Join(err, errors.New("the world has no mill"))
		}
		digest := alirecord.Digest(mill[0].Value.(e911.Building).Address, gis.MSAG{})
		q := admin.Query{Kind: e911.KindNumber, Org: orgs[0].ID}
		for {
			page, err := w.List(ctx, q)
			if err != nil {
				return err
			}
			for _, o := range page {
				if err := confirmELIN(ctx, w, o, digest); err != nil {
					return err
				}
			}
			if len(page) < admin.MaxPage {
				return nil
			}
			q.After = page[len(page)-1].Ref.ID
		}
	})
}

func confirmELIN(ctx context.Context, w admin.Writer, o admin.Object, digest e911.ALIDigest) error {
	n := o.Value.(e911.NumberRec)
	if !n.ELIN {
		return nil
	}
	now := time.Now().UTC()
	record := n.Record()
	for _, event := range []any{
		alirecord.Sent{Function: alirecord.Insert, Cycle: 1, Digest: digest, At: now},
		alirecord.Answered{Outcome: alirecord.Accepted, At: now},
		alirecord.Confirmed{By: "bench", Evidence: "bench", Now: digest, At: now},
	} {
		var err error
		if record, err = alirecord.Step(record, event); err != nil {
			return fmt.Errorf("confirm an ELIN: %w", err)
		}
	}
	n.ALI = &record
	_, err := w.Update(ctx, n, o.Version)
	return err
}

// tokens are references to the places, one of each telephone.
func (b *bench) tokens(ctx context.Context, places int) ([]string, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	out := make([]string, places)
	for i := range out {
		var err error
		if out[i], err = askPlace(ctx, client, i); err != nil {
			return nil, fmt.Errorf("ask where telephone %d is: %w", i, err)
		}
	}
	return out, nil
}

// askPlace asks for the reference of one place, as the telephone there does.
func askPlace(ctx context.Context, client *http.Client, i int) (string, error) {
	chassis, err := held.MACID(4, variantSwitch)
	if err != nil {
		return "", err
	}
	mac := strings.ToUpper(strings.ReplaceAll(fmt.Sprintf(variantMAC, i>>8, i&0xff), ":", "-"))
	body, err := held.AppendRequest(nil, &held.Request{
		Measurements: []held.Measurement{{Time: time.Now().UTC(), LLDP: []held.LLDP{{Chassis: chassis, Port: held.TextID(5, "Gi1/0/"+strconv.Itoa(i))}}}},
		Identity:     []held.Identifier{{Kind: held.IDMAC, Value: mac}},
	})
	if err != nil {
		return "", err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+heldAddr+"/held/"+companyID, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	q.Header.Set("Content-Type", "application/held+xml;charset=utf-8")
	q.SetBasicAuth(companyID, secret)
	res, err := client.Do(q)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	answer, err := held.ParseReply(text)
	if err != nil {
		return "", err
	}
	if len(answer.URIs) == 0 {
		return "", fmt.Errorf("no reference: %s", res.Status)
	}
	return answer.URIs[0], nil
}

// variantOutcome is what came of a load, as the PSAPs saw it.
type variantOutcome struct {
	out                                       outcome
	attempts, references, dereferenced, elins int
}

// variantLoad places the calls of a variant, with its PSAPs.
func (b *bench) variantLoad(ctx context.Context, v variant, cfg SIPConfig, tokens []string, seconds int) (out variantOutcome, err error) {
	l, err := b.through(cfg.Rate, seconds)
	if err != nil {
		return out, err
	}
	l.talk, l.tokens, l.logged, l.psap = cfg.Talk, tokens, true, trunkAddr(v.psap)
	var stops []func()
	stop := func() {
		for _, s := range stops {
			s()
		}
		stops = nil
	}
	defer stop()
	files := []string{filepath.Join(l.dir, psapLog)}
	for key, code := range v.refuse {
		dir := filepath.Join(l.dir, key)
		end, err := refuse(ctx, dir, trunkAddr(key), code)
		if err != nil {
			return out, err
		}
		stops, files = append(stops, end), append(files, filepath.Join(dir, psapLog))
	}
	follow := &follower{file: files[0], ask: v.deref}
	asking, cancel := context.WithCancel(ctx)
	followed := make(chan error, 1)
	go func() { followed <- follow.run(asking) }()
	out.out, err = l.run(ctx)
	cancel()
	if err = errors.Join(err, <-followed); err != nil {
		return out, err
	}
	stop()
	return out, out.count(files, follow, tokens)
}

// count reads what the PSAPs noted: a line for each INVITE, who called and which
// reference it had. The calls came with tokens, which are not the call's own.
func (o *variantOutcome) count(files []string, follow *follower, tokens []string) error {
	numbers := map[string]bool{}
	references := map[string]bool{}
	foreign := map[string]bool{}
	for _, t := range tokens {
		foreign[t] = true
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // nobody called
		}
		if err != nil {
			return fmt.Errorf("read what a PSAP noted: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			from, reference, ok := noted(line)
			if !ok {
				continue
			}
			o.attempts++
			if n := strings.TrimPrefix(from, "+1"); strings.HasPrefix(n, "617556") {
				numbers[n] = true
			}
			if reference != "" && !foreign[reference] {
				references[reference] = true
			}
		}
	}
	o.elins, o.references, o.dereferenced = len(numbers), len(references), follow.answered
	return nil
}

// noted takes a line of a PSAP apart.
func noted(line string) (from, reference string, ok bool) {
	_, rest, ok := strings.Cut(line, "INVITE from (")
	if !ok {
		return "", "", false
	}
	from, rest, _ = strings.Cut(rest, ") with (")
	reference, _, _ = strings.Cut(rest, ")")
	return from, reference, true
}

// follower asks for each location that the PSAP is given, as it is given.
type follower struct {
	file     string
	ask      bool
	answered int
}

const followEvery = 20 * time.Millisecond

func (f *follower) run(ctx context.Context) error {
	if !f.ask {
		return nil
	}
	client := &http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var in *bufio.Reader
	partial := ""
	for ended := false; ; {
		if in == nil {
			if file, err := os.Open(f.file); err == nil {
				defer file.Close()
				in = bufio.NewReader(file)
			}
		}
		for in != nil {
			line, err := in.ReadString('\n')
			if partial += line; err != nil {
				break // the rest of it comes later
			}
			_, reference, ok := noted(partial)
			partial = ""
			if ok && reference != "" && f.get(client, reference) {
				f.answered++
			}
		}
		if ended {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended = true // what came last is asked too
		}
	}
}

// get asks as a PSAP does (RFC 6753).
func (f *follower) get(client *http.Client, reference string) bool {
	q, err := http.NewRequest(http.MethodGet, reference, nil) //nolint:noctx // bounded by the client
	if err != nil {
		return false
	}
	q.Header.Set("Accept", "application/pidf+xml")
	res, err := client.Do(q)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return err == nil && strings.Contains(string(text), "presence")
}

func trunkAddr(key string) netip.AddrPort {
	for _, t := range variantTrunks {
		if t.key == key {
			return netip.MustParseAddrPort(t.addr)
		}
	}
	return psapSIP
}

// psapLog is where a SIPp PSAP notes what it got.
const psapLog = "psap.log"

// inviteNoted is the beginning of a PSAP's scenario, when it notes who called and
// the reference to his location.
const inviteNoted = `  <recv request="INVITE">
    <action>
      <ereg regexp="sips?:([^@]*)@" search_in="hdr" header="From:" check_it="false" assign_to="1,2"/>
      <ereg regexp="(http[^>]*/loc/[^>]*)>" search_in="hdr" header="Geolocation:" check_it="false" assign_to="3,4"/>
      <log message="INVITE from ([$2]) with ([$4])"/>
    </action>
  </recv>
  <Reference variables="1,3"/>
`

const refusing = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="PSAP refuses">
@INVITE@  <send retrans="500"><![CDATA[
SIP/2.0 @CODE@ Refused
[last_Via:]
[last_From:]
[last_To:];tag=[pid]r[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
</scenario>
`

// refuse starts a SIPp PSAP that answers every call with a code.
func refuse(ctx context.Context, dir string, at netip.AddrPort, code int) (stop func(), err error) {
	text := strings.NewReplacer("@INVITE@", inviteNoted, "@CODE@", strconv.Itoa(code)).Replace(refusing)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "uas.xml"), []byte(text), 0o600)); err != nil {
		return nil, fmt.Errorf("write a SIPp scenario: %w", err)
	}
	uas := exec.CommandContext(ctx, "sipp", "-sf", "uas.xml", "-i", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())),
		"-t", "t1", "-nostdin", "-aa", "-buff_size", strconv.Itoa(sippBuffer), "-trace_logs", "-log_file", psapLog,
		"-watchdog_minor_maxtriggers", "100000", "-watchdog_major_maxtriggers", "1000", "-trace_err", "-error_file", "psap.err")
	uas.Dir = dir
	if err := uas.Start(); err != nil {
		return nil, fmt.Errorf("start a SIPp PSAP: %w", err)
	}
	stop = func() {
		_ = uas.Process.Kill()
		_ = uas.Wait()
	}
	if err := waitBound(ctx, at, true); err != nil {
		stop()
		return nil, fmt.Errorf("wait for a SIPp PSAP: %w", err)
	}
	return stop, nil
}
