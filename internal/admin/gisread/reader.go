package gisread

import (
	"context"

	"github.com/callbox911/callbox/internal/rules/gis"
)

type reader struct {
	opt  Options
	sink gis.Sink
	rep  Report
}

func newReader(opt Options, sink gis.Sink) (*reader, error) {
	return &reader{opt: opt, sink: sink}, nil
}

func (r *reader) run(context.Context, []File) error { return errNotBuilt }

func (r *reader) finish() Report { return r.rep }
