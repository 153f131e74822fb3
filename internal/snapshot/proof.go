package snapshot

import (
	"fmt"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// proof is something that a trunk's neighbour is known by besides addresses. One
// proof is one trunk's, over all organisations.
type proof struct{ key, field string }

func proofsOf(t *e911.Trunk) []proof {
	var out []proof
	for i, c := range t.Certificates {
		out = append(out, proof{certificateProof(c), fmt.Sprintf("certificates[%d]", i)})
	}
	if t.Admit.User != "" {
		out = append(out, proof{userProof(t.Admit.User), "admit.user"})
	}
	return out
}

// certificateProof is a certificate's hash or name in one form: people write
// hashes with colons and capitals.
func certificateProof(name string) string {
	name = strings.ToLower(name)
	if hash, ok := strings.CutPrefix(name, "sha256:"); ok {
		return "hash " + strings.ReplaceAll(hash, ":", "")
	}
	return "name " + name
}

func userProof(user string) string { return "user " + strings.ToLower(user) }
