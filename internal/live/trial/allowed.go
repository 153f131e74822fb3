package trial

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/calltrace"
	"github.com/callbox911/callbox/internal/rules/dialplan"
	"github.com/callbox911/callbox/internal/snapshot"
)

// number933 is what a through 933 dials.
const number933 = "933"

// allowed says which test an order is, or why it is none (E12). It fills in what
// is dialled. It takes what it knows to be harmless and refuses all else: what
// one system reads as a name, the next one may read as a number.
func allowed(w *snapshot.Snapshot, t e911.Trunk, o *Order) (calltrace.Kind, error) {
	if o.Options {
		return calltrace.Options, nil
	}
	if t.Side == e911.SidePlatform {
		return "", e911.Errorf(e911.Invalid, "the trunk %s is a platform's: calls come from it, none goes to it; --options asks whether it is there", t.Key)
	}
	if o.Number != "" && o.URI != "" {
		return "", e911.Errorf(e911.Invalid, "give a number or a URI, not both")
	}
	if o.Number == "" && o.URI == "" {
		o.Number = number933
	}
	what := o.URI
	if what == "" {
		if strings.Trim(o.Number, "0123456789+*#-.() ") != "" {
			return "", e911.Errorf(e911.Invalid, "%q is no number that can be dialled", o.Number)
		}
		what = "sip:" + url.PathEscape(o.Number) + "@trunk.invalid"
	}
	m, found := dialplan.Find(what)
	switch {
	case found && m.Class == e911.ClassEmergency:
		return "", e911.Errorf(e911.Denied, "a test never calls for help: %s is refused (E12). An arranged 911 is placed from a telephone: callbox tests arrange", o.dialled())
	case found && m.Class == e911.ClassTestURN:
		if !t.Marked(e911.MarkTestURN) {
			return "", e911.Errorf(e911.Denied, "a test URN leaves on a trunk marked test_urn alone, and %s is not: ask its operator whether he takes them, then add the mark", t.Key)
		}
		o.Number, o.URI = "", m.Service
		return calltrace.TestURN, nil
	case t.Side != e911.SideCarrier && t.Side != e911.SideLocal:
		return "", e911.Errorf(e911.Denied, "behind the trunk %s (%s) call-takers answer: only OPTIONS and, where it is marked test_urn, a test URN go there", t.Key, t.Side)
	case found && o.URI == "":
		o.Number = number933 // without what was typed around it
		return calltrace.Through933, nil
	}
	u, err := readURI(what)
	if err != nil {
		return "", err
	}
	if o.URI != "" {
		if err := elsewhere(w, u, o.URI); err != nil {
			return "", err
		}
	}
	if found {
		return calltrace.Through933, nil
	}
	if err := notForHelp(w, u, o.dialled()); err != nil {
		return "", err
	}
	if o.URI == "" {
		o.Number = u.digits // without separators
		if u.user[0] == '+' {
			o.Number = "+" + u.digits
		}
	}
	return calltrace.Other, nil
}

func (o *Order) dialled() string {
	if o.URI != "" {
		return o.URI
	}
	return o.Number
}

// parts are those of a URI that a test may call.
type parts struct {
	scheme, user, host string // in lower case; of tel no host
	digits             string // of a number, without separators and plus sign
}

var (
	// numberForm is a number as people write it. A star or a hash orders services
	// of an exchange, among them a further number.
	numberForm = regexp.MustCompile(`^\+?[0-9.() -]*[0-9][0-9.() -]*$`)
	// nameForm is a name that no system takes for a number.
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9._-]{1,63}$`)
	hostForm = regexp.MustCompile(`^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?$`)
	// paramForm are the parameters that change nothing of where a call goes.
	paramForm = regexp.MustCompile(`^(user=(phone|ip)|transport=(udp|tcp|tls)|phone-context=[a-z0-9.+-]+)$`)
)

// readURI takes a URI apart. It knows much less than RFC 3261 allows: one user
// part without password and parameters, and parameters by name.
func readURI(uri string) (parts, error) {
	refuse := func(why string) (parts, error) {
		return parts{}, e911.Errorf(e911.Denied, "%s is refused: %s. Write a number, sip:NUMBER@HOST or tel:NUMBER", strings.TrimSuffix(uri, "@trunk.invalid"), why)
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	p := parts{scheme: strings.ToLower(scheme)}
	var params []string
	user := ""
	switch p.scheme {
	case "tel":
		params = strings.Split(rest, ";")
		user, params = params[0], params[1:]
	case "sip", "sips":
		var found bool
		if user, rest, found = strings.Cut(rest, "@"); !found {
			return refuse("it names nobody")
		}
		params = strings.Split(rest, ";")
		p.host, params = strings.ToLower(params[0]), params[1:]
		if !hostForm.MatchString(p.host) {
			return refuse("its host is none")
		}
	default:
		return refuse("a test calls sip, sips and tel URIs, and no service")
	}
	for _, q := range params {
		if !paramForm.MatchString(strings.ToLower(q)) {
			return refuse("a test takes the parameters user, transport and phone-context alone")
		}
	}
	plain, err := url.PathUnescape(user)
	if err != nil {
		return refuse("it has an escape that is none")
	}
	p.user = strings.ToLower(plain)
	switch {
	case numberForm.MatchString(p.user):
		p.digits = digitsIn(p.user)
	case p.scheme == "tel" || !nameForm.MatchString(p.user):
		return refuse("whom it names is neither a number nor a plain name")
	}
	return p, nil
}

func digitsIn(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// helpful are words in names that stand for somebody who waits for emergencies.
var helpful = []string{"sos", "911", "112", "999", "psap", "emergency", "police", "fire", "ambulance", "ecrc", "relay"}

// notForHelp refuses what would make somebody answer who waits for emergencies:
// short codes (112, 999, 988, 211 ...), what an exchange that does not wait for
// the last digit takes for one, the lines of PSAPs and of the relay centre, and
// the name by which calls for help go over a trunk.
func notForHelp(w *snapshot.Snapshot, u parts, said string) error {
	if u.digits == "" {
		if slices.ContainsFunc(helpful, func(word string) bool { return strings.Contains(u.user, word) }) {
			return e911.Errorf(e911.Denied, "%s is refused: by its name, helpers may answer there", said)
		}
	} else {
		const short = 7 // the shortest number that is somebody's own
		if len(u.digits) < short {
			return e911.Errorf(e911.Denied, "a test calls no short code but 933: %s is refused, for helpers may answer there", said)
		}
		if overdialled.MatchString(u.digits) {
			return e911.Errorf(e911.Denied, "%s is refused: it begins with an emergency number, and some exchanges wait for no more digits", said)
		}
	}
	for p := range w.AllPSAPs() {
		if line := digitsIn(string(p.Line)); sameLine(line, u.digits) {
			return e911.Errorf(e911.Denied, "%s is the line of the PSAP %s: a test does not ring there", said, p.Key)
		}
	}
	for t := range w.Trunks() {
		for _, uri := range leadsTo(t) {
			user := userOf(uri)
			if user != "" && (user == u.user || sameLine(digitsIn(user), u.digits)) {
				return e911.Errorf(e911.Denied, "%s is refused: calls for help go to %q over the trunk %s", said, user, t.Key)
			}
		}
	}
	return nil
}

// overdialled are numbers that begin with an emergency number, also after an
// outside digit or the 1 of a long-distance call. No number in North America
// begins so; 000, 112 and 999 begin no international one either.
var overdialled = regexp.MustCompile(`^([189]?911|112|999|000)`)

// sameLine reports whether dialled digits can ring the line, also without its
// country and area code, and with more digits before or after it.
func sameLine(line, digits string) bool {
	const national, local = 10, 7
	last := func(s string, n int) string { return s[len(s)-min(n, len(s)):] }
	switch {
	case len(line) < local || len(digits) < local:
		return false
	case line[0] != '1': // how long a national number is depends on the country
		return strings.Contains(digits, last(line, local))
	case len(digits) < national:
		return strings.HasSuffix(line, last(digits, local))
	}
	return strings.Contains(digits, last(line, national))
}

// leadsTo are the URIs where calls for help go by a trunk.
func leadsTo(t e911.Trunk) []string {
	if t.Side == e911.SidePlatform {
		return nil
	}
	out := []string{t.To}
	for _, x := range t.Targets {
		out = append(out, x.URI)
	}
	return out
}

// userOf is the user part of a trunk's URI in lower case, without parameters.
func userOf(uri string) string {
	user, _, found := strings.Cut(afterScheme(uri), "@")
	if !found {
		return ""
	}
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
	}
	return strings.ToLower(user)
}

// hostOf is the host of a trunk's URI in lower case, without port.
func hostOf(uri string) string {
	rest := afterScheme(uri)
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	if i := strings.IndexAny(rest, ";?"); i >= 0 {
		rest = rest[:i]
	}
	return withoutPort(strings.ToLower(rest))
}

func afterScheme(uri string) string {
	_, rest, _ := strings.Cut(uri, ":")
	return rest
}

func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return strings.TrimSuffix(host, ".")
}

// elsewhere refuses a URI whose host is that of a relay centre or an ESInet: a
// carrier may send the call on to the host that it names.
func elsewhere(w *snapshot.Snapshot, u parts, said string) error {
	if u.host == "" {
		return nil
	}
	for t := range w.Trunks() {
		if t.Side == e911.SideCarrier || t.Side == e911.SideLocal {
			continue
		}
		for _, uri := range leadsTo(t) {
			if uri != "" && hostOf(uri) == withoutPort(u.host) {
				return e911.Errorf(e911.Denied, "%s is refused: its host is that of the trunk %s, behind which call-takers answer", said, t.Key)
			}
		}
	}
	return nil
}

// withUser is a trunk's URI with another user part.
func withUser(uri, user string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + ":" + url.PathEscape(user) + "@" + rest
}
