package calldata

const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func marshal[T any](v T, add func([]byte, T) ([]byte, error)) ([]byte, error) {
	b, err := add(append(make([]byte, 0, 768), declaration...), v)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// MarshalProviderInfo returns a document with the block.
func MarshalProviderInfo(p ProviderInfo) ([]byte, error) { return marshal(p, AppendProviderInfo) }

// MarshalServiceInfo returns a document with the block.
func MarshalServiceInfo(s ServiceInfo) ([]byte, error) { return marshal(s, AppendServiceInfo) }

// MarshalDeviceInfo returns a document with the block.
func MarshalDeviceInfo(d DeviceInfo) ([]byte, error) { return marshal(d, AppendDeviceInfo) }

// MarshalSubscriberInfo returns a document with the block.
func MarshalSubscriberInfo(s SubscriberInfo) ([]byte, error) { return marshal(s, AppendSubscriberInfo) }

// MarshalComment returns a document with the block.
func MarshalComment(c Comment) ([]byte, error) { return marshal(c, AppendComment) }

// MarshalVCards returns an xCard document.
func MarshalVCards(cards []VCard) ([]byte, error) { return marshal(cards, AppendVCards) }
