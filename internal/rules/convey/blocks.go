package convey

import (
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/identify"
	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/sipgeo"
)

// reference is the same in all blocks of one provider and call (RFC 7852,
// section 4.1.1).
func (w *writer) reference() string { return string(w.ID) + "@" + w.Domain }

// providerInfo says who stands behind call and location: the operator, or else
// the organisation with the number that its site gave for emergencies.
func (w *writer) providerInfo() (calldata.ProviderInfo, bool) {
	p := w.Provider
	if p.Name == "" {
		p.Name = w.Subscriber.Org
	}
	if p.Contact == "" && w.Subscriber.Desk != "" {
		p.Contact = "tel:" + string(w.Subscriber.Desk)
	}
	if p.Name == "" || p.Contact == "" {
		return calldata.ProviderInfo{}, false
	}
	info := calldata.ProviderInfo{
		Reference: w.reference(), Name: p.Name, Type: calldata.TypeTelecom, ContactURI: p.Contact, Languages: []string{"en"},
	}
	if p.CompanyID != "" {
		info.ID, info.Series = p.CompanyID, calldata.SeriesNENA
	}
	return info, true
}

func (w *writer) serviceInfo() calldata.ServiceInfo {
	mobility := calldata.MobilityUnknown
	switch w.HELD {
	case identify.HELDYes:
		mobility = calldata.MobilityNomadic
	case identify.HELDNo:
		mobility = calldata.MobilityFixed
	}
	return calldata.ServiceInfo{
		Reference: w.reference(), Environment: calldata.EnvironmentBusiness, Types: []string{calldata.ServiceMLTSLocal}, Mobility: mobility,
	}
}

// subscriberInfo says whose call it is, by which number he is called back, and
// which desk of his site knows him (F-30).
func (w *writer) subscriberInfo() (calldata.SubscriberInfo, bool) {
	s := w.Subscriber
	name := s.Name
	if name == "" {
		name = s.Org
	}
	if name == "" {
		return calldata.SubscriberInfo{}, false
	}
	card := calldata.VCard{Properties: []calldata.Property{calldata.NewText("fn", name)}}
	if s.Org != "" {
		card.Properties = append(card.Properties, calldata.NewText("org", s.Org))
	}
	if w.Callback != "" {
		card.Properties = append(card.Properties, calldata.NewURI("tel", "tel:"+string(w.Callback), "main-number", "voice"))
	}
	if s.Desk != "" && s.Desk != w.Callback {
		card.Properties = append(card.Properties, calldata.NewURI("tel", "tel:"+string(s.Desk), "work", "voice"))
	}
	return calldata.SubscriberInfo{Reference: w.reference(), Cards: []calldata.VCard{card}}, true
}

// blocks adds the additional data of an i3 leg as body parts that Call-Info
// names (RFC 7852, section 6.1). A block that cannot be written is left out: bad
// additional data must not cost a call (section 4).
func (w *writer) blocks() {
	if w.trunk.Profile != e911.ProfileI3 || w.slim {
		return
	}
	put := func(id, purpose string, body []byte, err error) {
		if err != nil {
			w.find(e911.Finding{Rule: RuleBlocks, Said: purpose, Why: "the block cannot be written: " + err.Error()})
			return
		}
		id += "-" + w.reference()
		value, err := sipgeo.CallInfoTo(id, purpose).Format()
		if err != nil {
			return // ids and purposes are ours
		}
		w.add("Call-Info", value)
		w.Parts = append(w.Parts, Part{
			Type: calldata.MediaType(purpose), ID: id, Disposition: "by-reference;handling=optional", Body: body,
		})
	}
	if info, ok := w.providerInfo(); ok {
		body, err := calldata.MarshalProviderInfo(info)
		put("provider", calldata.PurposeProviderInfo, body, err)
	} else {
		w.flag(FlagNoProvider)
	}
	body, err := calldata.MarshalServiceInfo(w.serviceInfo())
	put("service", calldata.PurposeServiceInfo, body, err)
	if info, ok := w.subscriberInfo(); ok {
		body, err := calldata.MarshalSubscriberInfo(info)
		put("subscriber", calldata.PurposeSubscriberInfo, body, err)
	}
}
