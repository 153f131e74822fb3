package discover

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/suggest"
)

var columns = []string{"kind", "mac", "mac_to", "chassis", "port", "range", "name", "mobility", "location"}

// Columns are those of the network map import, in its order.
func Columns() []string { return append([]string(nil), columns...) }

// WriteCSV writes proposals as rows of the network map import. The location is
// filled in only where what people wrote on the element is the very key or name
// of one location: an administrator fills in the rest. Refused proposals are
// left out, unsure ones too unless unsure is set.
func WriteCSV(w io.Writer, proposals []Proposal, unsure bool) error {
	c := csv.NewWriter(w)
	if err := c.Write(columns); err != nil {
		return fmt.Errorf("write the columns: %w", err)
	}
	for _, p := range proposals {
		if p.Status == Refused || p.Status == Unsure && !unsure {
			continue
		}
		location := ""
		if p.Guess.Confidence == suggest.High {
			location = p.Guess.Location
		}
		if err := c.Write(row(p.Element, location)); err != nil {
			return fmt.Errorf("write a proposal: %w", err)
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write the proposals: %w", err)
	}
	return nil
}

func row(e e911.Element, location string) []string {
	span := ""
	switch {
	case e.Range.IsValid():
		span = e.Range.String()
	case e.From.IsValid():
		span = e.From.String() + "-" + e.To.String()
	}
	return []string{string(e.Kind), string(e.MAC), string(e.MACTo), e.LLDP.Chassis, e.LLDP.Port, span, e.Name, string(e.Mobility), location}
}

// clip shortens text for a table.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimSpace(string(r[:n-1])) + "…"
}
