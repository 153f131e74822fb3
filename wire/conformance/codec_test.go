package conformance_test

import (
	"errors"
	"fmt"

	"github.com/callbox911/callbox/wire/calldata"
	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/internal/xmltok"
	"github.com/callbox911/callbox/wire/lost"
	"github.com/callbox911/callbox/wire/pidflo"
)

// codec reads and writes the documents of one kind by exported functions.
type codec struct {
	by    string // the decoder, for the table
	read  func([]byte) (any, error)
	write func(any) ([]byte, error)
}

type name struct{ space, local string }

const (
	spaceHELD     = "urn:ietf:params:xml:ns:geopriv:held"
	spaceID       = "urn:ietf:params:xml:ns:geopriv:held:id"
	spaceLM       = "urn:ietf:params:xml:ns:geopriv:lm"
	spacePIDF     = "urn:ietf:params:xml:ns:pidf"
	spaceCivic    = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
	spaceGML      = "http://www.opengis.net/gml"
	spaceGeoShape = "http://www.opengis.net/pidflo/1.0"
	spaceLoST     = "urn:ietf:params:xml:ns:lost1"
	spaceSync     = "urn:ietf:params:xml:ns:lostsync1"
	spaceSLB      = "urn:ietf:params:xml:ns:lost1:slb"
)

// as makes a codec of a decoder and an encoder of one type.
func as[T any](by string, read func([]byte) (T, error), add func([]byte, T) ([]byte, error)) codec {
	return codec{
		by:   by,
		read: func(b []byte) (any, error) { return read(b) },
		write: func(v any) ([]byte, error) {
			t, ok := v.(T)
			if !ok {
				return nil, fmt.Errorf("a %T", v)
			}
			return add(nil, t)
		},
	}
}

// ref makes an encoder that takes a pointer take a value.
func ref[T any](add func([]byte, *T) ([]byte, error)) func([]byte, T) ([]byte, error) {
	return func(dst []byte, v T) ([]byte, error) { return add(dst, &v) }
}

// heldError reads an error document, which ParseReply returns as error.
func heldError(b []byte) (*held.Error, error) {
	_, err := held.ParseReply(b)
	var e *held.Error
	if errors.As(err, &e) && e.Code != "" {
		return e, nil
	}
	return nil, fmt.Errorf("no HELD error: %w", err)
}

var codecs = map[name]codec{
	{spacePIDF, "presence"}:             as("pidflo.Parse", pidflo.Parse, pidflo.Append),
	{spaceCivic, "civicAddress"}:        as("pidflo.ParseCivic", pidflo.ParseCivic, pidflo.AppendCivic),
	{spaceGML, "Point"}:                 as("pidflo.ParseShape", pidflo.ParseShape, pidflo.AppendShape),
	{spaceGeoShape, "Prism"}:            as("pidflo.ParseShape", pidflo.ParseShape, pidflo.AppendShape),
	{spaceHELD, "locationRequest"}:      as("held.ParseRequest", held.ParseRequest, held.AppendRequest),
	{spaceHELD, "locationResponse"}:     as("held.ParseReply", held.ParseReply, held.AppendResponse),
	{spaceHELD, "error"}:                as("held.ParseReply", heldError, held.AppendError),
	{spaceID, "device"}:                 as("held.ParseDevice", held.ParseDevice, held.AppendDevice),
	{spaceLM, "measurements"}:           as("held.ParseMeasurements", held.ParseMeasurements, ref(held.AppendMeasurements)),
	{spaceLoST, "mapping"}:              as("lost.ParseMapping", lost.ParseMapping, ref(lost.AppendMapping)),
	{calldata.SpaceVCard, "vcards"}:     as("calldata.ParseVCards", calldata.ParseVCards, calldata.AppendVCards),
	block(calldata.SpaceProviderInfo):   as("calldata.ParseProviderInfo", calldata.ParseProviderInfo, calldata.AppendProviderInfo),
	block(calldata.SpaceServiceInfo):    as("calldata.ParseServiceInfo", calldata.ParseServiceInfo, calldata.AppendServiceInfo),
	block(calldata.SpaceDeviceInfo):     as("calldata.ParseDeviceInfo", calldata.ParseDeviceInfo, calldata.AppendDeviceInfo),
	block(calldata.SpaceSubscriberInfo): as("calldata.ParseSubscriberInfo", calldata.ParseSubscriberInfo, calldata.AppendSubscriberInfo),
	block(calldata.SpaceComment):        as("calldata.ParseComment", calldata.ParseComment, calldata.AppendComment),
}

var messages = as("lost.Parse", lost.Parse, lost.Append)

// block names the root of a block of RFC 7852 by its namespace.
func block(space string) name {
	return name{space, "EmergencyCallData." + space[len(calldata.Space)+1:]}
}

// notOurs are the documents of other standards among the examples.
var notOurs = map[name]string{
	{"urn:ietf:params:xml:ns:common-policy", "ruleset"}:                               "a ruleset of common policy (RFC 4745, RFC 6772)",
	{"urn:ietf:params:xml:ns:EmergencyCallData:control", "EmergencyCallData.Control"}: "vehicle control (RFC 8147)",
	{"urn:oasis:names:tc:emergency:cap:1.1", "alert"}:                                 "an alert of CAP (RFC 8876)",
	{"urn:ietf:params:xml:ns:simple-filter", "filter-set"}:                            "a location filter (RFC 4661, RFC 6447)",
	{"http://www.veds.org/acn/1.0", "AutomatedCrashNotification"}:                     "crash data of VEDS (RFC 8148)",
	{"ext", "my-prop"}: "a property outside of any card (RFC 6351)",
}

// rootOf returns the name of a document's root, of a broken one the zero name.
func rootOf(doc []byte) name {
	root, err := xmltok.Parse(doc, xmltok.Limits{Bytes: 1 << 20})
	if err != nil {
		return name{}
	}
	return name{root.Space(), root.Local()}
}

// codecOf finds who reads a document of that root.
func codecOf(root name) (codec, bool) {
	if c, ok := codecs[root]; ok {
		return c, true
	}
	switch root.space {
	case spaceLoST, spaceSync, spaceSLB:
		return messages, true
	}
	return codec{}, false
}
