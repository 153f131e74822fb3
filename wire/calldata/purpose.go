package calldata

import "strings"

// Purposes of Call-Info and of Reference (RFC 7852, section 11.1.9).
const (
	PurposeProviderInfo   = "EmergencyCallData.ProviderInfo"
	PurposeServiceInfo    = "EmergencyCallData.ServiceInfo"
	PurposeDeviceInfo     = "EmergencyCallData.DeviceInfo"
	PurposeSubscriberInfo = "EmergencyCallData.SubscriberInfo"
	PurposeComment        = "EmergencyCallData.Comment"
)

const purposePrefix = "EmergencyCallData."

var purposes = [...]string{PurposeProviderInfo, PurposeServiceInfo, PurposeDeviceInfo, PurposeSubscriberInfo, PurposeComment}

// MediaType is the Content-Type of a block with that purpose,
// "application/EmergencyCallData.ProviderInfo+xml".
func MediaType(purpose string) string { return "application/" + purpose + "+xml" }

// Purpose returns the purpose of a block with that Content-Type, parameters
// allowed, in the spelling of the registry; case does not count. It is not ok
// for other types. A type such as "application/EmergencyCallData.VEDS+xml" has
// a purpose, too, though this package does not read its block.
func Purpose(mediaType string) (string, bool) {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.TrimSpace(mediaType)
	const before = "application/"
	if len(mediaType) < len(before) || !strings.EqualFold(mediaType[:len(before)], before) {
		return "", false
	}
	name := mediaType[len(before):]
	if i := strings.LastIndexByte(name, '+'); i >= 0 { // +xml, +per
		name = name[:i]
	}
	return Canonical(name)
}

// Canonical gives a purpose the spelling of the registry: it is compared
// without case and may come in quotes (RFC 7852, section 11.1.9). It is not ok
// for what is no purpose of additional data.
func Canonical(purpose string) (string, bool) {
	purpose = strings.Trim(strings.TrimSpace(purpose), `"`)
	for _, p := range purposes {
		if strings.EqualFold(p, purpose) {
			return p, true
		}
	}
	if len(purpose) > len(purposePrefix) && strings.EqualFold(purpose[:len(purposePrefix)], purposePrefix) {
		return purposePrefix + purpose[len(purposePrefix):], true
	}
	return "", false
}
