package reconcile

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// Action is what follows a comparison.
type Action string

// The actions.
const (
	ActionReport Action = "report" // it is told what differs
	ActionPlan   Action = "plan"   // and a plan that mends it is made, for a person to apply
)

// Defaults of a Source.
const (
	DefaultEvery     = 24 * time.Hour
	DefaultOldAfter  = 7 * 24 * time.Hour
	DefaultMaxShrink = 20 // per cent
)

// Source is a list of the calling platform's.
type Source struct {
	ID  string     `json:"id"`
	Org e911.OrgID `json:"org"`
	Key string     `json:"key"` // unique in the organisation
	// Kind is what the list holds: users, devices or numbers.
	Kind sheet.Kind `json:"kind"`
	// File is the name of a CSV or XLSX file in the server's folder of lists, read
	// when a run is due; none: the list is pushed.
	File string `json:"file,omitempty"`
	// KeyColumn is the heading of the list's column that names an object; KeyField is
	// what it is compared with: "key", or for users "email" or "device_user_id", for
	// devices "mac". None: "key", for numbers "number".
	KeyColumn string `json:"key_column"`
	KeyField  string `json:"key_field,omitempty"`
	// Columns are the list's headings of our fields, by field: {"email": "Mail"}. Other
	// columns of the list mean nothing here, and fields without a column are left alone.
	Columns map[string]string `json:"columns,omitempty"`
	// Site is the key of the site of what is new, where no column says it.
	Site string `json:"site,omitempty"`
	// EveryMinutes is how often a run is due; 0: once a day.
	EveryMinutes int    `json:"every_minutes,omitempty"`
	Action       Action `json:"action"`
	// DeleteExtra says that the plan deletes what the list does not have. Else that is
	// only told.
	DeleteExtra bool `json:"delete_extra,omitempty"`
	// MaxShrink is how many per cent a list may have lost since the last good run
	// before nothing is deleted by it; 0: 20, 100: any.
	MaxShrink int `json:"max_shrink_percent,omitempty"`
	// OldAfterDays is how long the lists may differ, or nothing come, before the
	// administrators are told; 0: 7.
	OldAfterDays int   `json:"old_after_days,omitempty"`
	Paused       bool  `json:"paused,omitempty"`
	Version      int64 `json:"version,omitempty"`
}

// Every is how often a run is due.
func (s *Source) Every() time.Duration {
	if s.EveryMinutes <= 0 {
		return DefaultEvery
	}
	return time.Duration(s.EveryMinutes) * time.Minute
}

// OldAfter is how long lists may differ without anybody being told.
func (s *Source) OldAfter() time.Duration {
	if s.OldAfterDays <= 0 {
		return DefaultOldAfter
	}
	return time.Duration(s.OldAfterDays) * 24 * time.Hour
}

func (s *Source) maxShrink() int {
	if s.MaxShrink <= 0 {
		return DefaultMaxShrink
	}
	return s.MaxShrink
}

// keyField is the field that the key column is compared with.
func (s *Source) keyField() string {
	switch {
	case s.KeyField != "":
		return s.KeyField
	case s.Kind == sheet.Numbers:
		return "number"
	}
	return "key"
}

// keyFields lists what objects of a kind can be named by in another's list.
func keyFields(kind sheet.Kind) []string {
	switch kind {
	case sheet.Users:
		return []string{"key", "email", "device_user_id"}
	case sheet.Devices:
		return []string{"key", "mac"}
	case sheet.Numbers:
		return []string{"number"}
	}
	return nil
}

// Fields lists the fields of a kind that a list may say something of; nil for
// kinds that are not compared.
func Fields(kind sheet.Kind) []string {
	switch kind {
	case sheet.Users:
		return []string{"key", "site", "name", "email", "device_user_id", "callback", "language"}
	case sheet.Devices:
		return []string{"key", "site", "mac", "user", "model", "station.class"}
	case sheet.Numbers:
		return []string{"number", "site", "user", "location", "status", "owner"}
	}
	return nil
}

// Check returns every fault of a source, with paths of its JSON.
func Check(s Source) []e911.Fault {
	var faults []e911.Fault
	add := func(path, code, msg, fix string) {
		faults = append(faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	}
	if s.Key == "" || len(s.Key) > 64 || strings.Trim(s.Key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		add("key", "syntax", "a list has a key of up to 64 letters, digits and . _ -", "write a short name, such as webex-users")
	}
	fields := Fields(s.Kind)
	if fields == nil {
		add("kind", "syntax", fmt.Sprintf("%q is no kind of list that is compared", s.Kind), "write users, devices or numbers")
		return faults
	}
	if s.File != "" && (!filepath.IsLocal(s.File) || strings.ContainsAny(s.File, "\\\x00")) {
		add("file", "forbidden", "a list is a file in the server's folder of lists", "write its name without a path, and put it there")
	}
	if s.KeyColumn == "" {
		add("key_column", "required", "the list's column that names an object is not said", "write its heading")
	}
	if !slices.Contains(keyFields(s.Kind), s.keyField()) {
		add("key_field", "syntax", fmt.Sprintf("%s are not named by %q", s.Kind, s.KeyField), "write "+strings.Join(keyFields(s.Kind), " or "))
	}
	for _, f := range slices.Sorted(maps.Keys(s.Columns)) {
		switch {
		case !slices.Contains(fields, f):
			add("columns."+f, "unknown_key", fmt.Sprintf("%s have no field %q", s.Kind, f), "write one of "+strings.Join(fields, ", "))
		case s.Columns[f] == "":
			add("columns."+f, "required", "the heading is missing", "write the heading of the list's column")
		case f == s.keyField():
			add("columns."+f, "duplicate", "the key column says it already", "remove it here")
		}
	}
	if s.Action != ActionReport && s.Action != ActionPlan {
		add("action", "syntax", fmt.Sprintf("%q is nothing that follows a comparison", s.Action), "write report or plan")
	}
	if s.EveryMinutes < 0 || s.EveryMinutes > 31*24*60 {
		add("every_minutes", "range", "a run is due at least once a month", "write 1440 for once a day")
	}
	if s.MaxShrink < 0 || s.MaxShrink > 100 {
		add("max_shrink_percent", "range", "a list loses 0 to 100 per cent", "write 20")
	}
	if s.OldAfterDays < 0 || s.OldAfterDays > 366 {
		add("old_after_days", "range", "somebody is told within a year", "write 7")
	}
	return faults
}
