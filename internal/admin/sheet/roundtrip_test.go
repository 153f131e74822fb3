package sheet_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/overlay"
	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// words are what people write and spreadsheets take for something else.
var words = rapid.OneOf(
	rapid.SampledFrom([]string{
		"02139", "1/2", "1-2", "2-Jan", "1.6E+10", "3:15", "=1+1", "+1", "-2", "@x", "'q", "TRUE", "a,b;c", `say "hi"`, "Gi1/0/7", "_x000D_",
		"Zoë", "Łódź", "上海", "＝1", "REMOVED", "#12", "a|b", "0x1F", "1e5", "O'Hara", "12345678901234567890",
	}),
	rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9 ./:;,'"+=#-]{0,10}[A-Za-z0-9]`),
)

// anyWorld is an organisation of random people, places and things.
func anyWorld(t *rapid.T) []any {
	word := func(label string) string { return words.Draw(t, label) }
	maybe := func(label string) string {
		if rapid.Bool().Draw(t, label+"?") {
			return word(label)
		}
		return ""
	}
	out := harbor()
	for i := range rapid.IntRange(1, 4).Draw(t, "things") {
		id := func(kind string) string { return fmt.Sprintf("%s-x%d", kind, i) }
		key := func(kind string) string {
			return fmt.Sprintf("%s%d", rapid.SampledFrom([]string{kind, "00", "1-", "1E", "2-Jan", "TRUE", "1/"}).Draw(t, kind), i)
		}
		mac := func(kind byte) e911.MAC { return e911.MAC(fmt.Sprintf("00:1b:54:%02x:00:%02x", kind, i)) }
		pick := func(label string, ids ...string) string { return rapid.SampledFrom(ids).Draw(t, label) }
		b := e911.Building{
			ID: e911.BuildingID(id("b")), Org: "o", Site: "s", Key: key("b"), Name: word("building"),
			Address: e911.Civic{Country: "US", A1: "MA", A3: word("city"), RD: word("road"), HNO: rapid.SampledFrom([]string{"1", "02", "1-2", "1/2"}).Draw(t, "house"), HNS: maybe("suffix"), PC: "02139"},
		}
		if rapid.Bool().Draw(t, "point") {
			b.Point = &e911.Point{Lat: rapid.Float64Range(42, 43).Draw(t, "lat"), Lon: rapid.Float64Range(-72, -71).Draw(t, "lon")}
		}
		u := e911.User{
			ID: e911.UserID(id("u")), Org: "o", Site: e911.SiteID(pick("site", "s", "s2")), Key: key("u"), Name: word("name"), DeviceUserID: maybe("device user"),
		}
		if rapid.Bool().Draw(t, "mail") {
			u.Email = fmt.Sprintf("u%d@example.com", i)
		}
		out = append(out, b, u,
			e911.Location{ID: e911.LocationID(id("l")), Org: "o", Building: b.ID, Key: key("l"), Detail: e911.Civic{FLR: maybe("floor"), ROOM: maybe("room"), LOC: maybe("desk"), UNIT: maybe("unit")}},
			e911.Device{ID: e911.DeviceID(id("d")), Org: "o", Site: "s", Key: key("d"), MAC: mac(1), User: e911.UserID(pick("user", "", "u1", string(u.ID)))},
			e911.NumberRec{ID: e911.NumberID(id("n")), Org: "o", Site: "s", Number: e911.Number(fmt.Sprintf("+1617253%04d", 2000+i)), User: e911.UserID(pick("owner", "", "u1")), Location: e911.LocationID(pick("where", "", "l1", id("l")))},
			e911.Alert{ID: e911.AlertID(id("a")), Org: "o", Site: e911.SiteID(pick("of", "s", "s2")), Key: key("a"), On: []e911.AlertOn{e911.AlertEmergency}, Mail: []string{fmt.Sprintf("a%d@example.com", i)}},
			e911.Element{ID: e911.ElementID(id("e")), Org: "o", Location: e911.LocationID(id("l")), Kind: e911.ElementBSSID, MAC: mac(2)},
			e911.Element{ID: e911.ElementID(id("p")), Org: "o", Location: "l1", Kind: e911.ElementLLDPPort, LLDP: e911.LLDPPort{Chassis: string(mac(3)), Port: fmt.Sprint(word("port"), i)}},
			e911.Element{ID: e911.ElementID(id("i")), Org: "o", Location: "l2", Kind: e911.ElementIP, Range: netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 9, byte(i), 0}), 24)},
		)
	}
	return out
}

// Whatever an organisation has comes back from a file unchanged, in either format
// and mode.
// Proves: C-62, W-46
func TestAnyWorldComesBackUnchanged(t *testing.T) {
	st := open(t)
	rapid.Check(t, func(t *rapid.T) {
		values := anyWorld(t)
		kind := rapid.SampledFrom(sheet.Kinds()).Draw(t, "kind")
		format := rapid.SampledFrom([]sheet.Format{sheet.CSV, sheet.XLSX}).Draw(t, "format")
		mode := rapid.SampledFrom([]sheet.Mode{sheet.Add, sheet.Replace}).Draw(t, "mode")
		ctx := t.Context()
		err := st.Read(ctx, func(r admin.Reader) error {
			view := overlay.New(r)
			view.Replace("o")
			for _, v := range values {
				view.Put(admin.Object{Ref: admin.RefOf(v), Version: 1, Value: v})
			}
			table, err := sheet.Export(ctx, view, "o", kind)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := sheet.Write(&b, format, kind, table); err != nil {
				return err
			}
			text := b.String()
			back, err := sheet.Read("x."+string(format), &b, -1)
			if err != nil {
				return err
			}
			set, rep, err := sheet.Import(ctx, view, sheet.Options{Org: "o", Kind: kind, Mode: mode, Whole: true}, back[0])
			if err != nil {
				return err
			}
			if len(set.Steps) > 0 || len(rep.Faults) > 0 || rep.Same != len(table.Rows) {
				if format == sheet.XLSX {
					text = ""
				}
				t.Fatalf("%s %s %s: %d of %d rows are the same; steps %v, faults %v\n%s", kind, format, mode, rep.Same, len(table.Rows), steps(set), rep.Faults, text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
