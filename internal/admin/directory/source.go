// Package directory keeps our users in step with a directory of people: Entra ID or
// Okta, which tell of every change by SCIM, and LDAP or Active Directory, which are
// read on a schedule.
//
// A directory says what people are; a Source says what of it means something here
// (which attribute feeds which field), and Work turns that into wishes on users,
// devices and numbers. A field that a directory feeds is read-only for everybody
// else (C-59). Who leaves is marked, and after a time of grace a plan takes him off
// the list; his device stays and goes on calling 911 (E1). Who joins and has no
// location is marked so, and that blocks nothing (N-07).
package directory

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/access"
)

// Protocol is how a directory speaks.
type Protocol string

// The protocols.
const (
	SCIM Protocol = "scim" // it tells us
	LDAP Protocol = "ldap" // we read it
)

// Field is what a directory may say of a person here.
type Field string

// The fields. Those from FieldLocation on are of what belongs to the person.
const (
	FieldKey          Field = "key"            // of the user; never changed once he is here
	FieldName         Field = "name"           // of the user
	FieldEmail        Field = "email"          // of the user
	FieldDeviceUserID Field = "device_user_id" // of the user, letter by letter as the directory has it (N-20)
	FieldCallback     Field = "callback"       // of the user: an E.164 number
	FieldLanguage     Field = "language"       // of the user: "en" or "fr"
	FieldSite         Field = "site"           // of the user: key of a site, or a text of Source.Sites
	FieldLocation     Field = "location"       // of his numbers: key of a location, or a text of Source.Places
	FieldNumber       Field = "number"         // numbers of ours that are his
	FieldDevice       Field = "device"         // keys of devices of ours that are his
)

// Fields lists them.
func Fields() []Field {
	return []Field{
		FieldKey, FieldName, FieldEmail, FieldDeviceUserID, FieldCallback, FieldLanguage, FieldSite, FieldLocation, FieldNumber, FieldDevice,
	}
}

// Action is what follows when a directory says something new.
type Action string

// The actions. Nobody is ever taken off the list without a person: that is always a
// plan to apply.
const (
	ActionReport Action = "report" // it is told what differs
	ActionPlan   Action = "plan"   // and a plan is made, for a person to apply
	ActionApply  Action = "apply"  // and what joins or changes is applied at once
)

// Defaults of a Source.
const (
	DefaultEvery     = 24 * time.Hour
	DefaultGraceDays = 14
	DefaultMaxShrink = 20 // per cent
)

// Role is a role that a group of the directory gives.
type Role struct {
	Group string      `json:"group"` // its name
	Role  access.Role `json:"role"`
	Site  string      `json:"site,omitempty"` // key; none: the organisation
}

// GroupSite is the site of a group's members.
type GroupSite struct {
	Group string `json:"group"`
	Site  string `json:"site"` // key
}

// Source is a directory of one organisation. An organisation has one that speaks
// SCIM at most.
type Source struct {
	ID       string     `json:"id"`
	Org      e911.OrgID `json:"org"`
	Key      string     `json:"key"` // unique in the organisation
	Protocol Protocol   `json:"protocol"`
	// Map names the attribute that feeds a field, in any case; of several, the first
	// that says something counts ("mobile, telephoneNumber"). None: Defaults.
	Map map[Field]string `json:"map,omitempty"`
	// Site is the key of the site of who is new and of whom nothing else says it.
	Site string `json:"site,omitempty"`
	// GroupSites are asked first, in order.
	GroupSites []GroupSite `json:"group_sites,omitempty"`
	// Sites and Places turn texts of the directory into keys of sites and locations:
	// {"Boston HQ, 3rd floor": "hq-3"}. Case and blanks do not matter. A text that is
	// neither here nor a key is reported, never guessed.
	Sites  map[string]string `json:"sites,omitempty"`
	Places map[string]string `json:"places,omitempty"`
	Roles  []Role            `json:"roles,omitempty"`
	Action Action            `json:"action"`
	// GraceDays is how long who left stays on the list; 0: 14.
	GraceDays int `json:"grace_days,omitempty"`
	// EveryMinutes is how often LDAP is read; 0: once a day.
	EveryMinutes int `json:"every_minutes,omitempty"`
	// MaxShrink is how many per cent of its people a directory may lose at a time
	// before nobody is taken for gone; 0: 20.
	MaxShrink int   `json:"max_shrink_percent,omitempty"`
	Paused    bool  `json:"paused,omitempty"`
	Server    *Tree `json:"ldap,omitempty"` // of LDAP
	Version   int64 `json:"version,omitempty"`
}

// Tree is how an LDAP directory is reached and what is read of it.
type Tree struct {
	// URL is ldaps://host:636, or ldap://host:389 with StartTLS. ldap without it is
	// refused but for a loopback address: the password would be read by others.
	URL      string      `json:"url"`
	StartTLS bool        `json:"start_tls,omitempty"`
	CA       string      `json:"ca,omitempty"` // PEM of who signed its certificate; none: the system's
	BindDN   string      `json:"bind_dn,omitempty"`
	Password e911.Secret `json:"password,omitempty"`
	Base     string      `json:"base"`             // DN below which people are
	Filter   string      `json:"filter,omitempty"` // RFC 4515; none: people of the kind
	// GroupBase is the DN below which groups are; none: groups are not read.
	GroupBase   string `json:"group_base,omitempty"`
	GroupFilter string `json:"group_filter,omitempty"`
	// ActiveDirectory: objectGUID, userAccountControl and sAMAccountName; without it
	// entryUUID and uid.
	ActiveDirectory bool `json:"active_directory,omitempty"`
	// NestedGroups: who is in a group by way of other groups is in it. Active Directory
	// alone can say so; it is asked of groups that Roles or GroupSites name.
	NestedGroups   bool `json:"nested_groups,omitempty"`
	PageSize       int  `json:"page_size,omitempty"` // 0: 500
	MaxPeople      int  `json:"max_people,omitempty"`
	TimeoutSeconds int  `json:"timeout_seconds,omitempty"` // of all of it; 0: 120
}

// Defaults is the map of a source that has none.
func (s *Source) Defaults() map[Field]string {
	switch {
	case s.Protocol == SCIM:
		return map[Field]string{
			FieldKey: "userName", FieldName: "displayName, name.formatted, name", FieldEmail: "emails.work, emails", FieldDeviceUserID: "employeeNumber",
		}
	case s.Server != nil && s.Server.ActiveDirectory:
		return map[Field]string{FieldKey: "sAMAccountName", FieldName: "displayName, cn", FieldEmail: "mail", FieldDeviceUserID: "employeeID"}
	}
	return map[Field]string{FieldKey: "uid", FieldName: "displayName, cn", FieldEmail: "mail", FieldDeviceUserID: "employeeNumber"}
}

// Feeds returns the attributes of every field that is fed, in lower case.
func (s *Source) Feeds() map[Field][]string {
	m := s.Map
	if len(m) == 0 {
		m = s.Defaults()
	}
	out := make(map[Field][]string, len(m))
	for f, names := range m {
		for n := range strings.SplitSeq(names, ",") {
			if n = strings.ToLower(strings.TrimSpace(n)); n != "" {
				out[f] = append(out[f], n)
			}
		}
	}
	return out
}

// Grace is how long who left stays on the list.
func (s *Source) Grace() time.Duration {
	if s.GraceDays <= 0 {
		return DefaultGraceDays * 24 * time.Hour
	}
	return time.Duration(s.GraceDays) * 24 * time.Hour
}

// Every is how often LDAP is read.
func (s *Source) Every() time.Duration {
	if s.EveryMinutes <= 0 {
		return DefaultEvery
	}
	return time.Duration(s.EveryMinutes) * time.Minute
}

func (s *Source) maxShrink() int {
	if s.MaxShrink <= 0 {
		return DefaultMaxShrink
	}
	return s.MaxShrink
}

// Redacted is the source without its password.
func (s Source) Redacted() Source {
	if s.Server != nil {
		t := *s.Server
		t.Password = ""
		s.Server = &t
	}
	return s
}

type faultList []e911.Fault

func (l *faultList) add(path, code, msg, fix string) {
	*l = append(*l, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
}

// Check returns every fault of a source, with paths of its JSON.
func Check(s Source) []e911.Fault {
	var l faultList
	if s.Key == "" || len(s.Key) > 64 || strings.Trim(s.Key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		l.add("key", "syntax", "a directory has a key of up to 64 letters, digits and . _ -", "write a short name, such as entra")
	}
	switch s.Protocol {
	case SCIM:
		if s.Server != nil {
			l.add("ldap", "forbidden", "a directory that speaks SCIM is not read", "remove ldap")
		}
	case LDAP:
		checkTree(&l, s.Server)
	default:
		l.add("protocol", "syntax", fmt.Sprintf("%q is no protocol", s.Protocol), "write scim or ldap")
	}
	for _, f := range slices.Sorted(maps.Keys(s.Map)) {
		if !slices.Contains(Fields(), f) {
			l.add("map."+string(f), "unknown_key", fmt.Sprintf("there is no field %q", f), fmt.Sprintf("write one of %v", Fields()))
		} else if strings.Trim(s.Map[f], " ,") == "" {
			l.add("map."+string(f), "required", "the attribute is missing", "write its name, or leave the field out")
		}
	}
	if len(s.Map) > 0 && s.Map[FieldKey] == "" {
		l.add("map.key", "required", "nothing says what a new user is called", "name an attribute that everybody has and nobody else, as userName")
	}
	if s.Action != ActionReport && s.Action != ActionPlan && s.Action != ActionApply {
		l.add("action", "syntax", fmt.Sprintf("%q is nothing that follows a change", s.Action), "write report, plan or apply")
	}
	for i, r := range s.Roles {
		path := fmt.Sprintf("roles[%d]", i)
		if strings.TrimSpace(r.Group) == "" {
			l.add(path+".group", "required", "which group gives the role is not said", "write its name")
		}
		level := access.AtOrg
		if r.Site != "" {
			level = access.AtSite
		}
		if !access.Fits(r.Role, level) || r.Role == access.Provider || r.Role == access.Partner {
			l.add(path+".role", "forbidden", fmt.Sprintf("a group cannot give the role %q there", r.Role), "write organisation, or site_administrator with a site")
		}
	}
	for i, g := range s.GroupSites {
		if strings.TrimSpace(g.Group) == "" || g.Site == "" {
			l.add(fmt.Sprintf("group_sites[%d]", i), "required", "group and site belong together", "write both")
		}
	}
	between := func(path string, v, most int, what string) {
		if v < 0 || v > most {
			l.add(path, "range", fmt.Sprintf("%s is 0 to %d", what, most), "leave it out for what is usual")
		}
	}
	between("grace_days", s.GraceDays, 366, "the time of grace in days")
	between("every_minutes", s.EveryMinutes, 31*24*60, "the time between two runs in minutes")
	between("max_shrink_percent", s.MaxShrink, 100, "what a directory may lose in per cent")
	return l
}

func checkTree(l *faultList, t *Tree) {
	if t == nil {
		l.add("ldap", "required", "how the directory is reached is not said", "write url, base, bind_dn and password")
		return
	}
	u, err := url.Parse(t.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.User != nil:
		l.add("ldap.url", "syntax", "this is no address of an LDAP server", "write ldaps://dc.example.com")
	case u.Scheme == "ldaps" && t.StartTLS:
		l.add("ldap.start_tls", "forbidden", "ldaps is encrypted from its start", "remove start_tls")
	case u.Scheme == "ldap" && !t.StartTLS && !strings.HasPrefix(u.Host, "127."):
		l.add("ldap.url", "forbidden", "the password and everybody's data would cross the network in the clear", "write ldaps://, or add start_tls")
	}
	if t.Base == "" {
		l.add("ldap.base", "required", "where people are is not said", "write ou=people,dc=example,dc=com")
	}
	if t.BindDN != "" && t.Password == "" {
		l.add("ldap.password", "required", "a DN without a password reads as nobody (RFC 4513, section 5.1.2)", "write it, or remove bind_dn")
	}
	if t.NestedGroups && (!t.ActiveDirectory || t.GroupBase == "") {
		l.add("ldap.nested_groups", "forbidden", "groups within groups are opened of an Active Directory whose groups are read", "add active_directory and group_base, or remove nested_groups")
	}
	if t.PageSize < 0 || t.PageSize > 10_000 {
		l.add("ldap.page_size", "range", "a page has 1 to 10000 people", "write 500")
	}
	if t.MaxPeople < 0 || t.TimeoutSeconds < 0 || t.TimeoutSeconds > 3600 {
		l.add("ldap.timeout_seconds", "range", "limits are not below zero, and a run ends within the hour", "leave them out")
	}
}
