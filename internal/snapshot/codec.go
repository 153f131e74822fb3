package snapshot

import (
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
)

// objects is the clear text of a part: the objects by kind, as JSON, which newer
// versions may add fields to. Network elements, of which there may be a million,
// have parts and a form of their own.
type objects struct {
	Models    []e911.Model     `json:"models,omitempty"`
	Trunks    []e911.Trunk     `json:"trunks,omitempty"`
	PSAPs     []e911.PSAP      `json:"psaps,omitempty"`
	TokenKeys []e911.TokenKey  `json:"token_keys,omitempty"`
	Layers    []e911.Layer     `json:"layers,omitempty"` // what they hold: File.keepLayers
	Orgs      []e911.Org       `json:"organisations,omitempty"`
	Sites     []e911.Site      `json:"sites,omitempty"`
	Buildings []e911.Building  `json:"buildings,omitempty"`
	Locations []e911.Location  `json:"locations,omitempty"`
	Users     []e911.User      `json:"users,omitempty"`
	Devices   []e911.Device    `json:"devices,omitempty"`
	Numbers   []e911.NumberRec `json:"numbers,omitempty"`
	Alerts    []e911.Alert     `json:"alerts,omitempty"`

	Overrides []e911.PSAPOverride `json:"psap_overrides,omitempty"`
	Deleted   []Object            `json:"deleted,omitempty"`

	count int
}

const (
	partObjects  = "objects/"
	partElements = "network/"
	// partElements1 holds elements as format 1 wrote them, without what came
	// after the range.
	partElements1 = "elements/"
	// objectsPerPart lets several processors read a file.
	objectsPerPart = 10_000
)

// encodeParts sorts changes into parts: the world, then each organisation.
func encodeParts(changes []Change) ([]part, error) {
	type chunk struct {
		org e911.OrgID
		n   int
		*objects
	}
	var chunks []chunk
	last := map[e911.OrgID]int{}
	elements := map[e911.OrgID][]*e911.Element{}
	for _, c := range changes {
		if v, ok := c.Object.(e911.Element); ok {
			elements[c.Org] = append(elements[c.Org], &v)
			continue
		}
		i, ok := last[c.Org]
		if !ok || chunks[i].count == objectsPerPart {
			n := 0
			if ok {
				n = chunks[i].n + 1
			}
			i = len(chunks)
			last[c.Org] = i
			chunks = append(chunks, chunk{c.Org, n, &objects{}})
		}
		if err := chunks[i].add(c); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(chunks, func(a, b chunk) int { return strings.Compare(string(a.org), string(b.org)) })
	parts := make([]part, len(chunks))
	err := each(len(chunks), func(i int) error {
		b, err := json.Marshal(chunks[i].objects)
		if err != nil {
			return fmt.Errorf("encode the objects of %s: %w", chunks[i].org, err)
		}
		parts[i] = part{fmt.Sprintf("%s%s/%d", partObjects, chunks[i].org, chunks[i].n), b}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, org := range sortedKeys(elements) {
		n := 0
		for chunk := range slices.Chunk(elements[org], recordsPerPart) {
			parts = append(parts, part{fmt.Sprintf("%s%s/%d", partElements, org, n), encodeElements(org, chunk)})
			n++
		}
	}
	return parts, nil
}

// encodeBase writes a whole world.
func encodeBase(s *Snapshot) ([]part, error) {
	parts, err := encodeParts(s.list())
	if err != nil {
		return nil, err
	}
	for _, o := range s.orgs.all() {
		parts = append(parts, packNetworks(o)...)
	}
	return parts, nil
}

func sortedKeys[V any](m map[e911.OrgID]V) []e911.OrgID {
	var keys []e911.OrgID
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (o *objects) add(c Change) error {
	o.count++
	switch v := c.Object.(type) {
	case nil:
		o.Deleted = append(o.Deleted, c.object())
	case e911.Model:
		o.Models = append(o.Models, v)
	case e911.Trunk:
		o.Trunks = append(o.Trunks, v)
	case e911.PSAP:
		o.PSAPs = append(o.PSAPs, v)
	case e911.TokenKey:
		o.TokenKeys = append(o.TokenKeys, v)
	case gis.Layer:
		o.Layers = append(o.Layers, v.Layer)
	case e911.Org:
		o.Orgs = append(o.Orgs, v)
	case e911.Site:
		o.Sites = append(o.Sites, v)
	case e911.Building:
		o.Buildings = append(o.Buildings, v)
	case e911.Location:
		o.Locations = append(o.Locations, v)
	case e911.User:
		o.Users = append(o.Users, v)
	case e911.Device:
		o.Devices = append(o.Devices, v)
	case e911.NumberRec:
		o.Numbers = append(o.Numbers, v)
	case e911.Alert:
		o.Alerts = append(o.Alerts, v)
	case e911.PSAPOverride:
		o.Overrides = append(o.Overrides, v)
	default:
		return fmt.Errorf("encode %s %s: %T is no object of the world", c.Kind, c.ID, c.Object)
	}
	return nil
}

func (o *objects) changes(out []Change) []Change {
	for _, d := range o.Deleted {
		out = append(out, Change{Kind: d.Kind, Org: d.Org, ID: d.ID})
	}
	out = appendAll(out, o.Models)
	out = appendAll(out, o.Trunks)
	out = appendAll(out, o.PSAPs)
	out = appendAll(out, o.TokenKeys)
	for _, l := range o.Layers {
		out = append(out, Change{Kind: e911.KindLayer, ID: string(l.ID), Object: gis.Layer{Layer: l}})
	}
	out = appendAll(out, o.Orgs)
	out = appendAll(out, o.Sites)
	out = appendAll(out, o.Buildings)
	out = appendAll(out, o.Locations)
	out = appendAll(out, o.Users)
	out = appendAll(out, o.Devices)
	out = appendAll(out, o.Numbers)
	out = appendAll(out, o.Alerts)
	return appendAll(out, o.Overrides)
}

func appendAll[T any](out []Change, list []T) []Change {
	for _, v := range list {
		_, kind, org, id := pointer(v)
		out = append(out, Change{kind, org, id, v})
	}
	return out
}

// decodeParts is the way back.
func decodeParts(parts []part) ([]Change, []*packed, error) {
	changes, maps := make([][]Change, len(parts)), make([]*packed, len(parts))
	if err := each(len(parts), func(i int) (err error) {
		changes[i], maps[i], err = decodePart(parts[i])
		parts[i].plain = nil
		return err
	}); err != nil {
		return nil, nil, err
	}
	return slices.Concat(changes...), slices.DeleteFunc(maps, func(p *packed) bool { return p == nil }), nil
}

func decodePart(p part) (out []Change, network *packed, err error) {
	bad := func(err error) error { return fmt.Errorf("read the part %s: %w", p.name, err) }
	switch {
	case strings.HasPrefix(p.name, partObjects):
		var o objects
		if err := json.Unmarshal(p.plain, &o); err != nil {
			return nil, nil, bad(err)
		}
		return o.changes(nil), nil, nil
	case strings.HasPrefix(p.name, partPacked):
		if network, err = unpackRecords(p.plain); err != nil {
			return nil, nil, bad(err)
		}
		return nil, network, nil
	case strings.HasPrefix(p.name, partElements), strings.HasPrefix(p.name, partElements1):
		list, err := decodeElements(p.plain, strings.HasPrefix(p.name, partElements))
		if err != nil {
			return nil, nil, bad(err)
		}
		for _, e := range list {
			out = append(out, Change{e911.KindElement, e.Org, string(e.ID), e})
		}
		return out, nil, nil
	}
	return nil, nil, fmt.Errorf("a part of unknown name %s", p.name)
}

// encodeElements writes elements in about thirty octets each: a table of texts,
// then for each element its id, its MAC or range in binary form where it has
// one, and numbers of texts for the rest.
func encodeElements(org e911.OrgID, list []*e911.Element) []byte {
	w := elementWriter{number: map[string]uint64{}}
	return w.elements(org, list)
}

func (w *elementWriter) elements(org e911.OrgID, list []*e911.Element) []byte {
	w.text(string(org))
	var body []byte
	for _, e := range list {
		body = w.id(body, string(e.ID))
		body = w.mac(body, string(e.MAC))
		for _, s := range []string{string(e.Location), string(e.Kind), e.LLDP.Chassis, e.LLDP.Port, string(e.Mobility)} {
			body = binary.AppendUvarint(body, w.text(s))
		}
		body = octets(body, e.Range)
		if !w.format1 {
			body = w.rest(body, e)
		}
	}
	out := binary.AppendUvarint(nil, uint64(len(w.texts)))
	for _, s := range w.texts {
		out = append(binary.AppendUvarint(out, uint64(len(s))), s...)
	}
	out = binary.AppendUvarint(out, uint64(len(list)))
	return append(out, body...)
}

type elementWriter struct {
	texts   []string
	number  map[string]uint64
	format1 bool // only tests write it
}

func (w *elementWriter) text(s string) uint64 {
	n, ok := w.number[s]
	if !ok {
		n = uint64(len(w.texts))
		w.number[s] = n
		w.texts = append(w.texts, s)
	}
	return n
}

// What few elements have, by the bits of one octet.
const (
	hasMACTo = 1 << iota
	hasEnds
	hasName
	hasAll = hasMACTo | hasEnds | hasName
)

func (w *elementWriter) rest(b []byte, e *e911.Element) []byte {
	var has byte
	if e.MACTo != "" {
		has |= hasMACTo
	}
	if e.From != (netip.Addr{}) || e.To != (netip.Addr{}) {
		has |= hasEnds
	}
	if e.Name != "" {
		has |= hasName
	}
	b = append(b, has)
	if has&hasMACTo != 0 {
		b = w.mac(b, string(e.MACTo))
	}
	if has&hasEnds != 0 {
		b = octets(octets(b, e.From), e.To)
	}
	if has&hasName != 0 {
		b = binary.AppendUvarint(b, w.text(e.Name))
	}
	return b
}

// octets writes an address or a range with its length before it.
func octets(b []byte, v encoding.BinaryMarshaler) []byte {
	o, err := v.MarshalBinary()
	if err != nil {
		o = nil // never returned by netip
	}
	return append(binary.AppendUvarint(b, uint64(len(o))), o...)
}

// How an id or a MAC is written.
const (
	formNone = iota
	formBinary
	formText
)

func (w *elementWriter) id(b []byte, s string) []byte {
	if id, ok := uuidOctets(s); ok {
		return append(append(b, formBinary), id[:]...)
	}
	return binary.AppendUvarint(append(b, formText), w.text(s))
}

func (w *elementWriter) mac(b []byte, s string) []byte {
	if s == "" {
		return append(b, formNone)
	}
	if octets, err := hex.DecodeString(strings.ReplaceAll(s, ":", "")); err == nil && len(octets) == 6 && e911.MAC(s) == e911.MACFrom([6]byte(octets)) {
		return append(append(b, formBinary), octets...)
	}
	return binary.AppendUvarint(append(b, formText), w.text(s))
}

// decodeElements is the way back; whole is false for elements of format 1.
// Elements stand together in blocks.
func decodeElements(b []byte, whole bool) ([]*e911.Element, error) {
	r := elementReader{b: b}
	texts := make([]string, 0, min(r.uvarint(), uint64(len(b))))
	for range cap(texts) {
		texts = append(texts, string(r.bytes(r.uvarint())))
		if r.bad {
			return nil, errElements
		}
	}
	if len(texts) == 0 {
		return nil, errElements
	}
	r.texts = texts
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		return nil, errElements
	}
	out := make([]*e911.Element, 0, n)
	var block []e911.Element
	for range n {
		if len(block) == 0 {
			block = make([]e911.Element, 512)
		}
		e := &block[0]
		block = block[1:]
		r.element(e)
		if whole {
			r.rest(e)
		}
		e.Org = e911.OrgID(texts[0])
		if r.bad {
			return nil, errElements
		}
		out = append(out, e)
	}
	if len(r.b) != 0 {
		return nil, errElements
	}
	return out, nil
}

var errElements = errors.New("network elements that do not add up")

type elementReader struct {
	b     []byte
	texts []string
	bad   bool
}

func (r *elementReader) element(e *e911.Element) {
	switch r.octet() {
	case formBinary:
		e.ID = e911.ElementID(uuidText(r.bytes(16)))
	case formText:
		e.ID = e911.ElementID(r.text())
	default:
		r.bad = true
	}
	e.MAC = r.mac()
	e.Location, e.Kind = e911.LocationID(r.text()), e911.ElementKind(r.text())
	e.LLDP.Chassis, e.LLDP.Port, e.Mobility = r.text(), r.text(), e911.Mobility(r.text())
	r.binary(&e.Range)
}

func (r *elementReader) rest(e *e911.Element) {
	has := r.octet()
	if has&^hasAll != 0 {
		r.bad = true
		return
	}
	if has&hasMACTo != 0 {
		e.MACTo = r.mac()
	}
	if has&hasEnds != 0 {
		r.binary(&e.From)
		r.binary(&e.To)
	}
	if has&hasName != 0 {
		e.Name = r.text()
	}
}

func (r *elementReader) mac() e911.MAC {
	switch r.octet() {
	case formNone:
	case formBinary:
		if b := r.bytes(6); len(b) == 6 {
			return e911.MACFrom([6]byte(b))
		}
	case formText:
		return e911.MAC(r.text())
	default:
		r.bad = true
	}
	return ""
}

func (r *elementReader) binary(into encoding.BinaryUnmarshaler) {
	if b := r.bytes(r.uvarint()); len(b) > 0 && into.UnmarshalBinary(b) != nil {
		r.bad = true
	}
}

func (r *elementReader) octet() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0xff
}

func (r *elementReader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *elementReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *elementReader) text() string {
	n := r.uvarint()
	if r.bad || n >= uint64(len(r.texts)) {
		r.bad = true
		return ""
	}
	return r.texts[n]
}

// uuidOctets reads a UUID in its canonical form (RFC 9562, section 4).
func uuidOctets(s string) (id [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil || uuidText(b) != s {
		return id, false
	}
	return [16]byte(b), true
}

func uuidText(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}
