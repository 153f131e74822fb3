package lldp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/discover/discovertest"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/lldp"
	"github.com/callbox911/callbox/wire/held"
)

func tlv(kind int, value string) string {
	head := binary.BigEndian.AppendUint16(nil, uint16(kind<<9|len(value)))
	return string(head) + value
}

const (
	toLLDP = "\x01\x80\xc2\x00\x00\x0e\x00\xaa\xbb\xcc\x00\x07"
	ttl    = "\x06\x02\x00\x78"
)

// Proves: W-36, F-19
func TestIDsBecomeTheKeysOfTheMap(t *testing.T) {
	for _, c := range []struct {
		name          string
		chassis, port lldp.ID
		want          e911.LLDPPort
		unique        bool
	}{
		{"a hardware address and an interface name", lldp.ID{Subtype: lldp.ChassisMAC, Octets: []byte{0, 0xaa, 0xbb, 0xcc, 0, 1}}, lldp.ID{Subtype: lldp.PortIfName, Octets: []byte("Gi1/0/7")}, e911.LLDPPort{Chassis: "00:aa:bb:cc:00:01", Port: "Gi1/0/7"}, true},
		{"a network address", lldp.ID{Subtype: lldp.ChassisAddress, Octets: []byte{1, 10, 1, 0, 60}}, lldp.ID{Subtype: lldp.PortMAC, Octets: []byte("abcdef")}, e911.LLDPPort{Chassis: "10.1.0.60", Port: "61:62:63:64:65:66"}, true},
		{"a network address of version 6", lldp.ID{Subtype: lldp.ChassisAddress, Octets: append([]byte{2}, make([]byte, 16)...)}, lldp.ID{Subtype: lldp.PortCircuit, Octets: []byte("c2")}, e911.LLDPPort{Chassis: "::", Port: "c2"}, true},
		{"an interface name", lldp.ID{Subtype: lldp.ChassisIfName, Octets: []byte("eth0")}, lldp.ID{Subtype: lldp.PortLocal, Octets: []byte("24")}, e911.LLDPPort{Chassis: "eth0", Port: "24"}, false},
		{"a local id, the chassis alone", lldp.ID{Subtype: lldp.ChassisLocal, Octets: []byte("switch")}, lldp.ID{}, e911.LLDPPort{Chassis: "switch"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lldp.Key(c.chassis, c.port); got != c.want || c.chassis.Unique() != c.unique {
				t.Errorf("got %+v, unique %v", got, c.chassis.Unique())
			}
		})
	}
}

// Proves: W-36
func TestFramesThatAreNoneAreRefused(t *testing.T) {
	ids := tlv(1, "\x04\x00\xaa\xbb\xcc\x00\x01") + tlv(2, "\x05Gi1/0/7")
	for _, c := range []struct{ name, unit string }{
		{"nothing", ""},
		{"no port id", tlv(1, "\x04\x00\xaa\xbb\xcc\x00\x01") + ttl},
		{"an empty id", tlv(1, "\x04") + tlv(2, "\x05Gi1/0/7") + ttl},
		{"an id that is too long", tlv(1, "\x07"+strings.Repeat("x", 256)) + tlv(2, "\x05Gi1/0/7") + ttl},
		{"a length past the end", ids + "\x06\x02\x00"},
		{"no time to live", ids},
		{"a short time to live", ids + "\x06\x01\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f, err := lldp.ParseUnit([]byte(c.unit)); err == nil {
				t.Errorf("got %+v", f)
			}
		})
	}
	if _, err := lldp.ParseFrame([]byte(toLLDP + "\x08\x00" + ids)); !errors.Is(err, lldp.ErrNotLLDP) {
		t.Errorf("an IPv4 frame: %v", err)
	}
	f, err := lldp.ParseFrame([]byte(toLLDP + "\x81\x00\x00\x05\x88\xcc" + ids + ttl + tlv(7, "\x00\x24\x00\x20") + tlv(127, "\x00\x12\xbb\x01\x00\x33\x03") + "\x0a\xff"))
	if err != nil || f.Key() != (e911.LLDPPort{Chassis: "00:aa:bb:cc:00:01", Port: "Gi1/0/7"}) || f.TTL != 120*time.Second ||
		!f.Does.Has(lldp.Telephone) || f.Does.Has(lldp.Bridge) || !f.Can.Has(lldp.Bridge) || f.DeviceClass != 3 || f.Source != "00:aa:bb:cc:00:07" {
		t.Errorf("a tagged frame whose end is broken: %+v, %v", f, err)
	}
}

// The BITS of the MIB are the capabilities of the frame, from the other end.
//
// Proves: W-36
func TestCapabilitiesOfTheMIB(t *testing.T) {
	if got := lldp.CapabilityBITS([]byte{0x28, 0x00}); got != lldp.Bridge|lldp.Router {
		t.Errorf("bridge and router: %b", got)
	}
	if got := lldp.CapabilityBITS([]byte{0x24}); got != lldp.Bridge|lldp.Telephone {
		t.Errorf("bridge and telephone: %b", got)
	}
	if got := lldp.CapabilityBITS(nil); got != 0 {
		t.Errorf("nothing: %b", got)
	}
}

// pcapFrames reads a capture of Ethernet frames (libpcap file format).
func pcapFrames(t *testing.T, file string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if len(b) < 24 {
		t.Fatalf("%s is no capture", file)
	}
	if b[0] == 0xa1 {
		order = binary.BigEndian
	}
	var out [][]byte
	for b = b[24:]; len(b) >= 16; {
		n := int(order.Uint32(b[8:]))
		b = b[16:]
		n = min(n, len(b))
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}

// In captures of real switches, and of frames made to break readers, we see
// what tshark sees: the same ids, names and lifetimes, frame by frame.
//
// Proves: W-36, F-38
func TestFramesOfRealDevicesAsTsharkReadsThem(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed")
	}
	dir := filepath.Join(discovertest.Shared(t, "data/l2-captures"), "tcpdump-tests")
	compared := 0
	for _, name := range []string{"LLDP_and_CDP.pcap", "lldp-app-priority.pcap", "lldp_8021_linkagg.pcap", "lldp_mudurl.pcap", "3560_CDP.pcap"} {
		file := filepath.Join(dir, name)
		cmd := exec.Command("tshark", "-r", file, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f", "-e", "lldp.chassis.subtype", "-e", "lldp.chassis.id.mac",
			"-e", "lldp.chassis.id", "-e", "lldp.port.subtype", "-e", "lldp.port.id", "-e", "lldp.port.id.mac", "-e", "lldp.time_to_live", "-e", "lldp.tlv.system.name")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("tshark: %v", err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		frames := pcapFrames(t, file)
		if len(lines) != len(frames) {
			t.Fatalf("%s: tshark has %d frames, we %d", name, len(lines), len(frames))
		}
		for i, b := range frames {
			f, err := lldp.ParseFrame(b)
			w := strings.Split(lines[i], "|")
			if len(w) != 8 {
				t.Fatalf("tshark: %q", lines[i])
			}
			if isLLDP := w[0] != ""; isLLDP != (err == nil) {
				t.Errorf("%s frame %d: tshark says %q, we %v", name, i+1, lines[i], err)
				continue
			}
			if err != nil {
				continue
			}
			compared++
			key := f.Key()
			wantChassis, wantPort := w[1]+w[2], w[4]+w[5]
			if w[1] == "" && key.Chassis != wantChassis || w[1] != "" && key.Chassis != w[1] || key.Port != wantPort || f.SystemName != w[7] {
				t.Errorf("%s frame %d: tshark %q, we %+v %q", name, i+1, lines[i], key, f.SystemName)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d frames were compared", compared)
	}
	broken, _ := filepath.Glob(filepath.Join(dir, "lldp*.pcap"))
	for _, file := range broken {
		for _, b := range pcapFrames(t, file) {
			_, _ = lldp.ParseFrame(b) // must end
		}
	}
}

// FuzzParseFrame: no frame stops the reader, and what it took for ids is in the
// frame and has the form in which HELD reports it.
//
// Proves: W-36, E1
func FuzzParseFrame(f *testing.F) {
	f.Add([]byte(toLLDP + "\x88\xcc" + tlv(1, "\x04\x00\xaa\xbb\xcc\x00\x01") + tlv(2, "\x05Gi1/0/7") + ttl + tlv(5, "sw\x00\xff") + "\x00\x00"))
	f.Add([]byte(toLLDP + "\x81\x00\x00\x01\x88\xcc" + tlv(1, "\x05\x01\x0a\x00\x00\x01") + tlv(2, "\x03abcdef") + ttl))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := lldp.ParseFrame(b)
		if err != nil {
			return
		}
		for _, id := range [][]byte{frame.Chassis.Octets, frame.Port.Octets} {
			if len(id) < 1 || len(id) > 255 || !bytes.Contains(b, id) {
				t.Fatalf("id %x", id)
			}
		}
		want := held.LLDPID{Type: frame.Port.Subtype, Octets: frame.Port.Octets}.Text(false)
		if got := frame.Key().Port; got != want {
			t.Fatalf("port %q, HELD has %q", got, want)
		}
		for _, s := range []string{frame.SystemName, frame.PortText, frame.SystemText} {
			if strings.ContainsAny(s, "\x00\n\x1b\x7f") || len(s) > 1024 {
				t.Fatalf("text %q", s)
			}
		}
	})
}
