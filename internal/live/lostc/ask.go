package lostc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/lost"
)

// maxAnswer bounds an answer: a county by value is some hundred kilobytes, a
// state some megabytes.
const maxAnswer = 4 << 20

// answerLimits bound what an answer may hold.
func answerLimits() lost.Limits {
	return lost.Limits{Bytes: maxAnswer, Elements: 256 << 10, Vertices: 200_000}
}

// Find asks the upstreams in order, follows their redirects to each other, and
// keeps the answer. The query's path must name us, when we pass it on; then no
// upstream that is in it is asked. Errors of a server are *lost.Errors, or
// *lost.Redirect when it leads to a server that is not configured. It waits for
// Config.Within at most, and not at all for an upstream that did not answer the
// last times and would have to answer as fast.
func (c *Client) Find(ctx context.Context, q *lost.FindService) (*lost.FindServiceResponse, error) {
	return c.find(ctx, q, false)
}

// find asks; a probe asks upstreams that rest, too.
func (c *Client) find(ctx context.Context, q *lost.FindService, probe bool) (*lost.FindServiceResponse, error) {
	resp, from, err := ask(ctx, c, question[*lost.FindServiceResponse]{
		path: q.Path, probe: probe,
		query: func(path []lost.Via, form lost.BoundaryForm) lost.Message {
			next := *q
			next.Path, next.Boundary = path, form
			return &next
		},
		judge: func(resp *lost.FindServiceResponse) error { return judge(q, resp, c.cfg.Source) },
	})
	if err == nil {
		c.mem.keep(q, resp, from, c.cfg.Now())
	}
	return resp, err
}

// List asks for the services at a location, like Find; it keeps nothing.
func (c *Client) List(ctx context.Context, q *lost.ListServicesByLocation) (*lost.ListServicesByLocationResponse, error) {
	resp, _, err := ask(ctx, c, question[*lost.ListServicesByLocationResponse]{
		path: q.Path,
		query: func(path []lost.Via, _ lost.BoundaryForm) lost.Message {
			next := *q
			next.Path = path
			return &next
		},
		judge: func(*lost.ListServicesByLocationResponse) error { return nil },
	})
	return resp, err
}

// Cached answers from unexpired mappings alone. Its path ends at the server
// that made the mapping and begins with us.
func (c *Client) Cached(q *lost.FindService) (*lost.FindServiceResponse, bool) {
	resp, ok := c.mem.answer(q, c.cfg.Now())
	if ok && !passed(resp.Path, c.cfg.Source) {
		resp.Path = append([]lost.Via{{Source: c.cfg.Source}}, resp.Path...)
	}
	return resp, ok
}

// Push takes mappings that another server sends (RFC 6739, section 5). One in
// our own name is no mapping of another, and is left out: else it would come
// back to us by way of those that we push to.
func (c *Client) Push(mappings []lost.Mapping) []lost.Mapping {
	return c.mem.push(c.foreignOnly(mappings), len(c.cfg.Upstreams), c.cfg.Now())
}

func (c *Client) foreignOnly(list []lost.Mapping) []lost.Mapping {
	return slices.DeleteFunc(slices.Clone(list), func(m lost.Mapping) bool { return strings.EqualFold(m.Source, c.cfg.Source) })
}

// question is what upstreams are asked.
type question[M lost.Message] struct {
	path  []lost.Via
	probe bool // asks upstreams that rest, too
	query func([]lost.Via, lost.BoundaryForm) lost.Message
	judge func(M) error
}

// ask returns the first answer, and the number of the upstream that gave it.
func ask[M lost.Message](ctx context.Context, c *Client, q question[M]) (M, int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Within)
	defer cancel()
	var none M
	var answered error // what a server said
	var failed error   // what went wrong on the way
	for i, up := range c.cfg.Upstreams {
		if passed(q.path, up.Name) {
			continue
		}
		if !q.probe && c.health[i].resting(c.cfg.Now(), c.patience(ctx)) {
			failed = errors.Join(failed, fmt.Errorf("ask %s: %w", up.Name, errResting))
			continue
		}
		resp, from, err := follow(ctx, c, i, q)
		if err == nil {
			return resp, from, nil
		}
		if _, ok := errors.AsType[*lost.Errors](err); ok || isRedirect(err) {
			answered = err
		} else {
			failed = errors.Join(failed, fmt.Errorf("ask %s: %w", up.Name, err))
			c.cfg.Log.Warn("LoST upstream", "name", up.Name, obs.Err(err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	switch {
	case answered != nil:
		return none, 0, answered
	case failed != nil:
		return none, 0, failed
	}
	// Each upstream is in the path already.
	return none, 0, &lost.Errors{Exceptions: lost.Exceptions{Source: c.cfg.Source, List: []lost.Exception{{
		Kind: lost.Loop, Message: lost.Text{Text: "Every server to ask is in the path already.", Lang: "en"},
	}}}}
}

// follow asks one upstream and whom it redirects to.
func follow[M lost.Message](ctx context.Context, c *Client, i int, q question[M]) (M, int, error) {
	var none M
	path := q.path
	for range mostHops {
		up := c.cfg.Upstreams[i]
		// By value, or nothing could be answered from memory.
		resp, err := timed[M](ctx, c, i, q.query(path, lost.ByValue))
		if errors.Is(err, lost.ErrTooLarge) {
			resp, err = timed[M](ctx, c, i, q.query(path, lost.ByReference))
		}
		if err == nil {
			err = q.judge(resp)
		}
		r, ok := errors.AsType[*lost.Redirect](err)
		if !ok {
			return resp, i, err
		}
		// Who is asked one after the other names all that were (section 6).
		path = append(slices.Clip(path), lost.Via{Source: up.Name})
		i = slices.IndexFunc(c.cfg.Upstreams, func(u Upstream) bool { return strings.EqualFold(u.Name, r.Target) })
		if i < 0 {
			return none, 0, err
		}
		if passed(path, c.cfg.Upstreams[i].Name) {
			return none, 0, errRedirect
		}
	}
	return none, 0, errRedirect
}

// timed is one exchange that the health of the upstream learns from.
func timed[M lost.Message](ctx context.Context, c *Client, i int, q lost.Message) (M, error) {
	begin := time.Now()
	resp, err := exchange[M](ctx, c.http, parcel{url: c.cfg.Upstreams[i].URL, media: lost.MediaType, limits: answerLimits()}, q)
	_, answered := errors.AsType[*lost.Errors](err)
	switch {
	case err == nil, answered, isRedirect(err), errors.Is(err, lost.ErrTooLarge):
		c.mark(i, nil, 0)
	case errors.Is(err, context.Canceled): // who asked went away
	default:
		c.mark(i, err, time.Since(begin))
	}
	return resp, err
}

// parcel is how one query is sent and how large its answer may be.
type parcel struct {
	url, media string
	limits     lost.Limits
}

// exchange sends one query and reads the answer. An answer that is larger than
// the limits is lost.ErrTooLarge.
func exchange[M lost.Message](ctx context.Context, client *http.Client, p parcel, q lost.Message) (M, error) {
	var none M
	body, err := lost.Marshal(q)
	if err != nil {
		return none, fmt.Errorf("write the query: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	req.Header.Set("Content-Type", p.media+";charset=utf-8")
	req.Header.Set("Accept", p.media)
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Cache-Control", "no-cache") // RFC 5222, section 14
	resp, err := client.Do(req)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return none, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return none, errors.New("a packed answer, which was not asked for")
	}
	if mt, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && strings.HasPrefix(mt, "text/html") {
		return none, errors.New("a page for people")
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, int64(p.limits.Bytes)+1))
	if err != nil {
		return none, fmt.Errorf("read the answer: %w", err)
	}
	if len(b) > p.limits.Bytes {
		return none, fmt.Errorf("the answer is larger than %d bytes: %w", p.limits.Bytes, lost.ErrTooLarge)
	}
	return lost.ParseAs[M](b, p.limits)
}

func isRedirect(err error) bool {
	_, ok := errors.AsType[*lost.Redirect](err)
	return ok
}

func passed(path []lost.Via, name string) bool {
	return slices.ContainsFunc(path, func(v lost.Via) bool { return strings.EqualFold(v.Source, name) })
}
