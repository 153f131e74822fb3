package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/callbox911/callbox/internal/admin"
)

// noteName is the file that says which change the snapshot file has reached.
const noteName = "published.json"

// note ties a version of the snapshot to a place in the stream of changes.
type note struct {
	Head    admin.Head  `json:"head"`
	Version uint64      `json:"version"`
	Held    []admin.Ref `json:"held,omitempty"`
}

func readNote(dir string) (note, error) {
	var n note
	b, err := os.ReadFile(filepath.Join(dir, noteName))
	if err != nil {
		return n, fmt.Errorf("read the note of the last publish: %w", err)
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return note{}, fmt.Errorf("read the note of the last publish: %w", err)
	}
	return n, nil
}

// maxHeld bounds the note. With more objects held back the next start reads
// everything again instead.
const maxHeld = 10_000

// writeNote replaces the note. It is not synced: a note that is older than the
// snapshot, or lost, costs time at the next start and nothing else.
func writeNote(dir string, n note) error {
	if len(n.Held) > maxHeld {
		n.Head, n.Held = admin.Head{}, nil
	}
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the note of the last publish: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the note of the last publish: %w", err)
	}
	path := filepath.Join(dir, noteName)
	if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("write the note of the last publish: %w", err)
	}
	return nil
}
