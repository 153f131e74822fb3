package lvf

import "github.com/callbox911/callbox/internal/e911"

// Direct and Judged are the two ways to a verdict.
func (x *Index) Direct(c e911.Civic, o Options) (Result, bool) { return x.direct(&c, o) }

// Judged is the way by civic.Normalize.
func (x *Index) Judged(c e911.Civic, o Options) Result { return x.judged(c, o) }

// Plain reports an address that the direct way takes.
func Plain(c e911.Civic) bool { return plain(&c) }
