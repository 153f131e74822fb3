package sipgeo

import (
	"fmt"
	"strings"
)

// SpaceESNet is the namespace of priorities inside an emergency services
// network (RFC 7135). It is never believed from, and never sent to, anybody
// outside of the trust boundary.
const SpaceESNet = "esnet"

// Priority is one r-value of Resource-Priority and Accept-Resource-Priority
// (RFC 4412): "esnet.1". Case does not count.
type Priority struct {
	Namespace string // "esnet"
	Value     string // "1"
}

// ESNet makes a priority of RFC 7135, 0 (lowest) to 4.
func ESNet(level int) Priority {
	return Priority{SpaceESNet, string(rune('0' + min(max(level, 0), lastESNet)))}
}

const lastESNet = 4

// ESNet returns the level of an esnet priority.
func (p Priority) ESNet() (level int, ok bool) {
	if !strings.EqualFold(p.Namespace, SpaceESNet) || len(p.Value) != 1 || p.Value[0] < '0' || p.Value[0] > '0'+lastESNet {
		return 0, false
	}
	return int(p.Value[0] - '0'), true
}

// Equal compares without case (RFC 4412, section 3.1).
func (p Priority) Equal(q Priority) bool {
	return strings.EqualFold(p.Namespace, q.Namespace) && strings.EqualFold(p.Value, q.Value)
}

// ParsePriorities reads all Resource-Priority or Accept-Resource-Priority
// headers of a message in order. Values that are not known to anybody are
// kept: whether to ignore or to refuse them depends on Require (RFC 4412,
// section 4.6).
func ParsePriorities(headers []string) []Priority {
	var out []Priority
	for _, v := range values(headers) {
		namespace, value, ok := strings.Cut(v, ".")
		if p := (Priority{namespace, value}); ok && p.check() == nil {
			out = append(out, p)
		}
	}
	return out
}

func (p Priority) check() error {
	for _, s := range []string{p.Namespace, p.Value} {
		if !isToken(s) || strings.ContainsAny(s, ".") {
			return fmt.Errorf("%q.%q is no priority", clip(p.Namespace), clip(p.Value))
		}
	}
	return nil
}

// FormatPriorities writes the value of Resource-Priority. A namespace may stand
// once in a message (RFC 4412, section 3.1).
func FormatPriorities(ps ...Priority) (string, error) {
	seen := map[string]bool{}
	return list(ps, func(p Priority) (string, error) {
		key := strings.ToLower(p.Namespace)
		if seen[key] {
			return "", fmt.Errorf("more than one priority of namespace %s", clip(p.Namespace))
		}
		s, err := p.format()
		seen[key] = err == nil
		return s, err
	})
}

// FormatAccepted writes the value of Accept-Resource-Priority: all that would
// be understood, of a namespace several too, or none.
func FormatAccepted(ps ...Priority) (string, error) { return list(ps, Priority.format) }

func (p Priority) format() (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	return p.Namespace + "." + p.Value, nil
}
