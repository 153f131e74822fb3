package admin

import "context"

// LayerBlobs keeps what reference layers hold, in the encoding of gis.Content,
// under its digest: the SHA-256 of the octets in 64 hex digits. It is written
// before the layer that names it; a layer whose content is not there whole is
// refused by Create and Update. Its errors are those of Store.
type LayerBlobs interface {
	// PutLayerBlob stores the content, in pieces: a write that was cut off leaves
	// something that no layer can name. What is there whole is not written again.
	PutLayerBlob(ctx context.Context, digest string, content []byte) error
	// LayerBlob returns the content, checked against the digest: NotFound when it
	// is not there whole, Internal when it is not what was stored.
	LayerBlob(ctx context.Context, digest string) ([]byte, error)
	// SweepLayerBlobs removes what no layer names.
	SweepLayerBlobs(ctx context.Context) error
}
