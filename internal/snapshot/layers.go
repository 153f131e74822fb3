package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/gis"
	"github.com/callbox911/callbox/internal/rules/lvf"
)

// LVF validates addresses against the reference layers.
func (s *Snapshot) LVF() *lvf.Index { return s.lvf }

// Layers lists the reference layers by key. The contents are shared.
func (s *Snapshot) Layers() []gis.Layer {
	var out []gis.Layer
	for l := range s.layers.values() {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b gis.Layer) int { return strings.Compare(a.Layer.Key, b.Layer.Key) })
	return out
}

// LayerContent returns the content with a digest, where a layer of the world has
// it, so that it need not be read twice.
func (s *Snapshot) LayerContent(digest string) (*gis.Content, bool) {
	for l := range s.layers.values() {
		if l.Layer.Digest == digest {
			return l.Content, true
		}
	}
	return nil, false
}

// Emptied is the empty world that still knows the indexes of this one's layers:
// a world that is built from it with the same contents does not make them a
// second time, which would cost as much memory again.
func (s *Snapshot) Emptied() *Snapshot { return &Snapshot{lvf: s.lvf} }

func (e *edit) putLayer(o Object, l *gis.Layer) {
	switch l.Layer.Grade {
	case e911.GradeAuthoritative, e911.GradeReference, e911.GradeDemonstration:
	default:
		e.fault(o, "grade", "invalid", "this version does not know layers of this grade", "")
	}
	if l.Content == nil {
		e.fault(o, "digest", "missing", "what the layer holds is not here", "import the layer again")
	}
	if !isDigest(l.Layer.Digest) {
		e.fault(o, "digest", "invalid", "this is no digest", "import the layer again")
	}
	for other := range e.layers.t.values() {
		if other.Layer.Key == l.Layer.Key && other.Layer.ID != l.Layer.ID {
			e.fault(o, "key", "duplicate", "another layer has this key", "choose another")
		}
	}
	e.layers.set(l.Layer.ID, l)
}

func isDigest(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// layersDir holds what the layers of the snapshot files contain, each under its
// digest: a hundred megabytes that change once in a month do not belong into
// every base.
const layersDir = "layers/"

// keepLayers makes the contents durable before the file that names them is
// written. What was read or written whole by this File is not written again.
func (f *File) keepLayers(base uint64, all []gis.Layer) error {
	for _, l := range all {
		f.use(base, l.Layer.Digest)
		if f.sound[l.Layer.Digest] {
			continue
		}
		name := layersDir + l.Layer.Digest
		if err := f.disk.WriteSync(name+temporary, l.Append(nil)); err != nil {
			return &FileError{name, fmt.Errorf("write: %w", err)}
		}
		if err := f.disk.RenameSync(name+temporary, name); err != nil {
			return &FileError{name, fmt.Errorf("name: %w", err)}
		}
		f.sound[l.Layer.Digest] = true
	}
	return nil
}

// use notes that a base, or a delta on it, names a content.
func (f *File) use(base uint64, digest string) {
	if f.sound == nil {
		f.sound, f.uses = map[string]bool{}, map[uint64]map[string]bool{}
	}
	if f.uses[base] == nil {
		f.uses[base] = map[string]bool{}
	}
	if digest != "" {
		f.uses[base][digest] = true
	}
}

func layersOf(changes []Change) []gis.Layer {
	var out []gis.Layer
	for _, c := range changes {
		if l, ok := c.Object.(gis.Layer); ok {
			out = append(out, l)
		}
	}
	return out
}

// fillLayers reads what the layers of a file contain. A layer whose content is
// lost or damaged is left out, and said: the rest of the world must not wait
// for it (E1).
func (f *File) fillLayers(base uint64, changes []Change) []Change {
	out := changes[:0]
	for _, c := range changes {
		l, ok := c.Object.(gis.Layer)
		if !ok {
			out = append(out, c)
			continue
		}
		f.use(base, l.Layer.Digest)
		content, err := f.readLayer(l.Layer.Digest)
		if err != nil {
			f.missing = append(f.missing, &FileError{layersDir + l.Layer.Digest, fmt.Errorf("the layer %s is left out: %w", l.Layer.Key, err)})
			// An older form of it must not speak for it either.
			out = append(out, Change{Kind: c.Kind, Org: c.Org, ID: c.ID})
			continue
		}
		f.sound[l.Layer.Digest] = true
		l.Content = content
		c.Object = l
		out = append(out, c)
	}
	return out
}

func (f *File) readLayer(digest string) (*gis.Content, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("%w: a layer without a digest", ErrCorrupt)
	}
	b, err := f.disk.Read(layersDir + digest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != digest {
		return nil, ErrCorrupt
	}
	c, err := gis.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return c, nil
}

// pruneLayers removes the contents that neither the last base nor the one
// before, nor a delta on them, names.
func (f *File) pruneLayers(names []string, before uint64) {
	if before != 0 && f.uses[before] == nil {
		return // nobody read that base: what it needs is not known
	}
	keep := map[string]bool{}
	for seq, digests := range f.uses {
		if seq < before {
			delete(f.uses, seq)
			continue
		}
		for d := range digests {
			keep[d] = true
		}
	}
	for _, name := range names {
		if digest, ok := strings.CutPrefix(name, layersDir); ok && !keep[digest] {
			_ = f.disk.Remove(name)
			delete(f.sound, digest)
		}
	}
}
