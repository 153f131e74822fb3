package pidflo

import (
	"cmp"
	"slices"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// AppendCivic appends a civicAddress element alone, for HELD and LoST too.
func AppendCivic(dst []byte, c *Civic) ([]byte, error) {
	w := writer{dst: dst}
	if err := w.civicAddress(c); err != nil {
		return dst, err
	}
	return w.dst, nil
}

func (w *writer) civicAddress(c *Civic) error {
	if err := w.civic(c); err != nil {
		return xmltok.Within("civicAddress", err)
	}
	return nil
}

func (w *writer) civic(c *Civic) error {
	if c == nil {
		return &ParseError{Reason: "no civic address"}
	}
	fields := c.Fields
	var ext, nena1, nena2 bool
	var space [2 * 64]uint8 // more fields than there are names are rare
	ranks := space[:0]
	for i := range fields {
		f := &fields[i]
		ranks = append(ranks, f.rank())
		switch f.Space {
		case SpaceCivic:
		case SpaceCivicExt:
			ext = true
		case SpaceNENA1:
			nena1 = true
		case SpaceNENA2:
			nena2 = true
		}
	}
	if !slices.IsSorted(ranks) {
		fields = slices.SortedStableFunc(slices.Values(fields), func(a, b Field) int { return cmp.Compare(a.rank(), b.rank()) })
		slices.Sort(ranks)
	}
	w.str(`<ca:civicAddress xmlns:ca="` + SpaceCivic + `"`)
	if ext {
		w.str(` xmlns:cae="` + SpaceCivicExt + `"`)
	}
	if nena1 {
		w.str(` xmlns:cdx1="` + SpaceNENA1 + `"`)
	}
	if nena2 {
		w.str(` xmlns:cdx2="` + SpaceNENA2 + `"`)
	}
	if c.Lang != "" {
		if !xmltok.IsLanguage(c.Lang) {
			return refuse("@lang", "not a language tag")
		}
		w.attr("xml:lang", c.Lang)
	}
	w.str(">")
	last := uint8(unknownField)
	for i := range fields {
		f := &fields[i]
		value := xmltok.Collapse(f.Value)
		if value == "" {
			continue
		}
		r := ranks[i]
		if r == last && r != unknownField && f.Space == SpaceCivic {
			return refuse(f.Name, "stands more than once; the schema takes one")
		}
		last = r
		if err := w.field(f, r, value); err != nil {
			return err
		}
	}
	if err := w.foreign(c.Extensions, SpaceCivic); err != nil {
		return err
	}
	w.str("</ca:civicAddress>")
	return nil
}

func (w *writer) field(f *Field, rank uint8, value string) error {
	if f.Lang != "" && !xmltok.IsLanguage(f.Lang) {
		return refuse(clip(f.Name)+"/@lang", "not a language tag")
	}
	if rank == unknownField {
		return w.unknown(f, value)
	}
	k := &known[rank]
	if k.bare && f.Lang != "" {
		return refuse(k.name+"/@lang", "its type has no language")
	}
	if rank == 0 {
		var ok bool
		if value, ok = country(value); !ok {
			return refuse(k.name, "not the two letters of ISO 3166-1")
		}
	}
	b := append(w.dst, k.start...)
	if f.Lang != "" {
		b = append(xmltok.AppendAttr(b[:len(b)-1], "xml:lang", f.Lang), '>')
	}
	w.dst = append(xmltok.AppendText(b, value), k.end...)
	return nil
}

func country(s string) (string, bool) {
	if len(s) != 2 {
		return "", false
	}
	b := [2]byte{s[0] &^ 0x20, s[1] &^ 0x20}
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return "", false
		}
	}
	if b[0] == s[0] && b[1] == s[1] {
		return s, true
	}
	return string(b[:]), true
}

// unknown writes a field that is in none of the documents that this package
// follows.
func (w *writer) unknown(f *Field, value string) error {
	switch {
	case !xmltok.IsNCName(f.Name):
		return refuse("field", "a name that is none")
	case f.Space == SpaceCivic:
		return refuse(clip(f.Name), "RFC 5139 has no such field")
	case f.Space == xmltok.SpaceXML || f.Space == "" || (!xmltok.IsNCName(f.Space) && xmltok.CleanURI(f.Space) != f.Space):
		return refuse(clip(f.Name), "a namespace is needed")
	}
	prefix := ""
	switch f.Space {
	case SpaceCivicExt:
		prefix = "cae:"
	case SpaceNENA1:
		prefix = "cdx1:"
	case SpaceNENA2:
		prefix = "cdx2:"
	default:
		prefix = "x:"
	}
	w.str("<" + prefix + f.Name)
	if prefix == "x:" {
		w.attr("xmlns:x", f.Space)
	}
	if f.Lang != "" {
		w.attr("xml:lang", f.Lang)
	}
	w.str(">")
	w.dst = xmltok.AppendText(w.dst, value)
	w.str("</" + prefix + f.Name + ">")
	return nil
}
