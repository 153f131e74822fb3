package setuppages

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/callbox911/callbox/internal/admin/setup"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// pbxPage is what the page of PBXs shows.
type pbxPage struct {
	view
	setup.PBXs
	Made *setup.PBXMade // this once
	// Asked are open requests with what they overlap, for who decides.
	Asked              []setup.AskedRange
	MayWrite, MayProve bool // the latter: make and end secrets
	MayDecide          bool
	Refused            string // key of the PBX, or "connect", that the faults are of
}

// mountPBX adds the pages of PBXs.
func mountPBX(get, post func(path string, do func(p *page))) {
	get("/setup/pbx", (*page).pbxs)
	post("/setup/pbx", (*page).connectPBX)
	post("/setup/pbx/{key}/secrets", (*page).addPBXSecret)
	post("/setup/pbx/{key}/secrets/end", (*page).endPBXSecret)
	post("/setup/pbx/{key}/certificates", (*page).pinCertificate)
	post("/setup/pbx/{key}/certificates/end", (*page).unpinCertificate)
	post("/setup/pbx/{key}/ranges", (*page).askRanges)
	post("/setup/pbx/{key}/remove", (*page).removePBX)
	post("/setup/pbx/requests/{id}/withdraw", (*page).withdrawRanges)
	post("/setup/pbx/requests/{id}/decide", (*page).decideRanges)
}

func (p *page) pbxs() { p.showPBXs(pbxPage{}, nil) }

func (p *page) showPBXs(s pbxPage, wrong error) {
	if p.sites != nil {
		p.fail(e911.Errorf(e911.Denied, "PBXs are for administrators of the organisation"))
		return
	}
	all, err := p.svc.PBXs(p.ctx, p.v.Org)
	if err == nil && e911.KindOf(wrong) == e911.Unavailable && wrong != nil {
		err = wrong
	}
	if err != nil {
		p.fail(err)
		return
	}
	s.view, s.PBXs = p.view("PBXs", "pbx"), all
	s.MayWrite = p.may("", access.Setup)
	s.MayProve = s.MayWrite && p.may("", access.Secrets)
	a, err := p.ask(access.Node{}, access.Tenants, access.Write)
	if s.MayDecide = err == nil && a.Allowed; s.MayDecide {
		if s.Asked, err = p.svc.AskedRanges(p.ctx, p.v.Org); err != nil {
			p.fail(err)
			return
		}
	}
	status := http.StatusOK
	if wrong != nil {
		s.Said = ""
		s.Faults, status = p.told(wrong)
	}
	p.w.Header().Set("Cache-Control", "no-store")
	p.render(status, pbxView(s))
}

// pbxForm does something with a PBX; what shows or changes a proof asks for the secrets.
func (p *page) pbxForm(refused, said string, do func() error) {
	err := p.withSecrets(do)
	if err != nil {
		p.showPBXs(pbxPage{Refused: refused}, err)
		return
	}
	p.done("/setup/pbx", said)
}

func (p *page) key() string { return chi.URLParam(p.r, "key") }

func (p *page) connectPBX() {
	var made setup.PBXMade
	err := p.withSecrets(func() (err error) {
		made, err = p.svc.Connect(p.ctx, p.who(), p.v.Org, setup.PBXWish{
			Key: strings.TrimSpace(p.r.PostFormValue("key")), Inbound: e911.InboundProfile(p.r.PostFormValue("inbound")),
			IdentityHeader: strings.TrimSpace(p.r.PostFormValue("header")),
		})
		return err
	})
	p.showMade(made, "connect", err)
}

// showMade shows a new secret without a redirect: it is shown this once.
func (p *page) showMade(made setup.PBXMade, refused string, err error) {
	if err != nil {
		p.showPBXs(pbxPage{Refused: refused}, err)
		return
	}
	p.showPBXs(pbxPage{Made: &made}, nil)
}

func (p *page) addPBXSecret() {
	var made setup.PBXMade
	err := p.withSecrets(func() (err error) {
		made, err = p.svc.AddPBXSecret(p.ctx, p.who(), p.v.Org, p.key(), p.r.PostFormValue("note"))
		return err
	})
	p.showMade(made, p.key(), err)
}

func (p *page) endPBXSecret() {
	p.pbxForm(p.key(), "ended", func() error {
		return p.svc.EndPBXSecret(p.ctx, p.who(), p.v.Org, p.key(), p.r.PostFormValue("mark"))
	})
}

func (p *page) pinCertificate() {
	p.pbxForm(p.key(), "saved", func() error {
		_, err := p.svc.PinCertificate(p.ctx, p.who(), p.v.Org, p.key(), setup.PBXCertificate{
			Certificate: p.r.PostFormValue("certificate"), Request: p.r.PostFormValue("request"),
		})
		return err
	})
}

func (p *page) unpinCertificate() {
	p.pbxForm(p.key(), "saved", func() error {
		return p.svc.UnpinCertificate(p.ctx, p.who(), p.v.Org, p.key(), p.r.PostFormValue("hash"))
	})
}

func (p *page) removePBX() {
	p.pbxForm(p.key(), "pbx-removed", func() error {
		return p.svc.RemovePBX(p.ctx, p.who(), p.v.Org, p.key(), p.r.PostFormValue("agree") == "yes")
	})
}

func (p *page) askRanges() {
	err := p.must("", access.Setup)
	var w setup.RangeWish
	if err == nil {
		w.Note = strings.TrimSpace(p.r.PostFormValue("note"))
		if w.From, err = prefixesIn("from", p.r.PostFormValue("from")); err == nil {
			w.DRFrom, err = prefixesIn("dr_from", p.r.PostFormValue("dr_from"))
		}
	}
	if err == nil {
		_, err = p.svc.RequestRanges(p.ctx, p.who(), p.v.Org, p.key(), w)
	}
	p.rangesDone(p.key(), "asked", err)
}

func (p *page) withdrawRanges() {
	err := p.must("", access.Setup)
	if err == nil {
		err = p.svc.WithdrawRanges(p.ctx, p.who(), p.v.Org, chi.URLParam(p.r, "id"))
	}
	p.rangesDone("requests", "saved", err)
}

// decideRanges is the operator's.
func (p *page) decideRanges() {
	a, err := p.ask(access.Node{}, access.Tenants, access.Write)
	if err == nil && !a.Allowed {
		err = e911.Errorf(e911.Denied, "nothing was changed: %s", a.Why)
	}
	if err == nil {
		_, err = p.svc.DecideRanges(p.ctx, p.who(), p.v.Org, chi.URLParam(p.r, "id"), p.r.PostFormValue("approve") == "yes", p.r.PostFormValue("reason"))
	}
	p.rangesDone("requests", "saved", err)
}

func (p *page) rangesDone(refused, said string, err error) {
	if err != nil {
		p.showPBXs(pbxPage{Refused: refused}, err)
		return
	}
	p.done("/setup/pbx", said)
}

// prefixesIn reads address ranges, with spaces or commas between them; an address
// alone is a range of itself.
func prefixesIn(path, text string) (out []netip.Prefix, err error) {
	for i, f := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' || r == ';' }) {
		p, err := netip.ParsePrefix(f)
		if a, is := netip.ParseAddr(f); err != nil && is == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, &e911.Error{Kind: e911.Invalid, Msg: "nothing was asked for", Faults: []e911.Fault{{
				Path: fmt.Sprintf("%s[%d]", path, i), Code: "syntax", Msg: fmt.Sprintf("%q is no address range", f), Fix: "write 192.0.2.10 or 192.0.2.0/28",
			}}}
		}
		out = append(out, p)
	}
	return out, nil
}

// server is where a PBX sends its calls by a transport: our name, and the port.
func server(d setup.Door, network string) (port string, ok bool) {
	for _, l := range d.Listeners {
		if rest, is := strings.CutPrefix(l, network+":"); is {
			if _, port, err := net.SplitHostPort(rest); err == nil {
				return port, true
			}
		}
	}
	return "", false
}

// hostOf is what a PBX sends its calls to: our name, or, where the operator gave none
// that leads anywhere, our address.
func hostOf(d setup.Door) string {
	if !strings.HasSuffix(d.Domain, ".invalid") {
		return d.Domain
	}
	for _, l := range d.Listeners {
		if host, _, err := net.SplitHostPort(addressIn(l)); err == nil && host != "0.0.0.0" && host != "::" {
			return host
		}
	}
	return d.Domain
}

// way is the transport that a PBX best uses, and its port.
func way(d setup.Door) (network, port string) {
	for _, n := range []string{"tls", "tcp", "udp"} {
		if port, ok := server(d, n); ok {
			return n, port
		}
	}
	return "udp", "5060"
}

const placeholder = "SECRET"

// forAsterisk, forFreeSWITCH and forCUBE are what is typed there (res_pjsip, a gateway
// of mod_sofia, IOS XE).
func forAsterisk(d setup.Door, user string) string {
	network, port := way(d)
	return fmt.Sprintf(`[transport-callbox]
type=transport
protocol=%[1]s
bind=0.0.0.0

[callbox-auth]
type=auth
auth_type=userpass
username=%[2]s
password=%[3]s

[callbox]
type=aor
contact=sip:%[6]s:%[5]s\;transport=%[1]s

[callbox]
type=endpoint
transport=transport-callbox
aors=callbox
outbound_auth=callbox-auth
from_user=%[2]s
send_pai=yes
trust_id_outbound=yes
disallow=all
allow=ulaw

; extensions.conf, in the context that telephones dial from
exten => 911,1,Dial(PJSIP/911@callbox)
exten => 933,1,Dial(PJSIP/933@callbox)
`, network, user, placeholder, d.Domain, port, hostOf(d))
}

func forFreeSWITCH(d setup.Door, user string) string {
	network, port := way(d)
	return fmt.Sprintf(`<gateway name="callbox">
  <param name="proxy" value="%[6]s:%[5]s"/>
  <param name="realm" value="%[4]s"/>
  <param name="username" value="%[2]s"/>
  <param name="password" value="%[3]s"/>
  <param name="register" value="false"/>
  <param name="register-transport" value="%[1]s"/>
  <param name="caller-id-in-from" value="true"/>
</gateway>

<!-- dial plan -->
<extension name="help">
  <condition field="destination_number" expression="^(911|933)$">
    <action application="bridge" data="sofia/gateway/callbox/$1"/>
  </condition>
</extension>
`, network, user, placeholder, d.Domain, port, hostOf(d))
}

func forCUBE(d setup.Door, user string) string {
	network, port := way(d)
	if network == "tls" {
		network = "tcp tls"
	}
	return fmt.Sprintf(`sip-ua
 authentication username %[2]s password 0 %[3]s realm %[4]s

dial-peer voice 911 voip
 destination-pattern 911
 session protocol sipv2
 session target %[6]s:%[5]s
 session transport %[1]s
 voice-class sip asserted-id pai
 codec g711ulaw

dial-peer voice 933 voip
 destination-pattern 933
 session protocol sipv2
 session target %[6]s:%[5]s
 session transport %[1]s
 voice-class sip asserted-id pai
 codec g711ulaw
`, network, user, placeholder, d.Domain, port, cubeTarget(hostOf(d)))
}

// cubeTarget is a session target of IOS.
func cubeTarget(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return "ipv4:" + host
	}
	return "dns:" + host
}
