package signon

import "testing"

// An unknown address costs as much as a known one: what it is compared with is a
// hash like the others.
//
// Proves: E14
func TestNobodysPasswordIsHashedLikeEverybodys(t *testing.T) {
	h := newHasher(Config{})
	text, err := h.hash(t.Context(), "a password")
	if err != nil {
		t.Fatal(err)
	}
	real, ok1 := parse(text)
	none, ok2 := parse(nobody)
	if !ok1 || !ok2 || real.memory != none.memory || real.passes != none.passes || real.lanes != none.lanes || len(real.key) != len(none.key) || len(real.salt) != len(none.salt) {
		t.Errorf("%+v %v\n%+v %v", real, ok1, none, ok2)
	}
	for _, bad := range []string{"", "$", "$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$argon2i$v=19$m=1,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AA"} {
		if same, err := h.matches(t.Context(), "", bad); same || err != nil {
			t.Errorf("%q matches: %v, %v", bad, same, err)
		}
	}
}
