package calldata

// Append appends what of p can be written, as AppendProvidedBy does.
func Append(dst []byte, p ProvidedBy) []byte {
	p, _ = p.Writable()
	dst, _ = AppendProvidedBy(dst, p)
	return dst
}
