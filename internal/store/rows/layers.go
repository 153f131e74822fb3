package rows

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

var _ admin.LayerBlobs = (*Store)(nil)

type layerRow struct {
	bun.BaseModel `bun:"table:layers"`
	Base
	Key          string          `bun:"key"`
	Name         string          `bun:"name"`
	Grade        e911.LayerGrade `bun:"grade"`
	Source       string          `bun:"source"`
	Standard     string          `bun:"standard"`
	AsOf         int64           `bun:"as_of"`
	LayerVersion int             `bun:"layer_version"`
	Digest       string          `bun:"digest"`
	Size         int64           `bun:"size"`
	Addresses    int             `bun:"addresses"`
	Streets      int             `bun:"streets"`
	Boundaries   int             `bun:"boundaries"`
	ImportedAt   int64           `bun:"imported_at"`
	ImportedBy   string          `bun:"imported_by"`
}

func referenceLayers() rowTable[layerRow, e911.Layer] {
	return rowTable[layerRow, e911.Layer]{
		name:    e911.KindLayer,
		columns: map[admin.Field]string{admin.ByKey: "key = ?"},
		base:    func(r *layerRow) *Base { return &r.Base },
		encode: func(_ *tx, v e911.Layer) (layerRow, error) {
			return layerRow{
				Key: v.Key, Name: v.Name, Grade: v.Grade, Source: v.Source, Standard: v.Standard, AsOf: millis(v.AsOf),
				LayerVersion: v.Version, Digest: v.Digest, Size: v.Size, Addresses: v.Addresses, Streets: v.Streets,
				Boundaries: v.Boundaries, ImportedAt: millis(v.ImportedAt), ImportedBy: v.ImportedBy,
			}, nil
		},
		decode: func(_ *tx, r *layerRow) (e911.Layer, error) {
			return e911.Layer{
				ID: e911.LayerID(r.ID), Key: r.Key, Name: r.Name, Grade: r.Grade, Source: r.Source, Standard: r.Standard,
				AsOf: instant(r.AsOf), Version: r.LayerVersion, Digest: r.Digest, Size: r.Size, Addresses: r.Addresses,
				Streets: r.Streets, Boundaries: r.Boundaries, ImportedAt: instant(r.ImportedAt), ImportedBy: r.ImportedBy,
			}, nil
		},
		spread: contentThere,
	}
}

// contentThere refuses a layer whose content is not stored whole: it would come
// to no call.
func contentThere(ctx context.Context, t *tx, v e911.Layer) error {
	size, err := t.blobSize(ctx, v.Digest)
	if err != nil {
		return err
	}
	if size != v.Size {
		return e911.Errorf(e911.Conflict, "the content of the layer is not stored whole: import the layer again")
	}
	return nil
}

func (t *tx) blobSize(ctx context.Context, digest string) (size int64, err error) {
	err = t.db.NewSelect().TableExpr("layer_blobs").ColumnExpr("coalesce(sum(length(chunk)), 0)").
		Where("digest = ?", digest).Scan(ctx, &size)
	return size, t.s.fault("look for the content of a layer", err)
}

const (
	// chunkSize keeps a row small enough for any engine's page cache.
	chunkSize = 1 << 20
	// chunksAtOnce bounds how long other writers wait for a piece of a layer.
	chunksAtOnce = 16
)

type blobRow struct {
	bun.BaseModel `bun:"table:layer_blobs"`
	Digest        string `bun:"digest,pk"`
	Seq           int    `bun:"seq,pk"`
	Chunk         []byte `bun:"chunk"`
}

// PutLayerBlob implements admin.LayerBlobs. What an earlier attempt left under
// the digest is replaced.
func (s *Store) PutLayerBlob(ctx context.Context, digest string, content []byte) error {
	if digestOf(content) != digest || len(content) == 0 {
		return e911.Errorf(e911.Invalid, "the digest is not that of the content")
	}
	if have, err := s.LayerBlob(ctx, digest); err == nil && bytes.Equal(have, content) {
		return nil
	}
	seq := 0
	for part := range slices.Chunk(content, chunkSize*chunksAtOnce) {
		err := s.write(ctx, func(t *tx) error {
			if seq == 0 {
				if _, err := t.db.NewDelete().Model((*blobRow)(nil)).Where("digest = ?", digest).Exec(ctx); err != nil {
					return s.fault("replace the content of a layer", err)
				}
			}
			for chunk := range slices.Chunk(part, chunkSize) {
				if _, err := t.db.NewInsert().Model(&blobRow{Digest: digest, Seq: seq, Chunk: chunk}).Exec(ctx); err != nil {
					return s.fault("write the content of a layer", err)
				}
				seq++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LayerBlob implements admin.LayerBlobs.
func (s *Store) LayerBlob(ctx context.Context, digest string) ([]byte, error) {
	var content []byte
	err := s.read(ctx, func(t *tx) error {
		size, err := t.blobSize(ctx, digest)
		if err != nil {
			return err
		}
		if size == 0 {
			return e911.Errorf(e911.NotFound, "the content of the layer is not stored")
		}
		content = make([]byte, 0, size)
		// One piece at a time: they would be in memory twice otherwise.
		for seq := 0; int64(len(content)) < size; seq++ {
			r := blobRow{Digest: digest, Seq: seq}
			if err := t.db.NewSelect().Model(&r).WherePK().Scan(ctx); err != nil {
				return s.fault("read the content of a layer", err)
			}
			content = append(content, r.Chunk...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if digestOf(content) != digest {
		return nil, &e911.Error{
			Kind: e911.Internal, Msg: "the stored content of a layer is damaged: import the layer again",
			Err: fmt.Errorf("digest %s of %d octets", digest, len(content)),
		}
	}
	return content, nil
}

// SweepLayerBlobs implements admin.LayerBlobs.
func (s *Store) SweepLayerBlobs(ctx context.Context) error {
	return s.writeOf(ctx, "", func(t *tx) error {
		_, err := t.db.NewDelete().Model((*blobRow)(nil)).Where("digest NOT IN (SELECT digest FROM layers)").Exec(ctx)
		return s.fault("remove what no layer names", err)
	})
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
