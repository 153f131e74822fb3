package emergency

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/digest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/registrar"
	"github.com/callbox911/callbox/internal/live/sipedge"
	"github.com/callbox911/callbox/internal/snapshot"
)

const phoneSecret = "telephone-secret-1"

// phoneKit is a kit with one telephone of our own, whose address is mapped to
// the third floor.
func phoneKit(t *testing.T, change func(*world)) *kit {
	t.Helper()
	k := newKit(t, func(w *world) {
		w.model.HELD = false
		w.org.SIPDomain = "harbor.example"
		w.device.SIP = &e911.SIPAccount{User: "2001", Secret: phoneSecret}
		w.elements = []e911.Element{{
			ID: id[e911.ElementID](40), Org: w.org.ID, Location: w.secondLoc.ID, Kind: e911.ElementIP, Range: netip.MustParsePrefix("10.7.0.0/24"),
		}}
		change(w)
	})
	r, err := registrar.New(registrar.Config{Snapshot: k.h.cfg.Snapshot, Journal: &memoryJournal{tr: &trace{}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	k.h.cfg.Phones = r
	return k
}

// registers signs the telephone on, or off with expires 0.
func (k *kit) registers(expires string) {
	k.t.Helper()
	r := k.h.cfg.Phones.(*registrar.Registrar)
	q := &sipedge.Request{
		Method: "REGISTER", URI: "sip:harbor.example", Source: netip.MustParseAddrPort("10.7.0.9:5060"), CallID: "register" + expires,
		Headers: sipedge.Headers{
			{Name: "To", Value: "<sip:2001@harbor.example>"},
			{Name: "CSeq", Value: "1 REGISTER"},
			{Name: "Contact", Value: "<sip:2001@10.7.0.9>"},
			{Name: "Expires", Value: expires},
		},
	}
	res := r.Serve(context.Background(), q)
	value, err := digest.NewClient("2001", "", phoneSecret).Answer(digest.Question{Challenges: res.Message.Headers.All("WWW-Authenticate"), Method: "REGISTER", URI: q.URI})
	if err != nil {
		k.t.Fatal(err)
	}
	q.Headers = append(q.Headers, sipedge.Header{Name: "Authorization", Value: value})
	if res = r.Serve(context.Background(), q); res.Code != 200 {
		k.t.Fatalf("REGISTER was answered %d", res.Code)
	}
}

// edit publishes a change.
func (k *kit) edit(c snapshot.Change) {
	k.t.Helper()
	next, err := k.h.cfg.Snapshot.Load().Apply([]snapshot.Change{c}, time.Now())
	if err != nil {
		k.t.Fatal(err)
	}
	k.h.cfg.Snapshot.Store(next)
}

// Proves: F-34, F-10, F-13, W-50, C-70, E1
func TestATelephoneInEveryStateCallsForHelp(t *testing.T) {
	device := func(k *kit) e911.Device {
		d, _ := k.h.cfg.Snapshot.Load().Org(id[e911.OrgID](1)).Device(id[e911.DeviceID](5))
		return d
	}
	put := func(k *kit, d e911.Device) {
		k.edit(snapshot.Change{Kind: e911.KindDevice, Org: d.Org, ID: string(d.ID), Object: d})
	}
	for _, c := range []struct {
		name       string
		change     func(*world)
		after      func(k *kit) // what happens once it registered
		gone       bool         // the device is not known any more
		registered bool
	}{
		{name: "of a user", registered: true},
		{name: "without a user", change: func(w *world) { w.device.User = "" }, registered: true},
		{name: "on a guest profile", change: func(w *world) { w.device.User, w.device.SIP.Guest = "", true }, registered: true},
		{name: "signed off", after: func(k *kit) { k.registers("0") }},
		{name: "whose registration is over", after: func(*kit) { after(2 * time.Hour) }},
		{name: "locked out by a new password", after: func(k *kit) {
			d := device(k)
			d.SIP = &e911.SIPAccount{User: "2001", Secret: "another-secret-22"}
			put(k, d)
			after(2 * time.Hour)
		}},
		{name: "that may not register any more", after: func(k *kit) {
			d := device(k)
			d.SIP, d.User = nil, ""
			put(k, d)
		}},
		{name: "that is no device any more", after: func(k *kit) {
			d := device(k)
			k.edit(snapshot.Change{Kind: e911.KindDevice, Org: d.Org, ID: string(d.ID)})
		}, gone: true},
	} {
		for _, number := range []string{"911", "933"} {
			t.Run(number+" from a telephone "+c.name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					change := c.change
					if change == nil {
						change = func(*world) {}
					}
					k := phoneKit(t, change)
					k.registers("3600")
					if c.after != nil {
						c.after(k)
					}
					caller := k.call(t.Context(), &sipedge.Request{
						Method: "INVITE", URI: "sip:" + number + "@harbor.example", Source: netip.MustParseAddrPort("10.7.0.9:5060"), Transport: "udp", CallID: "in-1", At: time.Now(),
						Body: []byte(phoneSDP), ContentType: typeSDP, Headers: sipedge.Headers{{Name: "From", Value: "<sip:2001@harbor.example>;tag=1"}},
					})
					after(5 * time.Second)
					if number == "911" {
						caller.emit(sipedge.Event{Kind: sipedge.ByeReceived})
					}
					k.run.Wait()
					if strings.Contains(k.tr.String(), "refused") {
						t.Errorf("the caller was refused:\n%s", k.tr)
					}
					if number == "911" && k.leg(1).invite.Dest.String() != carrierA {
						t.Errorf("the call went to %s", k.leg(1).invite.Dest)
					}
					if number == "933" && (len(k.tests.got) != 1 || k.tests.got[0].Callback != "+16175550100" || k.tests.got[0].Place.Civic.FLR != "3") {
						t.Errorf("read back %+v", k.tests.got)
					}
					who := one[journal.Identified](t, k.journal, journal.CallIdentified)
					where := one[journal.Located](t, k.journal, journal.CallLocated)
					if !c.gone && (who.By != e911.ByRegistration || who.Device == nil || who.Device.ID != string(id[e911.DeviceID](5))) {
						t.Errorf("identified %+v", who)
					}
					if who.Callback != "+16175550100" {
						t.Errorf("callback %s, want the site's", who.Callback)
					}
					if where.Place.Civic.FLR != "3" || where.By != e911.ByPrivateIP {
						t.Errorf("located at %q by %s", where.Place.Display, where.By)
					}
					if slices.Contains(who.Flags, FlagUnauthenticated) == c.registered && !c.gone {
						t.Errorf("flags %v, registered: %v", who.Flags, c.registered)
					}
					if slices.Contains(who.Flags, "disagreement") {
						t.Errorf("flags %v", who.Flags)
					}
				})
			})
		}
	}
}

// Proves: F-13, F-21, F-32 (a telephone asserts nothing of itself)
func TestTheLineOfATelephoneIsWhatWasConfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k := phoneKit(t, func(w *world) {
			w.site.ECBN = ""
			w.device.SIP.Line = "+16175550111"
			w.device.User = ""
		})
		k.registers("3600")
		settled(t, k, invite(func(r *sipedge.Request) {
			r.Source = netip.MustParseAddrPort("10.7.0.9:5060")
			r.Headers = sipedge.Headers{
				{Name: "From", Value: "<sip:2001@harbor.example>;tag=1"},
				{Name: "P-Asserted-Identity", Value: "<sip:+12125550199@pbx.example>"},
				{Name: "E911-User-ID", Value: "agent4711"},
			}
		}))
		who := one[journal.Identified](t, k.journal, journal.CallIdentified)
		if who.Line != "+16175550111" || who.By != e911.ByRegistration || who.Callback != "+16175550111" {
			t.Errorf("identified %+v", who)
		}
	})
}
