package ownphone

import (
	"crypto/rand"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/callbox911/callbox/internal/e911"
)

// letters are typed on a telephone's keys and read from a screen without a mistake:
// no capitals, no signs, and neither 0 nor o, 1, i nor l.
const letters = "23456789abcdefghjkmnpqrstuvwxyz"

// passwordSize makes 99 bits: more than whoever overhears a registration, and tries
// passwords on machines of his own, can go through.
const passwordSize = 20

func random(n int) string {
	b := make([]byte, n)
	most := big.NewInt(int64(len(letters)))
	for i := range b {
		k, _ := rand.Int(rand.Reader, most) // never fails (crypto/rand, Go 1.24)
		b[i] = letters[k.Int64()]
	}
	return string(b)
}

func password() e911.Secret { return e911.Secret(random(passwordSize)) }

// sipUser is nobody's extension, and nothing that is dialled for help: it begins with
// a letter.
func sipUser() string { return "t" + random(9) }

const maxName = 60

// check gives the name and the line of a wish, of those that the user has.
func (w Wish) check(own []e911.Number) (name string, line e911.Number, err error) {
	var faults []e911.Fault
	name = strings.TrimSpace(w.Name)
	if utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		faults = append(faults, e911.Fault{Path: "name", Code: "syntax", Msg: "a name has at most 60 characters, on one line", Fix: "write a short one, such as my desk"})
	}
	switch line = w.Line; {
	case line == "" && len(own) > 0:
		line = own[0]
	case line != "" && !slices.Contains(own, line):
		faults = append(faults, e911.Fault{Path: "line", Code: "unknown", Msg: "this number is not yours, or not in service", Fix: "choose one of yours"})
	}
	if len(faults) > 0 {
		return "", "", &e911.Error{Kind: e911.Invalid, Msg: "the telephone is refused", Faults: faults}
	}
	if name == "" {
		name = "My telephone"
	}
	return name, line, nil
}

// NewOnce names one press of a button.
func NewOnce() string { return random(16) }

// once is what the wish names, in a form that a key can have.
func (w Wish) once() string {
	if len(w.Once) != 16 || strings.Trim(w.Once, letters) != "" {
		return NewOnce()
	}
	return w.Once
}

// changes counts what users do within an hour. The zero value is ready.
type changes struct {
	mu sync.Mutex
	at map[person][]time.Time
}

type person struct {
	org  e911.OrgID
	user e911.UserID
}

// maxPeople bounds the memory: beyond it, those who did nothing for an hour are
// forgotten, and nobody else is let in.
const maxPeople = 50_000

func (c *changes) take(org e911.OrgID, user e911.UserID, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		c.at = map[person][]time.Time{}
	}
	p := person{org, user}
	over := func(t time.Time) bool { return now.Sub(t) >= time.Hour }
	if _, have := c.at[p]; !have && len(c.at) >= maxPeople {
		for p, list := range c.at {
			if over(list[len(list)-1]) {
				delete(c.at, p)
			}
		}
		if len(c.at) >= maxPeople {
			return false
		}
	}
	list := slices.DeleteFunc(c.at[p], over)
	if len(list) >= maxChanges {
		c.at[p] = list
		return false
	}
	c.at[p] = append(list, now)
	return true
}
