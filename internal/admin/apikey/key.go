// Package apikey keeps the keys that programs show to the API: who may do what,
// for which organisation, until when. Of a key itself only a hash is stored, and
// the key is shown once, when it is made.
//
// A key reads cbk_ID_SECRET: the prefix lets scanners find one that leaked, the
// id finds its record, and the secret is 256 random bits, so that one SHA-256
// is as good as a slow hash. It has several secrets while they are changed.
//
// A program shows its key with each request, or it exchanges it for short-lived
// tokens as a client of OAuth 2 (RFC 6749, section 4.4): the id is its client_id,
// the key its client_secret. Or it has a public key here, shows nothing, and signs a
// statement for each token (RFC 7523).
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Scope is one right of a key.
type Scope string

// The scopes. A key has those that it names, and no other follows from them.
const (
	ScopeRead      Scope = "read"      // read what is configured
	ScopeWrite     Scope = "write"     // change it, one object or many, plans and their application
	ScopeSecrets   Scope = "secrets"   // set passwords and shared secrets; without it they stay as they are
	ScopeImports   Scope = "imports"   // send files and follow their jobs
	ScopeAudit     Scope = "audit"     // read who changed what
	ScopeCalls     Scope = "calls"     // read emergency calls and where devices are
	ScopeKeys      Scope = "keys"      // make and revoke keys of the same organisation with no other scopes than its own
	ScopeDirectory Scope = "directory" // tell who joins, changes and leaves, by SCIM
	ScopeProvider  Scope = "provider"  // the operator: every organisation, and the world part
)

// Scopes lists every scope with what it allows.
func Scopes() []ScopeRow {
	return []ScopeRow{
		{ScopeRead, "read what is configured"},
		{ScopeWrite, "change what is configured, make plans and apply them"},
		{ScopeSecrets, "set passwords and shared secrets"},
		{ScopeImports, "send files and follow their jobs"},
		{ScopeAudit, "read who changed what"},
		{ScopeCalls, "read emergency calls and where devices are"},
		{ScopeKeys, "make and revoke keys of the organisation"},
		{ScopeDirectory, "tell of the people of a directory by SCIM"},
		{ScopeProvider, "the operator: all organisations, trunks, PSAPs and models"},
	}
}

// ScopeRow is one line of the table of scopes.
type ScopeRow struct {
	Scope  Scope  `json:"scope"`
	Allows string `json:"allows"`
}

// Key is what is kept of a key.
type Key struct {
	ID  string     `json:"id"`
	Org e911.OrgID `json:"org,omitempty"` // none: the operator's
	// Name says for people what the key is for.
	Name     string      `json:"name"`
	Scopes   []Scope     `json:"scopes"`
	Made     time.Time   `json:"made"`
	By       admin.Actor `json:"by"`
	Expires  time.Time   `json:"expires,omitzero"` // zero: never
	LastUsed time.Time   `json:"last_used,omitzero"`
	Revoked  time.Time   `json:"revoked,omitzero"`
	// Secrets are those that show that it is the key, oldest first; at least one.
	Secrets []Secret `json:"secrets"`
	// EndedTokens were revoked and would else live on.
	EndedTokens []EndedToken `json:"-"`
	// Version counts what changes of Secrets, EndedTokens and Revoked.
	Version int64 `json:"version"`
}

// Has reports whether the key has the scope.
func (k *Key) Has(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Valid reports whether the key may be used at a time.
func (k *Key) Valid(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

// Actor is how the audit trail names what a key did.
func (k *Key) Actor() admin.Actor { return admin.Actor("key " + k.ID) }

// Prefix begins every key.
const Prefix = "cbk_"

const (
	idLength     = 16 // hex digits
	secretLength = 43 // base64url of 32 bytes
)

func newID() string {
	var raw [idLength / 2]byte
	_, _ = rand.Read(raw[:]) // never fails
	return hex.EncodeToString(raw[:])
}

func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// split takes a key apart; false: it is not of our form.
func split(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, Prefix)
	if !ok || len(rest) != idLength+1+secretLength || rest[idLength] != '_' {
		return "", "", false
	}
	id, secret = rest[:idLength], rest[idLength+1:]
	if _, err := hex.DecodeString(id); err != nil || strings.ToLower(id) != id {
		return "", "", false
	}
	return id, secret, true
}

// Wish is what somebody asks of a new key.
type Wish struct {
	Org     e911.OrgID
	Name    string
	Scopes  []Scope
	Expires time.Time
	// PublicKey, in PEM or as a JWK, stands in place of a secret that would be shown.
	PublicKey string
}

// maxName bounds a key's name, in bytes.
const maxName = 200

func (w *Wish) faults(now time.Time) (faults []e911.Fault) {
	add := func(path, code, msg, fix string) {
		faults = append(faults, e911.Fault{Path: path, Code: code, Msg: msg, Fix: fix})
	}
	if n := strings.TrimSpace(w.Name); n == "" {
		add("name", "required", "a key has a name that says what it is for", "give it one, as nightly import")
	} else if len(n) > maxName || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		add("name", "range", "the name is one line of at most 200 characters", "shorten it")
	}
	if len(w.Scopes) == 0 {
		add("scopes", "required", "a key without scopes may do nothing", "give at least read")
	}
	for i, s := range w.Scopes {
		path := "scopes[" + itoa(i) + "]"
		switch {
		case !slices.ContainsFunc(Scopes(), func(r ScopeRow) bool { return r.Scope == s }):
			add(path, "unknown", "there is no such scope", "one of "+scopeNames())
		case s == ScopeProvider && w.Org != "":
			add(path, "forbidden", "the key of an organisation cannot be the operator's", "leave provider out, or the organisation")
		case slices.Contains(w.Scopes[:i], s):
			add(path, "duplicate", "the scope is there twice", "leave one out")
		}
	}
	if w.Org == "" && !slices.Contains(w.Scopes, ScopeProvider) && len(w.Scopes) > 0 {
		add("scopes", "required", "a key without organisation is the operator's", "add provider, or name an organisation")
	}
	if w.PublicKey != "" {
		_, wrong := publicKey(w.PublicKey)
		faults = append(faults, wrong...)
	}
	if !w.Expires.IsZero() && !w.Expires.After(now) {
		add("expires", "range", "the key would have expired already", "give a time to come, or none")
	}
	return faults
}

func scopeNames() string {
	var names []string
	for _, r := range Scopes() {
		names = append(names, string(r.Scope))
	}
	return strings.Join(names, ", ")
}
