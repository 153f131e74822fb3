package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callbox911/callbox/internal/e911"
)

// unavailable drops the driver's type and keeps its text for the log.
func unavailable(doing string, err error) error {
	if _, ours := errors.AsType[*e911.Error](err); ours {
		return err
	}
	return &e911.Error{
		Kind: e911.Unavailable, Msg: "the database cannot be opened",
		Err: fmt.Errorf("%s: %s", doing, err), //nolint:errorlint // the driver's type must not leave the store
	}
}

// kindOf reads SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html). What is no
// answer of the server, such as a lost connection, has none.
func kindOf(err error) e911.Kind {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	switch e.Code {
	case "23505", "23503", "23P01", // unique, foreign key, exclusion
		"40001", "40P01": // serialization failure, deadlock: nothing was done
		return e911.Conflict
	case "25006": // read only: a standby, until it is promoted
		return e911.Unavailable
	case "54000", "54001": // a value too large for its index
		return e911.Invalid
	}
	switch class, _ := strings.CutPrefix(e.Code[:min(2, len(e.Code))], " "); class {
	case "22", "23": // data that do not fit, other constraints
		return e911.Invalid
	case "0A", "25", "2F", "34", "42", "44": // our own faults, and rights that are missing
		return e911.Internal
	}
	return e911.Unavailable
}
