package portal

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
)

// number writes an E.164 number as people read it; what is not one stays.
func number(n string) string {
	if len(n) == 12 && strings.HasPrefix(n, "+1") {
		return "+1 " + n[2:5] + "-" + n[5:8] + "-" + n[8:]
	}
	return n
}

// person writes a caller's name, which may be a bare number.
func person(who string) string {
	if strings.HasPrefix(who, "+") {
		return number(who)
	}
	return who
}

// rule names a piece of evidence, or a rule that speaks in a Finding, in the
// words of people who run phones. An unknown code is shown as it is, readable.
func rule(code string) string {
	switch code {
	case string(e911.ByDeviceUserID), "device_user_id_header":
		return "Identity header of the trunk"
	case string(e911.ByLocationToken):
		return "Location token"
	case string(e911.ByLineNumber):
		return "Line number"
	case string(e911.ByTrunkOnly):
		return "Trunk only"
	case string(e911.ByPIDFLO):
		return "Location in the INVITE (PIDF-LO)"
	case string(e911.ByLLDPPort):
		return "Switch port (LLDP)"
	case string(e911.ByBSSID):
		return "Wi-Fi access point (BSSID)"
	case string(e911.ByNeighbours):
		return "Wi-Fi access points nearby"
	case string(e911.ByLLDPChassis):
		return "Switch (LLDP chassis)"
	case string(e911.ByMAC):
		return "Fixed device (MAC)"
	case string(e911.ByPrivateIP):
		return "Private network range"
	case string(e911.ByPublicIP):
		return "Public network range"
	case string(e911.ByNumber):
		return "Address of the number"
	case string(e911.ByRegistered):
		return "Place the user registered"
	case string(e911.BySiteDefault):
		return "The site’s only building"
	case string(e911.ByNothing):
		return "No location"
	case "route":
		return "Route"
	case "psap_boundary", "boundary":
		return "PSAP boundary"
	case "psap_county":
		return "PSAP of the county"
	case "psap_override":
		return "The organisation’s own choice"
	case "psap_authority":
		return "The authority’s mapping"
	case "psap_address":
		return "PSAP of the address"
	case "relay":
		return "Relay centre"
	case "location_reference":
		return "Location reference in the INVITE"
	case "p_asserted_identity":
		return "Asserted number (P-Asserted-Identity)"
	case "from":
		return "From header"
	case "owner":
		return "Owner of the line"
	case "agreement":
		return "Do they agree?"
	case "callback_of_user":
		return "Callback: the user’s registered number"
	case "callback_site_ecbn":
		return "Callback: the site’s emergency callback number"
	case "callback_own_number":
		return "Callback: the caller’s own number"
	case "callback_organisation_ecbn":
		return "Callback: the organisation’s emergency callback number"
	case "callback_billing_number":
		return "Callback: the billing number"
	case "callback_asserted_number":
		return "Callback: the asserted number"
	}
	return readable(code)
}

// flag says a record's flag as a sentence a dispatcher understands.
func flag(code string) string {
	switch code {
	case "unknown_number":
		return "The calling number is none of the organisation’s"
	case "unknown_identity":
		return "The identity header names nobody we know"
	case "unknown_device":
		return "The location token names a device that is gone"
	case "disagreement":
		return "Device, user and line are not the same person’s"
	case "no_line":
		return "The call carried no number"
	case "callback_guessed":
		return "The callback number is not the caller’s own"
	case "callback_unowned":
		return "The callback number is not one of ours"
	case "callback_billing":
		return "The callback number is the billing number of the lines: nobody may answer it"
	case "no_callback":
		return "There is no callback number"
	case "passed_on":
		return "Transferred or forwarded to 911: the one in need may be elsewhere"
	case "unknown_organisation":
		return "The platform named another organisation than it may, or one that is not known"
	case "no_confirmed_elin":
		return "The location has no confirmed ELIN: the callback number was sent"
	case "aged_evidence":
		return "The location stands on old evidence"
	case "building_only":
		return "Only the building is known"
	case "contradicted":
		return "Some evidence was contradicted by fresher evidence"
	case "unverified":
		return "The address was not validated"
	case "not_dispatchable":
		return "No floor or room is known"
	case "clock_ahead":
		return "Evidence dated in the future was taken as of now"
	case "answered_without_location":
		return "Who answered was not told where the caller is"
	case "answered_without_callback":
		return "Who answered has no number to call back"
	case "unlocated":
		return "The caller could not be located"
	case "sent_without_location_body":
		return "The PSAP got no location body"
	case "asked_not_answered":
		return "The caller was asked for his place and has not answered"
	case "site_not_set_up":
		return "The site is not set up for 911"
	case "no_off_premises_consent":
		return "Calls from off the premises in Canada without a recorded consent"
	case "by_site_trunk":
		return "Sent by the site’s own telephone line"
	case "location_may_be_wrong":
		return "Sent by a site’s line; the caller may be elsewhere"
	case "unauthenticated":
		return "The source is known by its address alone"
	case "prefixed":
		return "Dialled with a prefix"
	case "outside_coverage":
		return "The place is in no PSAP’s boundary"
	case "psap_disputed":
		return "The authority and our own map name two PSAPs; the authority was followed"
	case "no_relay":
		return "No relay centre is configured"
	case "no_route":
		return "There is no route to any PSAP"
	case "documents_omitted":
		return "More location documents were sent than are kept here"
	}
	return readable(code)
}

// freshness says a class of evidence.
func freshness(class string) string {
	switch class {
	case "fresh":
		return "Fresh"
	case "aged":
		return "Old"
	case "fall_back":
		return "Fall-back"
	case "none":
		return "None"
	}
	return readable(class)
}

func readable(code string) string {
	s := strings.TrimSpace(strings.ReplaceAll(code, "_", " "))
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// phrase makes a reason a sentence.
func phrase(s string) string {
	s = strings.TrimSpace(s)
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	s = string(unicode.ToUpper(first)) + s[size:]
	if !strings.ContainsAny(s[len(s)-1:], ".?!") {
		s += "."
	}
	return s
}

// dueReason says why people were told.
func dueReason(code string) string {
	switch code {
	case "leg_out":
		return "911 was dialled"
	case "leg_failed":
		return "911 was dialled, the first attempt failed"
	case "late":
		return "911 was dialled, the call is still being set up"
	case "not_connected":
		return "NOT CONNECTED"
	case "abandoned":
		return "The caller gave up"
	case "location_update":
		return "The caller is located anew"
	case "test":
		return "933 test"
	}
	return readable(code)
}

// offset says a moment of the timeline as time since arrival.
func offset(ms int64) string {
	switch {
	case ms < 0:
		return "−" + offset(-ms)
	case ms < 10_000:
		return fmt.Sprintf("%d.%03d s", ms/1000, ms%1000)
	}
	d := time.Duration(ms) * time.Millisecond
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d:%02d h", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// seconds says a short wait, "6.4 s", and a long one as duration does.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return duration(d)
}

// elapsed is a running clock, "0:42", "1:02:10".
func elapsed(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	if d < time.Hour {
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// duration is a length in words, "2 min 12 s".
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "under 1 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// age says how long before the call evidence was taken.
func age(at *time.Time, call time.Time) string {
	if at == nil || at.IsZero() {
		return ""
	}
	d := call.Sub(*at)
	if d < 0 {
		return "taken " + duration(-d) + " into the call"
	}
	if d < time.Second {
		return "taken at the call"
	}
	return "taken " + duration(d) + " before the call"
}

// zone finds the zone of a site; a place without one is told in UTC.
func zone(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return loc
}

// day names the day of t as seen on the day of now, both in t's zone.
func day(t, now time.Time) string {
	now = now.In(t.Location())
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, t.Location())
	switch {
	case !t.Before(today):
		return "Today"
	case !t.Before(today.AddDate(0, 0, -1)):
		return "Yesterday"
	case t.Year() == now.Year():
		return t.Format("Monday 2 January")
	}
	return t.Format("Monday 2 January 2006")
}

// Sentence makes a sentence of the text of a fault: it begins with a capital, and ends.
func Sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.ContainsAny(s[len(s)-1:], ".!?:") {
		s += "."
	}
	return s
}
