package identify

import (
	"slices"

	"github.com/callbox911/callbox/internal/e911"
)

// Dependencies says what would lose its emergency callback number with a number
// (W-06). The field names are those of the calling platforms.
type Dependencies struct {
	// SiteDefault: it is the number of a site, or of an area of one.
	SiteDefault bool `json:"isLocationEcbnDefault"`
	// SelfDefault: whoever has the number chose it as his own direct line.
	SelfDefault bool `json:"isSelfEcbnDefault"`
	// Members is how many others chose it as the number of a member.
	Members int `json:"dependentMemberCount"`
	// By names them all.
	By []Dependant `json:"dependants,omitempty"`
}

// Dependant is one of those whose number it is.
type Dependant struct {
	Kind e911.ObjectKind `json:"kind"`
	Key  string          `json:"key"`
	How  string          `json:"how"`
}

// InUse reports whether anybody depends on the number.
func (d *Dependencies) InUse() bool { return len(d.By) > 0 }

func (d *Dependencies) add(kind e911.ObjectKind, key, how string) {
	d.By = append(d.By, Dependant{kind, key, how})
}

// Site looks at a site.
func (d *Dependencies) Site(n e911.Number, s e911.Site) {
	if n != "" && s.Callback() == n {
		d.SiteDefault = true
		d.add(e911.KindSite, s.Key, "it is the site's emergency callback number")
	}
	for _, a := range s.Areas {
		if a.ECBN == n {
			d.SiteDefault = true
			d.add(e911.KindSite, s.Key, "it is the number of the area "+a.Key)
		}
	}
}

// User looks at a user, who may have the number.
func (d *Dependencies) User(n e911.NumberRec, u e911.User) {
	d.member(e911.KindUser, u.Key, u.ECBN, n.Number, n.User == u.ID)
}

// Device looks at a device, which may stand for the number.
func (d *Dependencies) Device(n e911.NumberRec, v e911.Device) {
	d.member(e911.KindDevice, v.Key, v.ECBN, n.Number, v.User == "" && v.SIP != nil && v.SIP.Line == n.Number)
}

// Line looks at a number, which may be the same one.
func (d *Dependencies) Line(n, line e911.NumberRec) {
	d.member(e911.KindNumber, string(line.Number), line.ECBN, n.Number, line.Number == n.Number)
}

func (d *Dependencies) member(kind e911.ObjectKind, key string, c e911.ECBN, n e911.Number, own bool) {
	switch {
	case c.Choice == e911.ECBNMember && c.Member == n:
		d.Members++
		d.add(kind, key, "chose it as the number of a member")
	case c.Choice == e911.ECBNDirect && own:
		d.SelfDefault = true
		d.add(kind, key, "chose it as the direct line")
	}
}

// Sorted puts those that depend in order of kind and key.
func (d *Dependencies) Sorted() {
	slices.SortFunc(d.By, func(a, b Dependant) int {
		return slices.Compare([]string{string(a.Kind), a.Key, a.How}, []string{string(b.Kind), b.Key, b.How})
	})
}
