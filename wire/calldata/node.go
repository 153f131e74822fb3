package calldata

import (
	"strings"

	"github.com/callbox911/callbox/wire/internal/xmltok"
)

// maxBlocks bounds what is kept of one provided-by element.
const maxBlocks = 32

// Append appends the blocks and references as content of provided-by. Blocks
// stand in one EmergencyCallDataValue in the order of its schema.
func Append(dst []byte, p ProvidedBy) []byte {
	for _, r := range p.References {
		dst = append(dst, `<ad:EmergencyCallDataReference xmlns:ad="`+Space+`"`...)
		dst = xmltok.AppendAttr(dst, "purpose", r.Purpose)
		dst = xmltok.AppendAttr(dst, "ref", xmltok.CleanURI(r.URI))
		dst = append(dst, "/>"...)
	}
	if len(p.Providers) == 0 && len(p.Services) == 0 {
		return dst
	}
	dst = append(dst, `<ad:EmergencyCallDataValue xmlns:ad="`+Space+`">`...)
	for _, pi := range p.Providers {
		if xmltok.CleanURI(pi.ContactURI) != "" { // who cannot be asked is not worth naming
			dst = AppendProviderInfo(dst, pi)
		}
	}
	for _, si := range p.Services {
		dst = AppendServiceInfo(dst, si)
	}
	return append(dst, "</ad:EmergencyCallDataValue>"...)
}

// AppendProviderInfo appends one ProviderInfo block with its namespace. The
// mandatory elements that are empty get the values that say least; a ContactURI
// must be given.
func AppendProviderInfo(dst []byte, p ProviderInfo) []byte {
	dst = append(dst, `<pi:EmergencyCallData.ProviderInfo xmlns:pi="`+SpaceProviderInfo+`">`...)
	dst = xmltok.AppendElement(dst, "pi:DataProviderReference", or(p.Reference, "unknown"))
	dst = xmltok.AppendElement(dst, "pi:DataProviderString", or(p.Name, "unknown"))
	dst = xmltok.AppendElement(dst, "pi:ProviderID", p.ID)
	dst = xmltok.AppendElement(dst, "pi:ProviderIDSeries", p.Series)
	dst = xmltok.AppendElement(dst, "pi:TypeOfProvider", or(p.Type, TypeOther))
	dst = xmltok.AppendElement(dst, "pi:ContactURI", xmltok.CleanURI(p.ContactURI))
	written := false
	for _, l := range p.Languages {
		if l = strings.ToLower(l); isLanguage(l) {
			dst = xmltok.AppendElement(dst, "pi:Language", l)
			written = true
		}
	}
	if !written {
		dst = append(dst, "<pi:Language>en</pi:Language>"...)
	}
	return append(dst, "</pi:EmergencyCallData.ProviderInfo>"...)
}

// AppendServiceInfo appends one ServiceInfo block with its namespace.
func AppendServiceInfo(dst []byte, s ServiceInfo) []byte {
	dst = append(dst, `<svc:EmergencyCallData.ServiceInfo xmlns:svc="`+SpaceServiceInfo+`">`...)
	dst = xmltok.AppendElement(dst, "svc:DataProviderReference", or(s.Reference, "unknown"))
	dst = xmltok.AppendElement(dst, "svc:ServiceEnvironment", s.Environment)
	if len(s.Types) == 0 {
		dst = append(dst, "<svc:ServiceType>OTT</svc:ServiceType>"...)
	}
	for _, t := range s.Types {
		dst = xmltok.AppendElement(dst, "svc:ServiceType", or(t, "OTT"))
	}
	dst = xmltok.AppendElement(dst, "svc:ServiceMobility", or(s.Mobility, MobilityUnknown))
	return append(dst, "</svc:EmergencyCallData.ServiceInfo>"...)
}

func or(s, instead string) string {
	if strings.TrimSpace(s) == "" {
		return instead
	}
	return s
}

// isLanguage is the part of the schema's pattern that people write: a language
// of two or three letters, perhaps with a country.
func isLanguage(s string) bool {
	lang, country, _ := strings.Cut(s, "-")
	letters := func(s string) bool {
		return strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
	}
	return (len(lang) == 2 || len(lang) == 3) && letters(lang) && (country == "" && len(s) == len(lang) || len(country) == 2 && letters(country))
}

// FromNode reads a provided-by element. It is for the packages beside this
// one: nobody else can name the type.
func FromNode(n xmltok.Node) ProvidedBy {
	var p ProvidedBy
	p.read(n)
	return p
}

func (p *ProvidedBy) read(n xmltok.Node) {
	for c := range n.Children() {
		if len(p.Providers)+len(p.Services)+len(p.References) >= maxBlocks {
			return
		}
		switch c.Local() {
		case "EmergencyCallDataValue":
			p.read(c)
		case "EmergencyCallDataReference":
			p.References = append(p.References, Reference{Purpose: strings.TrimSpace(c.Attr("purpose")), URI: strings.TrimSpace(c.Attr("ref"))})
		case "EmergencyCallData.ProviderInfo":
			p.Providers = append(p.Providers, readProvider(c))
		case "EmergencyCallData.ServiceInfo":
			p.Services = append(p.Services, readService(c))
		}
	}
}

func readProvider(n xmltok.Node) ProviderInfo {
	var p ProviderInfo
	for c := range n.Children() {
		v := c.Token()
		switch c.Local() {
		case "DataProviderReference":
			p.Reference = v
		case "DataProviderString":
			p.Name = v
		case "ProviderID":
			p.ID = v
		case "ProviderIDSeries":
			p.Series = v
		case "TypeOfProvider":
			p.Type = v
		case "ContactURI":
			p.ContactURI = v
		case "Language":
			if len(p.Languages) < maxBlocks {
				p.Languages = append(p.Languages, v)
			}
		}
	}
	return p
}

func readService(n xmltok.Node) ServiceInfo {
	var s ServiceInfo
	for c := range n.Children() {
		v := c.Token()
		switch c.Local() {
		case "DataProviderReference":
			s.Reference = v
		case "ServiceEnvironment":
			s.Environment = v
		case "ServiceType":
			if len(s.Types) < maxBlocks {
				s.Types = append(s.Types, v)
			}
		case "ServiceMobility":
			s.Mobility = v
		}
	}
	return s
}
