package email

import (
	"bytes"
	_ "embed"
	"html"
	"net/url"
	"strings"
)

//go:embed mail.html
var page string

// piece is a part of the page: text as it is, or a marked place.
type piece struct {
	text  string
	mark  string // name of a field of view, "" for text
	when  string // written only when this field says something
	inner []piece
}

// pages is mail.html taken apart once. Its places are {{Name}}; a part between
// {{if Name}} and {{end}} is left out when the field is empty, that between {{rows}}
// and {{end}} is repeated for each row. The general template engine took longer for
// a mail than all else that a call costs.
var pages, _ = cut(page)

// cut takes text apart up to its end or the next {{end}}, and returns the rest.
func cut(text string) (pieces []piece, rest string) {
	for {
		plain, after, found := strings.Cut(text, "{{")
		pieces = append(pieces, piece{text: plain})
		if !found {
			return pieces, ""
		}
		mark, after, _ := strings.Cut(after, "}}")
		text = after
		switch when, isIf := strings.CutPrefix(mark, "if "); {
		case mark == "end":
			return pieces, text
		case mark == "rows", isIf:
			p := piece{when: when}
			p.inner, text = cut(text)
			if !isIf {
				p.when, p.mark = "", "rows"
			}
			pieces = append(pieces, p)
		default:
			pieces = append(pieces, piece{mark: mark})
		}
	}
}

// html is the HTML part. Everything that comes from outside is escaped, for text
// and quoted attributes alike.
func (v view) html() []byte {
	var b bytes.Buffer
	b.Grow(len(page) + 4096)
	v.write(&b, pages, field{})
	return b.Bytes()
}

func (v view) write(b *bytes.Buffer, pieces []piece, row field) {
	for _, p := range pieces {
		switch {
		case p.when != "":
			if v.value(p.when, row) != "" {
				v.write(b, p.inner, row)
			}
		case p.mark == "rows":
			for _, r := range v.Rows {
				v.write(b, p.inner, r)
			}
		case p.mark != "":
			b.WriteString(html.EscapeString(v.value(p.mark, row)))
		default:
			b.WriteString(p.text)
		}
	}
}

// value is what stands at a marked place.
func (v view) value(mark string, row field) string {
	switch mark {
	case "Headline":
		return v.Headline
	case "Preview":
		return v.Preview
	case "Mark":
		return v.Mark
	case "Tone":
		return v.Tone // one of ours
	case "What":
		return v.What
	case "Where":
		return v.Where
	case "Reach":
		return v.Reach
	case "Advice":
		return v.Advice
	case "Seen":
		return webLink(v.Seen)
	case "Mine":
		return webLink(v.Mine)
	case "Link":
		return webLink(v.Link)
	case "Tel":
		return v.Tel // a token
	case "Footer":
		return v.Footer
	case "Name":
		return row.Name
	case "Value":
		return row.Value
	}
	return ""
}

// webLink is an address that a browser opens, or nothing.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}
