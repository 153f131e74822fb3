package dereference

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/callbox911/callbox/wire/held"
	"github.com/callbox911/callbox/wire/pidflo"
)

// maxAnswer bounds what is read of an answer: a location object with polygons and
// additional data is far below.
const maxAnswer = 128 << 10

// serverTime is how long the other server may look for a better location before
// it answers (RFC 5985, section 6.1): below the time that a call waits.
const serverTime = 1200 * time.Millisecond

// ask puts one question: by POST, and by GET to a server that takes no POST (RFC
// 6753, section 3).
func (c *Client) ask(u *url.URL, host, uri string) (a Answer) {
	defer func() {
		if recover() != nil { // a fault of ours in what came must not take the node with it
			a = Answer{URI: uri, Host: host, Asked: a.Asked, Method: a.Method, Err: fmt.Errorf("%w: a fault while it was read was recovered", ErrAnswer)}
		}
	}()
	a = Answer{URI: uri, Host: host, Asked: c.cfg.Now(), Method: http.MethodPost}
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Within)
	defer cancel()
	body, err := held.MarshalRequest(&held.Request{Types: []held.LocationType{held.Civic, held.Geodetic}, Within: serverTime, HasWithin: true})
	if err == nil {
		var other bool
		a.Doc, other, err = c.send(ctx, http.MethodPost, u, body)
		if other {
			a.Method = http.MethodGet
			a.Doc, _, err = c.send(ctx, http.MethodGet, u, nil)
		}
	}
	a.Took = c.cfg.Now().Sub(a.Asked)
	if err != nil {
		a.Err = plain(ctx, err)
	}
	return a
}

// noPost are the answers of a server that does not take the POST of a location
// request, though it may take a GET.
var noPost = []int{
	http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusUnsupportedMediaType, http.StatusNotImplemented,
}

// send sends one request. Other means that another method may do.
func (c *Client) send(ctx context.Context, method string, u *url.URL, body []byte) (doc *pidflo.Document, other bool, err error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, false, fmt.Errorf("%w: no request can be made of the reference", ErrRefused)
	}
	if body != nil {
		r.Header.Set("Content-Type", held.ContentType)
	}
	r.Header.Set("Accept", held.MediaType+", application/pidf+xml")
	res, err := c.http.Do(r)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, false, err
	case len(b) > maxAnswer:
		return nil, false, fmt.Errorf("%w: the answer is longer than %d octets", ErrAnswer, maxAnswer)
	}
	reply, err := held.ParseReply(b)
	var said *held.Error
	switch {
	case errors.As(err, &said): // with 200 as RFC 5985 has it, with others as some do
		return nil, false, fmt.Errorf("%w: it says %.32s", ErrAnswer, said.Code)
	case res.StatusCode != http.StatusOK:
		return nil, slices.Contains(noPost, res.StatusCode), fmt.Errorf("%w: it answered %d", ErrAnswer, res.StatusCode)
	case err != nil:
		return nil, true, fmt.Errorf("%w: its answer cannot be read: %w", ErrAnswer, err)
	case reply.Presence == nil:
		return nil, false, fmt.Errorf("%w: it answered no more than another reference", ErrAnswer)
	}
	return reply.Presence, false, nil
}

// plain takes the address out of an error of net/http: a reference is a secret of
// those who have it.
func plain(ctx context.Context, err error) error {
	var u *url.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: nothing came in time", ErrAnswer)
	case errors.As(err, &u):
		return u.Err
	}
	return err
}
