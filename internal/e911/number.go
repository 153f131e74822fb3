package e911

import (
	"log/slog"
	"strings"
)

// Number is an E.164 number with its plus sign, "+16175550111"; empty is none.
type Number string

// ParseNumber reads a number as people, PBXs and tel URIs write it. Visual
// separators are dropped. Ten digits and eleven that start with 1 are North
// American; anything else needs its plus sign. The reason for a refusal comes
// as an Invalid Error.
func ParseNumber(s string) (Number, error) {
	plus := false
	var d strings.Builder
	for i, r := range strings.TrimSpace(s) {
		switch {
		case r >= '0' && r <= '9':
			d.WriteRune(r)
		case r == '+' && i == 0:
			plus = true
		case strings.ContainsRune(" -.()/\u00a0", r):
		default:
			return "", Errorf(Invalid, "a number holds digits, not %q", r)
		}
	}
	digits := d.String()
	switch {
	case plus && len(digits) >= 8 && len(digits) <= 15 && digits[0] != '0':
		return Number("+" + digits), nil
	case !plus && len(digits) == 10 && digits[0] >= '2':
		return Number("+1" + digits), nil
	case !plus && len(digits) == 11 && digits[0] == '1' && digits[1] >= '2':
		return Number("+" + digits), nil
	}
	return "", Errorf(Invalid, "a number is written +16175550100, or as ten North American digits")
}

// LogValue hides all but the last two digits.
func (n Number) LogValue() slog.Value {
	if len(n) < 4 {
		return slog.StringValue(string(n))
	}
	return slog.StringValue("…" + string(n[len(n)-2:]))
}
