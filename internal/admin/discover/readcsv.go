package discover

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// ReadCSV reads a file of the network map import, to compare it with the
// network. Columns may stand in any order; those of other names are ignored.
// Whether the rows may be imported is for the import to judge; here a row is at
// fault only when its key cannot be read. All faults are reported.
func ReadCSV(r io.Reader) (Map, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.ReuseRecord = -1, true
	head, err := c.Read()
	if err != nil {
		return Map{}, e911.Errorf(e911.Invalid, "the map has no row of column names")
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	if _, ok := at["kind"]; !ok {
		return Map{}, e911.Errorf(e911.Invalid, "the map has no column kind; its columns are %s", strings.Join(columns, ", "))
	}
	var m Map
	var faults []e911.Fault
	for {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Map{}, e911.Errorf(e911.Invalid, "the map is no CSV: %v", err)
		}
		field := func(name string) string {
			if i, ok := at[name]; ok && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		e, column, why := element(field)
		if why != "" {
			row, _ := c.FieldPos(0)
			faults = append(faults, e911.Fault{Path: column, Row: row, Col: at[column] + 1, Code: "invalid", Msg: why})
			continue
		}
		m.Elements = append(m.Elements, Mapped{Element: e, Place: strings.Clone(field("location"))})
	}
	if len(faults) > 0 {
		return Map{}, &e911.Error{Kind: e911.Invalid, Msg: fmt.Sprintf("%d rows of the map cannot be read", len(faults)), Faults: faults[:min(len(faults), 100)]}
	}
	return m, nil
}

// element reads one row; where it cannot, it says the column and why.
func element(field func(string) string) (e e911.Element, column, why string) {
	e.Kind = e911.ElementKind(strings.Clone(strings.ToLower(field("kind"))))
	e.Name, e.Mobility = strings.Clone(field("name")), e911.Mobility(strings.Clone(field("mobility")))
	e.LLDP = e911.LLDPPort{Chassis: strings.Clone(field("chassis")), Port: strings.Clone(field("port"))}
	if m, err := e911.ParseMAC(e.LLDP.Chassis); err == nil {
		e.LLDP.Chassis = string(m)
	}
	for _, f := range []struct {
		column string
		to     *e911.MAC
	}{{"mac", &e.MAC}, {"mac_to", &e.MACTo}} {
		if s := field(f.column); s != "" {
			m, err := e911.ParseMAC(s)
			if err != nil {
				return e, f.column, "this is no hardware address"
			}
			*f.to = m
		}
	}
	if s := field("range"); s != "" {
		if !addressRange(s, &e) {
			return e, "range", "write a prefix, 10.1.0.0/24, or LOW-HIGH"
		}
	}
	if e.Kind == "" {
		return e, "kind", "the kind of element is missing"
	}
	return e, "", ""
}

func addressRange(s string, e *e911.Element) bool {
	if p, err := netip.ParsePrefix(s); err == nil {
		e.Range = p.Masked()
		return true
	}
	low, high, ok := strings.Cut(s, "-")
	if !ok {
		a, err := netip.ParseAddr(s)
		e.Range = netip.PrefixFrom(a, a.BitLen())
		return err == nil
	}
	from, err1 := netip.ParseAddr(strings.TrimSpace(low))
	to, err2 := netip.ParseAddr(strings.TrimSpace(high))
	e.From, e.To = from, to
	return err1 == nil && err2 == nil
}
