package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/callbox911/callbox/client"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/obs"
)

// statusError is an error that has a status of HTTP of its own.
type statusError struct {
	status int
	header map[string]string
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

// refused is an error of the caller with its status.
func refused(status int, kind e911.Kind, msg string) error {
	return &statusError{status: status, err: e911.Errorf(kind, "%s", msg)}
}

// statusOf translates the kind of an error, once, at the edge.
func statusOf(err error) int {
	if s, ok := errors.AsType[*statusError](err); ok {
		return s.status
	}
	switch e911.KindOf(err) {
	case e911.Invalid:
		return http.StatusUnprocessableEntity
	case e911.NotFound:
		return http.StatusNotFound
	case e911.Conflict:
		return http.StatusConflict
	case e911.Denied:
		return http.StatusForbidden
	case e911.Unavailable:
		return http.StatusServiceUnavailable
	case e911.Internal:
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem is the answer to a request that failed (RFC 9457). What is not for the
// caller goes to the log.
func (h *Handler) problem(r *http.Request, err error) reply {
	status := statusOf(err)
	p := client.Problem{Status: status, Title: http.StatusText(status), Code: string(e911.KindOf(err))}
	if e, ok := errors.AsType[*e911.Error](err); ok && status != http.StatusInternalServerError {
		p.Detail = e.Msg
		for _, f := range e.Faults {
			p.Faults = append(p.Faults, client.Fault{
				Pointer: pointer(f.Path), Code: f.Code, Detail: f.Msg, Fix: f.Fix, File: f.File, Row: f.Row, Col: f.Col,
			})
		}
	}
	out := reply{status: status, header: map[string]string{"Content-Type": "application/problem+json"}}
	if s, ok := errors.AsType[*statusError](err); ok {
		for k, v := range s.header {
			out.header[k] = v
		}
	}
	switch {
	case errors.Is(err, apikey.ErrWrong):
		out.header["WWW-Authenticate"] = `Bearer realm="callbox", error="invalid_token"` // RFC 6750, section 3.1
	case status == http.StatusUnauthorized:
		out.header["WWW-Authenticate"] = `Bearer realm="callbox"`
	case status == http.StatusServiceUnavailable:
		out.header["Retry-After"] = "5"
	case errors.Is(err, apikey.ErrTooMany):
		out.header["Retry-After"] = strconv.Itoa(60)
	}
	if status >= http.StatusInternalServerError {
		h.cfg.Log.Error("an API request failed", "method", r.Method, "route", routeOf(r), "status", status, obs.Err(err))
	}
	out.body, _ = json.Marshal(p)
	return out
}
