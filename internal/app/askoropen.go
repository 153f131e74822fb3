package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// question is what the command line asks, as it goes over the socket.
type question struct {
	dir, path string
	body      io.Reader
}

// questionOf is a question whose body is JSON.
func questionOf(dir, path string, body any) (question, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return question{}, fmt.Errorf("encode a question: %w", err)
	}
	return question{dir, path, bytes.NewReader(text)}, nil
}

// askOrOpen asks the server that runs in the data directory; when none runs, fromDatabase
// answers from it, under the lock (D-14).
func askOrOpen[T any](ctx context.Context, q question, fromDatabase func(*database) (T, error)) (out T, err error) {
	body := q.body
	if body != nil {
		body = struct{ io.Reader }{body} // not closed where no server takes it
	}
	err = Control(ctx, q.dir, q.path, body, &out)
	if !errors.Is(err, ErrNotRunning) {
		return out, err
	}
	st, closer, err := offline(q.dir)
	if err != nil {
		return out, err
	}
	out, err = fromDatabase(st)
	return out, errors.Join(err, closer())
}

// asOverTheSocket gives an answer the form that a running server's has.
func asOverTheSocket[T any](answer any, err error) (out T, _ error) {
	if err != nil {
		return out, err
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return out, fmt.Errorf("write the answer: %w", err)
	}
	return out, json.Unmarshal(b, &out)
}

// storedOrg finds the organisation with a key, or the only one there is.
func storedOrg(ctx context.Context, st admin.Store, key string) (id e911.OrgID, err error) {
	err = st.Read(ctx, func(r admin.Reader) error {
		all, err := r.Orgs(ctx)
		if err != nil {
			return err
		}
		n := 0
		for _, o := range all {
			if key == "" || o.Key == key {
				id, n = o.ID, n+1
			}
		}
		switch {
		case n == 0:
			return noOrg(key)
		case n > 1:
			return severalOrgs(n)
		}
		return nil
	})
	return id, err
}
