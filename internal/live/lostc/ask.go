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

	"github.com/callbox911/callbox/internal/obs"
	"github.com/callbox911/callbox/wire/lost"
)

// maxAnswer bounds an answer: a county by value is some hundred kilobytes.
const maxAnswer = 1 << 20

// Find asks the upstreams in order, follows their redirects to each other, and
// keeps the answer. The query's path must name us, when we pass it on; then no
// upstream that is in it is asked. Errors of a server are *lost.Errors, or
// *lost.Redirect when it leads to a server that is not configured. It waits for
// Config.Within at most.
func (c *Client) Find(ctx context.Context, q *lost.FindService) (*lost.FindServiceResponse, error) {
	resp, err := ask[*lost.FindServiceResponse](ctx, c, q.Path, func(path []lost.Via) lost.Message {
		next := *q
		next.Path = path
		// By value, or nothing could be answered from memory.
		next.Boundary = lost.ByValue
		return &next
	})
	if err == nil {
		c.mem.keep(q, resp, c.cfg.Now())
	}
	return resp, err
}

// List asks for the services at a location, like Find; it keeps nothing.
func (c *Client) List(ctx context.Context, q *lost.ListServicesByLocation) (*lost.ListServicesByLocationResponse, error) {
	return ask[*lost.ListServicesByLocationResponse](ctx, c, q.Path, func(path []lost.Via) lost.Message {
		next := *q
		next.Path = path
		return &next
	})
}

// Cached answers from unexpired mappings alone.
func (c *Client) Cached(q *lost.FindService) (*lost.FindServiceResponse, bool) {
	return c.mem.answer(q, c.cfg.Now())
}

// Push takes mappings that another server sends (RFC 6739, section 5).
func (c *Client) Push(mappings []lost.Mapping) []lost.Mapping {
	return c.mem.push(mappings, c.cfg.Now())
}

func ask[M lost.Message](ctx context.Context, c *Client, path []lost.Via, query func([]lost.Via) lost.Message) (M, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Within)
	defer cancel()
	var none M
	var answered error // what a server said
	var failed error   // what went wrong on the way
	for _, up := range c.cfg.Upstreams {
		if passed(path, up.Name) {
			continue
		}
		resp, err := follow[M](ctx, c, up, path, query)
		if err == nil {
			return resp, nil
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
		return none, answered
	case failed != nil:
		return none, failed
	}
	// Each upstream is in the path already.
	return none, &lost.Errors{Exceptions: lost.Exceptions{Source: c.cfg.Source, List: []lost.Exception{{
		Kind: lost.Loop, Message: lost.Text{Text: "Every server to ask is in the path already.", Lang: "en"},
	}}}}
}

// follow asks one upstream and whom it redirects to.
func follow[M lost.Message](ctx context.Context, c *Client, up Upstream, path []lost.Via, query func([]lost.Via) lost.Message) (M, error) {
	var none M
	for range mostHops {
		resp, err := exchange[M](ctx, c, up, query(path))
		r, ok := errors.AsType[*lost.Redirect](err)
		if !ok {
			return resp, err
		}
		// Who is asked one after the other names all that were (section 6).
		path = append(slices.Clip(path), lost.Via{Source: up.Name})
		i := slices.IndexFunc(c.cfg.Upstreams, func(u Upstream) bool { return strings.EqualFold(u.Name, r.Target) })
		if i < 0 {
			return none, err
		}
		if up = c.cfg.Upstreams[i]; passed(path, up.Name) {
			return none, errRedirect
		}
	}
	return none, errRedirect
}

// exchange sends one query and reads the answer.
func exchange[M lost.Message](ctx context.Context, c *Client, up Upstream, q lost.Message) (M, error) {
	var none M
	body, err := lost.Marshal(q)
	if err != nil {
		return none, fmt.Errorf("write the query: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, up.URL, bytes.NewReader(body))
	if err != nil {
		return none, err
	}
	req.Header.Set("Content-Type", lost.MediaType+";charset=utf-8")
	req.Header.Set("Accept", lost.MediaType)
	req.Header.Set("Cache-Control", "no-cache") // RFC 5222, section 14
	resp, err := c.http.Do(req)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return none, fmt.Errorf("HTTP status %d", resp.StatusCode)
	}
	if mt, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && strings.HasPrefix(mt, "text/html") {
		return none, errors.New("a page for people")
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return none, fmt.Errorf("read the answer: %w", err)
	}
	if len(b) > maxAnswer {
		return none, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return lost.ParseAs[M](b, lost.Limits{})
}

func isRedirect(err error) bool {
	_, ok := errors.AsType[*lost.Redirect](err)
	return ok
}

func passed(path []lost.Via, name string) bool {
	return slices.ContainsFunc(path, func(v lost.Via) bool { return strings.EqualFold(v.Source, name) })
}
