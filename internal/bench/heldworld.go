package bench

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/seal"
	"github.com/callbox911/callbox/internal/snapshot"
	"github.com/callbox911/callbox/wire/held"
)

// heldWorld is an organisation of so many network elements and devices: of ten
// elements six are switch ports, three access points and one an address range;
// 50 locations to a building, 20 elements to a location. Nothing else asks.
type heldWorld struct {
	elements, devices int
	phone, laptop     heldRequest
}

const (
	portsPerSwitch   = 48
	elementsPerPlace = 20
	placesPerHouse   = 50
)

func (w *heldWorld) portKey(n int) e911.LLDPPort {
	sw := n / portsPerSwitch
	return e911.LLDPPort{
		Chassis: string(e911.MACFrom([6]byte{0x0c, 0x75, 0xbd, byte(sw >> 16), byte(sw >> 8), byte(sw)})),
		Port:    fmt.Sprintf("Gi1/0/%02d", n%portsPerSwitch),
	}
}

func bssid(n int) e911.MAC {
	return e911.MACFrom([6]byte{0x00, 0x11, 0x74, byte(n >> 16), byte(n >> 8), byte(n)})
}

func deviceMAC(n int) e911.MAC {
	return e911.MACFrom([6]byte{0x00, 0x15, 0x65, byte(n >> 16), byte(n >> 8), byte(n)})
}

// counts of each kind of element, by number.
func (w *heldWorld) ports() int  { return w.elements * 6 / 10 }
func (w *heldWorld) radios() int { return w.elements * 3 / 10 }

// build makes the snapshot, in steps, so that the changes themselves take little
// room.
func (w *heldWorld) build() (*snapshot.Snapshot, error) {
	const org, site = "org-bench", "site-bench"
	c := func(kind e911.ObjectKind, id string, object any) snapshot.Change {
		return snapshot.Change{Kind: kind, Org: org, ID: id, Object: object}
	}
	now := time.Now()
	next, err := snapshot.Build([]snapshot.Change{
		{Kind: e911.KindTokenKey, ID: "k1", Object: e911.TokenKey{ID: "k1", Secret: seal.NewSecret()}},
		c(e911.KindOrg, org, e911.Org{
			ID: org, Key: "bench", Name: "Bench", HELD: e911.HELDAccess{CompanyID: "bench", Secrets: []e911.Secret{"bench"}},
			PublicRanges: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}),
		c(e911.KindSite, site, e911.Site{ID: site, Org: org, Key: "hq", Name: "HQ", Zone: "America/New_York", Mode: e911.ModeDynamic, Stage: e911.StageNone, ECBN: "+16175550100"}),
	}, now)
	if err != nil {
		return nil, fmt.Errorf("build the world: %w", err)
	}
	var changes []snapshot.Change
	flush := func(least int) error {
		if len(changes) < least || len(changes) == 0 {
			return nil
		}
		if next, err = next.Apply(changes, now); err != nil {
			return fmt.Errorf("build the world: %w", err)
		}
		changes = changes[:0]
		return nil
	}
	address := e911.Civic{Country: "US", A1: "MA", A2: "Middlesex County", A3: "Cambridge", RD: "Massachusetts", STS: "Avenue", PC: "02139"}
	places := max(1, w.elements/elementsPerPlace)
	for i := range places {
		house := "bld-" + strconv.Itoa(i/placesPerHouse)
		if i%placesPerHouse == 0 {
			a := address
			a.HNO = strconv.Itoa(i/placesPerHouse + 1)
			changes = append(changes, c(e911.KindBuilding, house, e911.Building{
				ID: e911.BuildingID(house), Org: org, Site: site, Key: house, Name: "Building " + a.HNO, Address: a,
				Point: &e911.Point{Lat: 42.3, Lon: -71.1},
			}))
		}
		id := place(i)
		changes = append(changes, c(e911.KindLocation, string(id), e911.Location{
			ID: id, Org: org, Building: e911.BuildingID(house), Key: string(id),
			Detail: e911.Civic{FLR: strconv.Itoa(i % placesPerHouse / 10), ROOM: strconv.Itoa(i)},
		}))
	}
	if err := flush(1); err != nil {
		return nil, err
	}
	const step = 250_000
	for i := range w.elements {
		id := elementID(i)
		changes = append(changes, c(e911.KindElement, string(id), w.element(i, id, place(i/elementsPerPlace%places))))
		if err := flush(step); err != nil {
			return nil, err
		}
	}
	for i := range w.devices {
		id := "dev-" + strconv.Itoa(i)
		changes = append(changes, c(e911.KindDevice, id, e911.Device{ID: e911.DeviceID(id), Org: org, Site: site, Key: id, MAC: deviceMAC(i)}))
		if err := flush(step); err != nil {
			return nil, err
		}
	}
	return next, flush(1)
}

// elementID is an id of the length that ids have.
func elementID(i int) e911.ElementID {
	return e911.ElementID(fmt.Sprintf("019e0000-0000-7000-8000-%012x", i))
}

func place(i int) e911.LocationID { return e911.LocationID("loc-" + strconv.Itoa(i)) }

func (w *heldWorld) element(i int, id e911.ElementID, at e911.LocationID) e911.Element {
	e := e911.Element{ID: id, Org: "org-bench", Location: at}
	switch {
	case i < w.ports():
		e.Kind, e.LLDP = e911.ElementLLDPPort, w.portKey(i)
	case i < w.ports()+w.radios():
		e.Kind, e.MAC = e911.ElementBSSID, bssid(i-w.ports())
	default:
		n := i - w.ports() - w.radios()
		e.Kind, e.Range = e911.ElementIP, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 14), byte(n >> 6), byte(n << 2)}), 30)
	}
	return e
}

// heldRequest is an HTTP request with places where a device writes its own.
type heldRequest struct {
	text            []byte
	mac, chassis    int
	port            int
	serving, nearby int
}

const (
	markMAC     = "00-15-65-AB-CD-EF"
	markServing = "00-11-74-AB-CD-E1"
	markNearby  = "00-11-74-AB-CD-E2"
)

// requests writes what phones and laptops ask: all of them a civic address, a
// point and a location URI for an emergency, by their own hardware address; a
// phone with the port that it hangs on, a laptop with the access points that it
// hears (RFC 7105).
func (w *heldWorld) requests(host string) error {
	chassis, err := held.MACID(held.ChassisMAC, "0c:75:bd:ab:cd:ef")
	if err != nil {
		return err
	}
	own := []held.Identifier{{Kind: held.IDMAC, Value: markMAC}}
	if w.phone, err = request(host, &held.Request{
		For: held.EmergencyDispatch, Identity: own,
		Measurements: []held.Measurement{{LLDP: []held.LLDP{{Chassis: chassis, Port: held.TextID(held.PortIfName, "Gi1/0/XY")}}}},
	}); err != nil {
		return err
	}
	w.laptop, err = request(host, &held.Request{
		For: held.EmergencyDispatch, Identity: own,
		Measurements: []held.Measurement{{WiFi: []held.AccessPoint{{BSSID: markServing, SSID: "campus", Serving: true}, {BSSID: markNearby, SSID: "campus"}}}},
	})
	return err
}

func request(host string, r *held.Request) (heldRequest, error) {
	body, err := held.AppendRequest(nil, r)
	if err != nil {
		return heldRequest{}, fmt.Errorf("write a request: %w", err)
	}
	text := fmt.Appendf(nil, "%s /held HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		http.MethodPost, host, held.MediaType, held.ContentType, len(body))
	text = append(text, body...)
	at := func(mark string) int { return bytes.Index(bytes.ToUpper(text), bytes.ToUpper([]byte(mark))) }
	h := heldRequest{text: text, mac: at(markMAC), chassis: at("0c75bdabcdef"), port: at(hex.EncodeToString([]byte("XY"))), serving: at(markServing), nearby: at(markNearby)}
	if h.mac < 0 || (h.chassis < 0 || h.port < 0) && (h.serving < 0 || h.nearby < 0) {
		return heldRequest{}, fmt.Errorf("a request without its marks: %s", text)
	}
	return h, nil
}

// write makes the request of a device that stands at its place after so many
// moves. Seven of ten devices are phones.
func (w *heldWorld) write(dst []byte, device, moves int) []byte {
	at := device*7 + moves*31
	if device%10 < 7 {
		dst = append(dst[:0], w.phone.text...)
		last3(dst[w.phone.mac:], device, '-')
		n := at % w.ports()
		sw := n / portsPerSwitch
		const digits = "0123456789abcdef"
		c := dst[w.phone.chassis+6:]
		for i, o := range [3]byte{byte(sw >> 16), byte(sw >> 8), byte(sw)} {
			c[2*i], c[2*i+1] = digits[o>>4], digits[o&15]
		}
		p := dst[w.phone.port:]
		port := n % portsPerSwitch
		p[0], p[1], p[2], p[3] = '3', '0'+byte(port/10), '3', '0'+byte(port%10)
		return dst
	}
	dst = append(dst[:0], w.laptop.text...)
	last3(dst[w.laptop.mac:], device, '-')
	n := at % w.radios()
	last3(dst[w.laptop.serving:], n, '-')
	last3(dst[w.laptop.nearby:], (n+1)%w.radios(), '-')
	return dst
}

// last3 writes the second half of a hardware address.
func last3(dst []byte, n int, sep byte) {
	const digits = "0123456789ABCDEF"
	for i, o := range [3]byte{byte(n >> 16), byte(n >> 8), byte(n)} {
		dst[9+3*i], dst[10+3*i] = digits[o>>4], digits[o&15]
		if i < 2 {
			dst[11+3*i] = sep
		}
	}
}
