// Package freeswitch reads the XML dial plan of FreeSWITCH, as far as it says which
// dialled numbers go where.
package freeswitch

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Condition is a condition on destination_number with its actions, in the order of
// the file.
type Condition struct {
	Context    string // none: the file names none
	Extension  string
	Line       int
	Expression string
	Actions    []Action
}

// Action is an application with its data.
type Action struct{ Application, Data string }

// ReadDialplan reads as much as it can: with an error, what came before it. It never
// resolves anything outside of the text.
func ReadDialplan(text string) ([]Condition, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	var out []Condition
	context, extension, open := "", "", false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("read a dial plan: %w", err)
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		line, _ := d.InputPos()
		switch e.Name.Local {
		case "context":
			context, open = attr(e, "name"), false
		case "extension":
			extension, open = attr(e, "name"), false
		case "condition":
			if open = attr(e, "field") == "destination_number"; open {
				out = append(out, Condition{Context: context, Extension: extension, Line: line, Expression: attr(e, "expression")})
			}
		case "action":
			if open {
				c := &out[len(out)-1]
				c.Actions = append(c.Actions, Action{attr(e, "application"), attr(e, "data")})
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	i := slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == name })
	if i < 0 {
		return ""
	}
	return e.Attr[i].Value
}
