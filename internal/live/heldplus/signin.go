package heldplus

import (
	"net/mail"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/internal/snapshot"
)

// Codes of the alarms that HELD+ raises; facts of kind journal.AlarmRaised.
const (
	// AlarmUnknownUser: a client signed somebody in whom the organisation does not
	// know. He is located all the same (E1, F-24).
	AlarmUnknownUser = "heldplus_unknown_user"
	// AlarmClaimedTwice: a client claims a hardware address that another client
	// signed in with.
	AlarmClaimedTwice = "heldplus_device_claimed_twice"
)

// Bounds of what a client says of itself.
const (
	minClientID = 16
	maxText     = 128
	maxMACs     = 16
)

// signIn signs the user of a device in.
func (s *Server) signIn(q *request, body []byte) (any, *failure) {
	in, fail := read[SignInRequest](q, body)
	if fail != nil {
		return nil, fail
	}
	if fail := in.check(); fail != nil {
		return nil, fail
	}
	snap := s.cfg.Snapshot.Load()
	o, fail := s.organisation(snap, q, in.Organisation)
	if fail != nil {
		return nil, fail
	}
	user := s.user(o, q, &in.User)
	digest := clientDigest(o.ID(), in.Device.ClientID)
	id := s.nameDevice(o, q, &in.Device, digest)
	c := claims{
		Org: o.ID(), Device: id.ID, User: user.ID, Client: digest, ID: newID(),
		Issued: q.now.UnixMilli(), Expires: q.now.Add(s.cfg.Policy.SessionTTL).UnixMilli(),
	}
	token, err := s.sealSession(snap, c)
	if err != nil {
		s.cfg.Log.Error("HELD+ cannot seal a session", obs.Err(err), obs.KeyOrg, o.ID())
		return nil, &failure{status: 503, code: "unavailable", title: "No session can be made now.", retry: 30 * time.Second}
	}
	k := key{c.Org, c.Device}
	reported := s.book.reported(k)
	if s.mayKeep(k, q.now) {
		s.cfg.LIS.SignIn(c.Org, c.Device, user.ID)
		s.book.begin(k, journal.Session{
			Device: c.Device, Client: digest, ID: c.ID, User: user.ID, Says: s.claimed(user, &in.User), Expires: time.UnixMilli(c.Expires).UTC(),
		}, in.Device.says(), q.now, s.cfg.Journal)
	}
	p := &s.cfg.Policy
	return SignInAnswer{
		Session: Session{Token: token, Expires: time.UnixMilli(c.Expires).UTC()},
		User:    UserIs{Known: user.ID != "", Name: user.Name, Callback: string(s.Callback(c.Org, user.ID))},
		Device:  id,
		Policy: PolicyIs{
			ReportSeconds: int(p.Report / time.Second), TTLSeconds: int(p.TTL / time.Second), EmergencyNumbers: p.Emergency,
		},
		HeldConfigPending: !reported && !s.cfg.LIS.AskedHELD(c.Org, e911.DeviceID(c.Device)),
		ServerTime:        q.now, Warnings: q.warnings,
	}, nil
}

// check tells the faults of what must be there.
func (in *SignInRequest) check() *failure {
	var faults []Fault
	need := func(field, v string, lo, hi int, fix string) {
		switch {
		case v == "":
			faults = append(faults, Fault{Field: field, Rule: "required", Msg: "this is missing", Fix: fix})
		case len(v) < lo || len(v) > hi || clip(v, hi) != v:
			faults = append(faults, Fault{Field: field, Rule: "length", Msg: "this is too short, too long, or holds control characters", Fix: fix})
		}
	}
	need("organisation.company_id", in.Organisation.CompanyID, 1, maxText, "the HELD company id that the organisation was given")
	need("organisation.secret", in.Organisation.Secret, 1, 512, "one of the organisation's HELD+ secrets")
	need("device.client_id", in.Device.ClientID, minClientID, maxText, "16 to 128 characters, made at random at installation and kept")
	if len(faults) > 0 {
		return badRequest(faults...)
	}
	return nil
}

// organisation finds the organisation that a client proves to belong to. It does
// not tell whether the name or the secret is wrong.
func (s *Server) organisation(snap *snapshot.Snapshot, q *request, in Organisation) (*snapshot.Org, *failure) {
	who := network(q.source) + "|" + strings.ToLower(strings.ReplaceAll(clip(in.CompanyID, maxText), "-", ""))
	if wait, ok := s.limits.wrong.open(who, q.now); !ok {
		return nil, tooMany(wait)
	}
	o, ok := lis.OrgNamed(snap, in.CompanyID)
	conf := e911.Org{HELD: e911.HELDAccess{Secrets: []e911.Secret{"none"}}}
	if ok {
		conf = o.Config()
	}
	if right := lis.SecretOf(conf, in.Secret); ok && right {
		return o, nil
	}
	s.limits.wrong.take(who, q.now)
	return nil, &failure{
		status: 401, code: "organisation", title: "The organisation's id or secret is wrong.",
		faults: []Fault{{Field: "organisation", Rule: "unknown", Msg: "no organisation has this company id with this secret", Fix: "ask the administrator for both"}},
	}
}

// user finds whom the client signs in. Nobody is refused: who is not known is an
// unknown user, and his device is located all the same.
func (s *Server) user(o *snapshot.Org, q *request, in *UserClaim) e911.User {
	in.Email, in.DeviceUserID = strings.TrimSpace(clip(in.Email, 254)), clip(in.DeviceUserID, maxText)
	var byMail, byID e911.User
	if in.Email != "" {
		if a, err := mail.ParseAddress(in.Email); err != nil || a.Address != in.Email {
			q.left("user.email", "format", "this is no mail address", "write name@example.org")
		} else {
			byMail, _ = s.cfg.LIS.UserByMail(o, in.Email)
		}
	}
	if in.DeviceUserID != "" {
		byID, _ = o.UserByDeviceUserID(in.DeviceUserID)
	}
	switch {
	case byMail.ID != "" && byID.ID != "" && byMail.ID != byID.ID:
		q.left("user", "unknown", "mail address and device user id are two users'", "send one of them")
		return e911.User{}
	case byMail.ID != "":
		return byMail
	case byID.ID != "":
		return byID
	}
	if in.Email == "" && in.DeviceUserID == "" {
		return e911.User{}
	}
	q.left("user", "unknown", "the organisation knows no such user; the device is located all the same", "ask the administrator to add him")
	if _, ok := s.limits.wrong.take("user|"+string(o.ID()), q.now); ok {
		s.alarm(o.ID(), q, AlarmUnknownUser, "a client signed in "+who(in)+", whom the organisation does not know; the device is located all the same")
	}
	return e911.User{}
}

func who(in *UserClaim) string {
	if in.Email != "" {
		return in.Email
	}
	return in.DeviceUserID
}

// claimed is how an unknown user calls himself.
func (s *Server) claimed(user e911.User, in *UserClaim) string {
	if user.ID != "" {
		return ""
	}
	return who(in)
}

func (s *Server) alarm(org e911.OrgID, q *request, code, detail string) {
	s.cfg.Journal.Record(journal.New(journal.AlarmRaised, q.now, org, "", journal.Alarm{Code: code, Detail: detail, Source: q.source.String(), Count: 1}))
}

// nameDevice finds the device: one that is configured with one of the hardware
// addresses, else a stable name made of the client id. A device belongs to the
// client that first signed in on it, until that signs out or an administrator
// revokes it: hardware addresses are no secret.
func (s *Server) nameDevice(o *snapshot.Org, q *request, in *DeviceClaim, digest string) DeviceIs {
	own := DeviceIs{ID: lis.StableName(o.ID(), "client", in.ClientID)}
	var found e911.DeviceID
	for i, text := range in.MACs {
		field := at("device.macs", i)
		m, err := e911.ParseMAC(text)
		switch {
		case i >= maxMACs:
			q.left(field, "limit", "16 hardware addresses are looked at", "")
			return own
		case err != nil || m.Group():
			q.left(field, "format", "this is no hardware address of a device", "write 00:11:22:33:44:55")
			continue
		case o.IgnoredMAC(m):
			continue
		}
		if d, ok := o.DeviceByMAC(m); ok && found == "" {
			found = d.ID
		} else if ok && d.ID != found {
			q.left(field, "unknown", "the hardware addresses are of several devices; the first counts", "send those of this machine alone")
		}
	}
	if found == "" {
		return own
	}
	bound, since, ok := s.book.boundTo(key{o.ID(), string(found)})
	if ok && bound != "" && bound != digest && !s.cfg.LIS.Revoked(o.ID(), string(found), since) {
		s.cfg.Journal.Record(journal.New(journal.ClientConflict, q.now, o.ID(), "", journal.Session{Device: own.ID, Client: digest, Other: string(found)}))
		if _, ok := s.limits.wrong.take("claim|"+string(o.ID())+string(found), q.now); ok {
			s.alarm(o.ID(), q, AlarmClaimedTwice, "another client claims the hardware address of the device "+string(found)+"; it was given a name of its own")
		}
		q.left("device.macs", "claimed", "another client signed in with this hardware address; the device has a name of its own", "sign the other one out, or ask the administrator to revoke it")
		return own
	}
	return DeviceIs{ID: string(found), Known: true}
}

// mayKeep bounds the devices that the secret of one organisation can invent in
// a time. One too many is signed in and located, and not kept.
func (s *Server) mayKeep(k key, now time.Time) bool {
	if _, _, ok := s.book.boundTo(k); ok {
		return true
	}
	_, ok := s.limits.fresh.take(string(k.org), now)
	return ok
}

// says is what the client tells of the machine.
func (d *DeviceClaim) says() []journal.Named {
	var out []journal.Named
	for _, n := range []journal.Named{
		{Name: "hostname", Value: d.Hostname},
		{Name: "model", Value: d.Model},
		{Name: "client", Value: d.Client},
		{Name: "version", Value: d.Version},
		{Name: "os", Value: d.OS},
	} {
		if n.Value = clip(n.Value, 64); n.Value != "" {
			out = append(out, n)
		}
	}
	return out
}

// signOut ends a session and what was given out in it. The device is located by
// what it shows, as before (F-34).
func (s *Server) signOut(q *request, _ []byte) (any, *failure) {
	c := q.caller
	s.book.end(c.key, q.now, s.cfg.Journal)
	s.cfg.LIS.SignOut(c.Org, c.Device)
	if c.User == "" {
		s.cfg.LIS.Revoke(c.Org, c.Device, "heldplus", "signed out")
	}
	return Done{OK: true}, nil
}
