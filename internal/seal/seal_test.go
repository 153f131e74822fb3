package seal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Proves: D-08, D-09
func TestWhatIsSealedOpensForItsPurposeAlone(t *testing.T) {
	old := Key{ID: "k1", Secret: bytes.Repeat([]byte{1}, 32)}
	now := Key{ID: "k2", Secret: bytes.Repeat([]byte{2}, 32)}
	ring, err := NewRing(now, old)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := NewRing(old)
	text, err := before.Seal("loc", []byte("room 210"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.Open("loc", text); err != nil || string(got) != "room 210" {
		t.Errorf("a token of the older key: %q, %v", got, err)
	}
	if _, err := ring.Open("login", text); !errors.Is(err, ErrForged) {
		t.Errorf("opened for another purpose: %v, want ErrForged", err)
	}
	newer, _ := ring.Seal("loc", []byte("x"))
	if _, err := before.Open("loc", newer); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a key that is not held: %v, want ErrUnknownKey", err)
	}
	for i := range text {
		b := []byte(text)
		b[i] ^= 1
		if got, err := ring.Open("loc", string(b)); err == nil {
			t.Fatalf("changed at %d opened as %q", i, got)
		}
	}
	again, _ := ring.Seal("loc", []byte("x"))
	if again == newer {
		t.Error("two tokens of one text are the same: they can be linked")
	}
}

// Proves: D-09
func TestTheMasterKeyFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "master.key")
	ring, err := LoadMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
	text, _ := ring.Seal("p", []byte("x"))
	again, err := LoadMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open("p", text); err != nil {
		t.Errorf("read again: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMaster(path); err == nil {
		t.Error("a key file that others can read was taken")
	}
}

func FuzzOpen(f *testing.F) {
	ring, _ := NewRing(Key{ID: "k", Secret: make([]byte, 32)})
	good, _ := ring.Seal("p", []byte("x"))
	f.Add(good)
	f.Add("k.")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := ring.Open("p", s); err == nil && s != good {
			t.Fatalf("opened %q, which was never sealed", s)
		}
	})
}

// Proves: D-09
func TestDerivedSecretsAreThoseOfTheKeyAndThePurpose(t *testing.T) {
	key := func(b byte) *Ring {
		r, err := NewRing(Key{ID: "m1", Secret: bytes.Repeat([]byte{b}, 32)})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	derive := func(r *Ring, purpose string) string {
		b, err := r.Derive(purpose)
		if err != nil || len(b) != 32 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		return string(b)
	}
	one := derive(key(1), "a")
	if one != derive(key(1), "a") {
		t.Error("two who hold the key derive different secrets")
	}
	if one == derive(key(1), "b") || one == derive(key(2), "a") {
		t.Error("another purpose or key derives the same secret")
	}
	if _, err := (&Ring{}).Derive("a"); err == nil {
		t.Error("without a key something is derived")
	}
}
