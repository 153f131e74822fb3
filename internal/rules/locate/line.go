package locate

import (
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// Line says one finding as Explain does: whether it won, what it said, when,
// where that is, and why it counts or not.
func Line(f e911.Finding) string { return strings.TrimLeft(findingLine(f), " ") }
