package civic

import "strings"

// token is one word of an address without the signs around it.
type token struct {
	text  string
	upper string // its key, when it was worked out already
	dash  bool   // the comma is a lone dash
	comma bool   // a comma, a line end or a lone dash follows: what is next is another part
}

// tokens splits text at spaces and commas. "#5" becomes "#" and "5"; "&" and
// "@" are words of their own; brackets are dropped.
func tokens(text string) []token {
	var out []token
	start := -1
	flush := func(end int) {
		if start < 0 {
			return
		}
		w := text[start:end]
		start = -1
		dash := len(w) > 1 && strings.HasSuffix(w, "-")
		w = strings.TrimRight(strings.TrimLeft(w, ".:'\"*"), ".:'\"*-")
		if w != "" {
			out = append(out, token{text: w, upper: key(w), comma: dash && len(w) > 2})
		}
	}
	part := func() {
		if len(out) > 0 {
			out[len(out)-1].comma = true
		}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t':
			flush(i)
		case ',', ';', '\n', '\r':
			flush(i)
			part()
		case '(', ')', '[', ']', '"':
			flush(i)
		case '#', '&', '@':
			flush(i)
			out = append(out, token{text: string(c)})
		case '-':
			if start < 0 && (i+1 == len(text) || text[i+1] == ' ') {
				part()
				if len(out) > 0 {
					out[len(out)-1].dash = true
				}
			} else if start < 0 {
				start = i
			}
		default:
			if start < 0 {
				start = i
			}
		}
	}
	flush(len(text))
	return out
}

// text joins tokens with spaces.
func join(toks []token) string {
	n := 0
	for _, t := range toks {
		n += len(t.text) + 1
	}
	var b strings.Builder
	b.Grow(n)
	for i, t := range toks {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

func (t token) key() string {
	if t.upper != "" {
		return t.upper
	}
	return key(t.text)
}

// strong reports a word that is a street type wherever it stands at the end of
// a street; weak ones are names as often.
func (t token) strong() bool {
	full, ok := streetTypes.of(t)
	return ok && (!weakTypes[full] || t.short(full)) && len(t.text) > 1
}

// named reports a type that, spelled out, is rather the last word of a name.
func (t token) named() bool {
	full, ok := streetTypes.of(t)
	return ok && nameTypes[full] && len(t.text) >= len(full)
}

// nameTypes are the weak types that names of streets without a type end in:
// "South Cottage Grove", "Barn Hill".
var nameTypes = set1(`Grove Hill Hollow Market Village Valley Creek Lake Island River Forest Bay Beach Harbor Haven Springs Falls
Mountain Prairie Plain Plains Lakes Hills Bluff Brook Dale Mill Mills Key Cape Fort Mount Land Wall Well Wells Light Rest Fall Port
Ford Neck Branch Fork Union Private Rapids Bridge Field Fields Lodge Pine Pines Farm Farms Club Camp Mission`)

// kind reports a street type, strong or weak.
func (t token) kind() bool {
	_, ok := streetTypes.of(t)
	return ok
}

// short reports an abbreviation of full, which nobody writes into a name.
func (t token) short(full string) bool {
	return len(t.text) <= 4 && len(t.text) < len(full)-1 && shortTypes[t.key()]
}

// shortTypes are the abbreviations of weak types that stand for nothing else.
var shortTypes = set1("CTR XING HTS PT PTE TRCE SQ VLG LNDG GDNS CRK PLZ HBR GRV")

func (t token) direction(dirs wordTable) bool {
	_, ok := dirs.of(t)
	return ok
}

// ordinalToken reports "5th", "42ND", "3e" or an ordinal word.
func (t token) ordinal() bool {
	k := t.key()
	if ordinalWords[k] > 0 {
		return true
	}
	d := strings.TrimLeft(k, "0123456789")
	if d == k {
		return false
	}
	return d == "ST" || d == "ND" || d == "RD" || d == "TH"
}

// frenchOrdinal reports "3e", "1re" and the like.
func (t token) frenchOrdinal() bool {
	k := t.key()
	switch d := strings.TrimLeft(k, "0123456789"); d {
	case "E", "EME", "ER", "RE", "IEME":
		return d != k
	}
	return t.ordinal()
}

func (t token) digits() bool { return allDigits(t.text) }

// letters reports a word without digits and signs, of more than one letter.
func (t token) letters() bool { return len(t.text) > 1 && alnum(t.text) && !t.hasDigit() }

func (t token) hasDigit() bool { return strings.ContainsAny(t.text, "0123456789") }

func (t token) letter() bool {
	return len(t.text) == 1 && (t.text[0] >= 'A' && t.text[0] <= 'Z' || t.text[0] >= 'a' && t.text[0] <= 'z')
}

// fraction reports "1/2" and the like, also as one character.
func (t token) fraction() bool {
	switch t.text {
	case "½", "¼", "¾", "⅓", "⅔":
		return true
	}
	return len(t.text) == 3 && t.text[1] == '/' && t.text[0] >= '1' && t.text[0] <= '9' && t.text[2] >= '2' && t.text[2] <= '9'
}
