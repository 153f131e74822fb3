package convey

import (
	"slices"
	"strconv"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// maxForwards counts down what came in, and starts at 70 (RFC 3261, section
// 8.1.1.6). It does not go below 0: a call in a loop must come to its end.
func (w *writer) maxForwards() string {
	const start = 70
	n := start
	if came := w.came("Max-Forwards"); len(came) > 0 {
		if got, err := strconv.Atoi(strings.TrimSpace(came[0])); err == nil && got >= 0 && got <= start {
			n = max(got-1, 0)
		}
	}
	return strconv.Itoa(n)
}

func (w *writer) came(name string) []string {
	if w.Came.Headers == nil {
		return nil
	}
	return w.Came.Headers.All(name)
}

// location adds the location objects and the Geolocation headers: the place by
// which the call was routed, by value and on i3 trunks by reference too, then
// what came in, unchanged, for the PSAP may see more in it than we did (RFC 6881
// SP-19), then what our other sources say (F-05).
func (w *writer) location() {
	if !Carries(w.trunk.Profile) {
		return
	}
	var values []sipgeo.Location
	if !w.slim {
		if w.Object = w.object(); w.Object != nil {
			values = append(values, w.attach("loc-", w.Object))
		} else {
			w.flag(FlagNoLocation)
		}
		w.Forward = !w.update
	}
	if w.Reference != "" && (w.slim || w.trunk.Profile == e911.ProfileI3) {
		values = append(values, sipgeo.Location{URI: w.Reference})
	} else if w.trunk.Profile == e911.ProfileI3 {
		w.flag(FlagNoReference)
	}
	for _, v := range w.Came.Values {
		if v.Scheme() != "cid" || w.Forward {
			values = append(values, v)
		}
	}
	if w.Object != nil && !w.update {
		for i, s := range w.further() {
			if body := w.objectOf(s); body != nil {
				values = append(values, w.attach("loc"+strconv.Itoa(i+2)+"-", body))
				w.find(e911.Finding{Rule: RuleFurther, Said: string(s.by), Place: s.place.Display, Why: "not chosen; it travels as a further location"})
			}
		}
	}
	// What came in passed ParseGeolocation and what we add is ours, so that
	// nothing is left out.
	if w.Geolocation, _ = sipgeo.FormatGeolocation(values...); w.Geolocation == "" {
		return
	}
	w.add("Geolocation", w.Geolocation)
	w.add("Geolocation-Routing", "yes")
	for _, tag := range optionTags(values) {
		w.add("Supported", tag)
	}
}

// attach adds a location object as a body part and returns its reference.
func (w *writer) attach(prefix string, object []byte) sipgeo.Location {
	id := prefix + string(w.ID) + "@" + w.Domain
	w.Parts = append(w.Parts, Part{Type: "application/pidf+xml", ID: id, Body: object})
	return sipgeo.FromContentID(id)
}

// optionTags says which kinds of reference are in use, as the one who sends
// them must (RFC 6442, section 4.1).
func optionTags(values []sipgeo.Location) []string {
	var tags []string
	for _, tag := range []string{"geolocation-sip", "geolocation-http"} {
		if slices.ContainsFunc(values, func(v sipgeo.Location) bool { return v.OptionTag() == tag }) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// names adds the names of the call, on i3 trunks of the incident too, and keeps
// every Call-Info that came in. Each name is that of the first element on the
// way (NENA-STA-010.3, section 2.1.6).
func (w *writer) names() {
	kept := w.came("Call-Info")
	call, incident := sipgeo.EmergencyIDs(kept)
	ours := []sipgeo.CallInfo{}
	if call == "" {
		ours = append(ours, sipgeo.CallInfo{URI: w.Name, Purpose: sipgeo.PurposeCallID})
	}
	if incident == "" && w.trunk.Profile == e911.ProfileI3 {
		ours = append(ours, sipgeo.CallInfo{URI: w.Incident, Purpose: sipgeo.PurposeIncidentID})
	}
	for _, v := range ours {
		if value, err := v.Format(); err == nil {
			w.add("Call-Info", value)
		}
	}
	for _, v := range kept {
		if w.Forward || !pointsIntoBody(v) {
			w.add("Call-Info", v)
		}
	}
}

// pointsIntoBody reports whether a Call-Info header names nothing but body parts.
func pointsIntoBody(value string) bool {
	infos := sipgeo.ParseCallInfo([]string{value})
	return len(infos) > 0 && !slices.ContainsFunc(infos, func(v sipgeo.CallInfo) bool {
		_, ok := v.ContentID()
		return !ok
	})
}

// priority adds esnet.1 on i3 trunks. What came in is passed on only from trunks
// that are marked, and never as another level of ours (F-25, RFC 7135).
func (w *writer) priority() {
	var out []sipgeo.Priority
	if w.trunk.Profile == e911.ProfileI3 {
		out = append(out, sipgeo.ESNet(1))
	}
	for _, p := range sipgeo.ParsePriorities(w.came("Resource-Priority")) {
		said := p.Namespace + "." + p.Value
		if !w.Came.Priority {
			w.find(e911.Finding{Rule: RulePriority, Said: said, Why: "not passed on: the trunk it came by is not marked as one whose Resource-Priority is believed"})
			continue
		}
		if slices.ContainsFunc(out, func(o sipgeo.Priority) bool { return strings.EqualFold(o.Namespace, p.Namespace) }) {
			continue
		}
		out = append(out, p)
	}
	if len(out) > 0 {
		// What cannot be written is left out.
		value, _ := sipgeo.FormatPriorities(out...)
		w.add("Resource-Priority", value)
	}
}

// passedOn adds what travels on as it came. Privacy, Require and Proxy-Require
// never do (F-21, F-25); a PASSporT does, with the Date that it may need (RFC
// 8224, section 4.1). What the access network tells is a location.
func (w *writer) passedOn() {
	names := []string{"Identity", "Date"}
	if Carries(w.trunk.Profile) {
		names = append(names, "P-Access-Network-Info")
	}
	for _, name := range names {
		for _, v := range w.came(name) {
			w.add(name, v)
		}
	}
}
