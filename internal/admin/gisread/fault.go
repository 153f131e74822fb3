package gisread

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/callbox911/callbox/internal/e911"
)

// fileError is why a whole file cannot be used.
type fileError struct {
	code        Code
	reason, fix string
}

func (e *fileError) Error() string { return e.reason }

func broken(code Code, fix, format string, args ...any) *fileError {
	return &fileError{code: code, reason: fmt.Sprintf(format, args...), fix: fix}
}

// asFileError tells what of an error the file is to blame for: a file that
// ends too early too.
func asFileError(err error) (*fileError, bool) {
	if fe, ok := errors.AsType[*fileError](err); ok {
		return fe, true
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return broken(CodeTruncated, "Fetch the file again and compare its size with the publisher's.", "The file ends in the middle."), true
	}
	return nil, false
}

// problem is what is wrong with one row.
type problem struct {
	code        Code
	column      string
	reason, fix string
}

func (r *reader) note(f Finding) {
	if r.rep.Counts == nil {
		r.rep.Counts = map[string]int{}
	}
	r.rep.Counts[string(f.Code)]++
	switch f.Level {
	case LevelWarning:
		r.rep.Warnings++
	case LevelRefused:
		r.rep.Refused++
	}
	if len(r.rep.Findings) >= r.opt.Limits.Findings && f.Level != LevelFile {
		r.rep.Unlisted++
		return
	}
	f.NGUID = printable(f.NGUID, 254)
	r.rep.Findings = append(r.rep.Findings, f)
}

// refuseFile records that a file cannot be used.
func (r *reader) refuseFile(file, table string, fe *fileError) {
	r.note(Finding{File: file, Table: table, Level: LevelFile, Code: fe.code, Reason: fe.reason, Fix: fe.fix})
	r.errs = append(r.errs, e911.Errorf(e911.Invalid, "%s", strings.TrimSpace(file+": "+fe.reason+" "+fe.fix)))
}
