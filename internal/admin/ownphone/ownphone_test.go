package ownphone_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/examples"
	"github.com/callbox911/callbox/internal/admin/edit"
	"github.com/callbox911/callbox/internal/admin/ownphone"
	"github.com/callbox911/callbox/internal/admin/world"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/layers"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/internal/store/sqlite"
)

// bench is the example, whose telephones register with it, and two users: Ann with two
// numbers, Bob with none.
type bench struct {
	t      *testing.T
	st     *sqlite.Store
	editor *edit.Editor
	desk   *ownphone.Desk
	org    e911.OrgID
	now    time.Time
	down   bool
}

const ann, bob = "ann@harbor.example", "bob@harbor.example"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return b.now }
	ring, err := seal.NewRing(seal.Key{ID: "m1", Secret: seal.NewSecret()})
	b.must(err)
	b.st, err = sqlite.Open(filepath.Join(t.TempDir(), "callbox.db"), ring, clock)
	b.must(err)
	t.Cleanup(func() { b.st.Close() })
	im, err := world.New(world.Config{Store: b.st, Layer: layers.USCountyBoundary, Now: clock})
	b.must(err)
	text := strings.Replace(string(examples.Harbor()), "    name: Harbor Foods\n", "    name: Harbor Foods\n    sip_domain: phones.harbor.example\n", 1)
	_, err = im.Import(t.Context(), "test", "harbor.yaml", []byte(text), world.Options{})
	b.must(err)
	b.editor, err = edit.New(edit.Config{Store: b.st, Layer: layers.USCountyBoundary, Now: clock})
	b.must(err)
	var site e911.SiteID
	for o := range b.world().Orgs() {
		b.org = o.ID()
		for s := range o.Sites() {
			site = s.ID
		}
	}
	for email, numbers := range map[string][]e911.Number{ann: {"+16175550177", "+16175550178"}, bob: nil} {
		u, err := b.editor.Users.Create(t.Context(), "test", e911.User{Org: b.org, Site: site, Key: email[:3], Name: email[:3], Email: email})
		b.must(err)
		for _, n := range numbers {
			_, err = b.editor.Numbers.Create(t.Context(), "test", e911.NumberRec{Org: b.org, Site: site, Number: n, User: u.Value.ID})
			b.must(err)
		}
	}
	b.desk, err = ownphone.New(ownphone.Config{
		User: b.user, Now: clock,
		Devices: func() (ownphone.Devices, error) {
			if b.down {
				return nil, e911.Errorf(e911.Unavailable, "the database is away")
			}
			return &b.editor.Devices, nil
		},
		Registered: func(_ e911.OrgID, user string) []ownphone.Registration {
			return []ownphone.Registration{{Agent: "phone of " + user, Since: b.now, Until: b.now.Add(time.Hour)}}
		},
		Ways: func() []ownphone.Way { return []ownphone.Way{{Transport: "tls", Port: 5061}} },
	})
	b.must(err)
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err, e911.FaultsOf(err))
	}
}

func (b *bench) world() *snapshot.Snapshot {
	all, err := b.st.All(context.Background())
	b.must(err)
	var changes []snapshot.Change
	for _, r := range all.Rows {
		changes = append(changes, snapshot.Change{Kind: r.Ref.Kind, Org: r.Ref.Org, ID: r.Ref.ID, Object: r.Value})
	}
	w, err := snapshot.Build(changes, b.now)
	b.must(err)
	return w
}

func (b *bench) user(org e911.OrgID, email string) (*snapshot.Org, e911.User, error) {
	o := b.world().Org(org)
	for u := range o.Users() {
		if u.Email == email {
			return o, u, nil
		}
	}
	return nil, e911.User{}, e911.Errorf(e911.NotFound, "nobody")
}

func (b *bench) setUp(email string, w ownphone.Wish) (ownphone.Made, error) {
	return b.desk.SetUp(b.t.Context(), "ann", b.org, email, w)
}

func (b *bench) account(id e911.DeviceID) *e911.SIPAccount {
	b.t.Helper()
	d, err := b.editor.Devices.Get(b.t.Context(), b.org, string(id))
	b.must(err)
	return d.Value.SIP
}

// Proves: C-64, D-09
func TestAUserSetsUpRenewsAndRemovesHisTelephone(t *testing.T) {
	b := newBench(t)
	made, err := b.setUp(ann, ownphone.Wish{Name: " my desk "})
	b.must(err)
	a := b.account(made.Phone.ID)
	if made.Domain != "phones.harbor.example" || made.Phone.Name != "my desk" || made.Phone.Line != "+16175550177" || a.User != made.Phone.User || a.Secret != made.Password || len(a.Secret) < 20 {
		t.Errorf("made %+v with a password of %d letters", made, len(made.Password))
	}
	if strings.Contains(fmt.Sprintf("%v %+v", made, made), string(made.Password)) {
		t.Error("a password is printed by accident")
	}
	other, err := b.setUp(ann, ownphone.Wish{Line: "+16175550178"})
	b.must(err)
	if other.Phone.Line != "+16175550178" || other.Phone.User == made.Phone.User || other.Password == made.Password {
		t.Errorf("the second: %+v", other.Phone)
	}
	b.now = b.now.Add(time.Minute)
	again, err := b.desk.Renew(t.Context(), "ann", b.org, ann, made.Phone.ID)
	b.must(err)
	if a = b.account(made.Phone.ID); again.Password == made.Password || a.Secret != again.Password || again.Phone.User != made.Phone.User || !a.Own.Made.Equal(b.now) {
		t.Errorf("renewed: %+v", again.Phone)
	}
	b.must(b.desk.Remove(t.Context(), "ann", b.org, ann, made.Phone.ID))
	if a = b.account(made.Phone.ID); a.Secret == again.Password || a.User != made.Phone.User || a.Own.Live() {
		t.Errorf("removed: %+v", a.Own)
	}
	own, err := b.desk.Of(b.org, ann)
	b.must(err)
	if len(own.Phones) != 2 || own.Phones[0].ID != other.Phone.ID || own.Phones[1].Ended.IsZero() || own.Phones[0].Registered[0].Agent != "phone of "+other.Phone.User || own.Closed != "" {
		t.Errorf("she sees %+v", own)
	}
	entries, err := b.st.Audit(t.Context(), b.org, 0, 100)
	b.must(err)
	text := fmt.Sprintf("%+v", entries)
	for _, secret := range []e911.Secret{made.Password, again.Password, other.Password} {
		if strings.Contains(text, string(secret)) {
			t.Error("the audit trail has a password")
		}
	}
	if n := strings.Count(text, "own-"); n < 2 {
		t.Errorf("the audit trail has %d of her telephones: %s", n, text)
	}
}

// Proves: C-64, E14, E15
func TestWhatAUserMayNotDoWithTelephones(t *testing.T) {
	b := newBench(t)
	made, err := b.setUp(ann, ownphone.Wish{Once: "23456789abcdefgh"})
	b.must(err)
	var admins e911.DeviceID
	_, u, err := b.user(b.org, ann)
	b.must(err)
	d, err := b.editor.Devices.Create(t.Context(), "test", e911.Device{Org: b.org, Site: u.Site, Key: "desk", User: u.ID, SIP: &e911.SIPAccount{User: "2001", Secret: "an-administrators-own"}})
	b.must(err)
	admins = d.Value.ID
	for name, c := range map[string]struct {
		err  error
		kind e911.Kind
	}{
		"the same press twice":          {second(b.setUp(ann, ownphone.Wish{Once: "23456789abcdefgh"})), e911.Conflict},
		"another's number":              {second(b.setUp(ann, ownphone.Wish{Line: "+16175550111"})), e911.Invalid},
		"a name of two lines":           {second(b.setUp(ann, ownphone.Wish{Name: "a\nb"})), e911.Invalid},
		"who has no number":             {second(b.setUp(bob, ownphone.Wish{})), e911.Denied},
		"nobody":                        {second(b.setUp("eve@harbor.example", ownphone.Wish{})), e911.NotFound},
		"another's telephone":           {b.desk.Remove(t.Context(), "bob", b.org, bob, made.Phone.ID), e911.NotFound},
		"one that is not there":         {b.desk.Remove(t.Context(), "ann", b.org, ann, "x"), e911.NotFound},
		"one of the administrator's":    {second(b.desk.Renew(t.Context(), "ann", b.org, ann, admins)), e911.Denied},
		"taking an administrator's off": {b.desk.Remove(t.Context(), "ann", b.org, ann, admins), e911.Denied},
	} {
		if e911.KindOf(c.err) != c.kind || c.err == nil {
			t.Errorf("%s: %v, want %s", name, c.err, c.kind)
		}
	}
	o, err := b.editor.Orgs.Get(t.Context(), b.org, string(b.org))
	b.must(err)
	o.Value.OwnPhonesOff = true
	_, err = b.editor.Orgs.Update(t.Context(), "test", o.Value, o.Version)
	b.must(err)
	if _, err := b.desk.Renew(t.Context(), "ann", b.org, ann, made.Phone.ID); e911.KindOf(err) != e911.Denied {
		t.Errorf("an organisation that sets telephones up itself: %v", err)
	}
	b.must(b.desk.Remove(t.Context(), "ann", b.org, ann, made.Phone.ID)) // a lost telephone is taken off whatever holds
	b.down = true
	own, err := b.desk.Of(b.org, ann)
	if err != nil || len(own.Phones) != 2 || !strings.Contains(own.ReadOnly, "911 works") {
		t.Errorf("without the database: %+v %v", own, err)
	}
	if err := b.desk.Remove(t.Context(), "ann", b.org, ann, made.Phone.ID); e911.KindOf(err) != e911.Unavailable {
		t.Errorf("without the database one is taken off: %v", err)
	}
}

func second[A any](_ A, err error) error { return err }

// Proves: C-64: how many there are, how often, and how long an account stays.
func TestTheBoundsOfOnesOwnTelephones(t *testing.T) {
	b := newBench(t)
	var first ownphone.Made
	for i := range ownphone.MaxLive {
		made, err := b.setUp(ann, ownphone.Wish{})
		b.must(err)
		if i == 0 {
			first = made
		}
	}
	if _, err := b.setUp(ann, ownphone.Wish{}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("one too many: %v", err)
	}
	b.must(b.desk.Remove(t.Context(), "ann", b.org, ann, first.Phone.ID))
	if _, err := b.setUp(ann, ownphone.Wish{}); err != nil {
		t.Errorf("in place of one that was taken off: %v", err)
	}
	if _, err := b.desk.Renew(t.Context(), "ann", b.org, ann, first.Phone.ID); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the one that was taken off comes back, one too many: %v", err)
	}
	_, err := b.setUp(ann, ownphone.Wish{})
	for range 10 {
		if _, err = b.setUp(ann, ownphone.Wish{}); err == ownphone.ErrTooMany { //nolint:errorlint // this very error
			break
		}
	}
	if err != ownphone.ErrTooMany { //nolint:errorlint // this very error
		t.Errorf("many within an hour: %v", err)
	}
	b.now = b.now.Add(32 * 24 * time.Hour)
	if _, err := b.setUp(ann, ownphone.Wish{}); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a month later: %v", err)
	}
	if _, err := b.editor.Devices.Get(t.Context(), b.org, string(first.Phone.ID)); e911.KindOf(err) != e911.NotFound {
		t.Errorf("an account that ended a month ago is still there: %v", err)
	}
}

// Proves: C-64: a file of the world that does not name what users made leaves it.
func TestAWorldFileLeavesTheTelephonesOfItsUsers(t *testing.T) {
	b := newBench(t)
	_, u, err := b.user(b.org, ann)
	b.must(err)
	made, err := b.setUp(ann, ownphone.Wish{})
	b.must(err)
	stored, err := b.editor.Users.Get(t.Context(), b.org, string(u.ID))
	b.must(err)
	stored.Value.Asked = b.now
	_, err = b.editor.Users.Update(t.Context(), "test", stored.Value, stored.Version)
	b.must(err)
	text := strings.Replace(string(examples.Harbor()), "    name: Harbor Foods\n", "    name: Harbor Foods\n    sip_domain: phones.harbor.example\n", 1)
	im, err := world.New(world.Config{Store: b.st, Layer: layers.USCountyBoundary, Now: func() time.Time { return b.now }})
	b.must(err)
	with := strings.Replace(text, "        users:\n", "        users:\n          - {key: ann, name: Ann, email: "+ann+"}\n", 1)
	if with == text {
		t.Fatal("the example has no users")
	}
	_, err = im.Import(t.Context(), "test", "harbor.yaml", []byte(with), world.Options{})
	b.must(err)
	if a := b.account(made.Phone.ID); a.Secret != made.Password {
		t.Error("the file took her password")
	}
	if _, u, err = b.user(b.org, ann); err != nil || !u.Asked.Equal(b.now) {
		t.Errorf("when she was asked: %v %v", u.Asked, err)
	}
	_, err = im.Import(t.Context(), "test", "harbor.yaml", []byte(text), world.Options{})
	b.must(err)
	if _, err := b.editor.Devices.Get(t.Context(), b.org, string(made.Phone.ID)); e911.KindOf(err) != e911.NotFound {
		t.Errorf("she is gone, and her telephone stays: %v", err)
	}
}
