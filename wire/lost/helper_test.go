package lost_test

import (
	"errors"
	"reflect"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/wire/lost"
)

// ignoreErr compares Location.Err and Boundary.Err by their reasons: their
// paths change when a document is written in another form.
var ignoreErr = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "Err" && f.Type() == reflect.TypeFor[error]()
}, cmp.Comparer(func(a, b error) bool { return reason(a) == reason(b) }))

func reason(err error) string {
	if err == nil {
		return ""
	}
	var p *lost.ParseError
	if errors.As(err, &p) {
		if p.Err != nil {
			return p.Err.Error()
		}
		return p.Reason
	}
	return err.Error()
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}
