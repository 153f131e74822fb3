package pidflo

import (
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// vocab says to whose vocabulary an element belongs.
type vocab uint8

const (
	vOther  vocab = iota // somebody else's: kept as it is
	vLoose               // no namespace: counts as what it is named like
	vPIDF                // RFC 3863
	vModel               // RFC 4479
	vGP                  // RFC 4119
	vPolicy              // RFC 4119, usage rules
	vCivic               // RFC 5139, and the civicLoc of RFC 4119
	vGML                 // GML and its PIDF-LO profile
	vConf                // RFC 7459
	vSource              // RFC 7105
)

func vocabOf(space string) vocab {
	switch space {
	case SpacePIDF:
		return vPIDF
	case SpaceDataModel:
		return vModel
	case SpaceGeopriv:
		return vGP
	case SpacePolicy:
		return vPolicy
	case SpaceCivic:
		return vCivic
	case SpaceGML, SpaceShape:
		return vGML
	case SpaceConf:
		return vConf
	case SpaceSource:
		return vSource
	case SpaceCivicExt, SpaceNENA1, SpaceNENA2, SpaceDynamic, SpaceRelative:
		return vOther
	}
	return untidy(space)
}

// untidy knows the namespaces that stand in RFC examples and in documents from
// the field instead of the right ones (RFC 4119, 5222, 7105).
func untidy(space string) vocab {
	s := strings.TrimSpace(space)
	switch {
	case !strings.ContainsAny(s, ":/"), s == "urn:ietf:params:xml:ns:geopriv:held":
		return vLoose // a prefix that nothing declares, or a default of HELD that goes on
	case strings.Contains(s, "opengis"):
		return vGML
	case s == "urn:ietf:params:xml:ns:pidf:geopriv10:basic-policy":
		return vPolicy
	case s == "urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc":
		return vCivic
	case s != space:
		return vocabOf(s)
	}
	return vOther
}

// of returns the vocabulary of an element.
func of(n xmltok.Node) vocab { return vocabOf(n.Space()) }

// frame reports whether an element of v may be part of the frame around a
// location. The namespaces of the frame are confused with each other, also in
// RFC 4119 and RFC 5962, and their names are not ambiguous.
func (v vocab) frame() bool { return v >= vLoose && v <= vPolicy }

func (v vocab) civic() bool      { return v == vCivic || v == vLoose }
func (v vocab) geometry() bool   { return v == vGML || v == vLoose }
func (v vocab) confidence() bool { return v == vConf || v == vLoose }

// keep appends n to list when the schema lets it stand inside an element of
// the namespace around: any namespace but that one, and not none.
func keep(list []xmltok.Element, n xmltok.Node, around string) []xmltok.Element {
	if s := n.Space(); s == around || s == "" {
		return list
	}
	return append(list, xmltok.Foreign(n))
}
