// Package obs makes the logger and names the keys of its lines, so that one
// thing is called the same everywhere. Numbers, addresses and secrets go in as
// e911 types, which redact themselves.
package obs

import (
	"io"
	"log/slog"
)

// Keys of log lines.
const (
	KeyCall  = "call"
	KeyOrg   = "org"
	KeyTrunk = "trunk"
	KeyNode  = "node"
	KeyCode  = "code"
	KeySrc   = "source"
	KeyErr   = "err"
	KeyPart  = "part"
)

// Logger returns the logger of the process: one JSON object a line, or text
// for a person at a terminal. Times are UTC.
func Logger(w io.Writer, asText bool, level slog.Level) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	if asText {
		return slog.New(slog.NewTextHandler(w, opts))
	}
	return slog.New(slog.NewJSONHandler(w, opts))
}

// Err is the attribute of an error.
func Err(err error) slog.Attr { return slog.Any(KeyErr, err) }
