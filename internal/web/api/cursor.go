package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/e911"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	sealCursor   = "api cursor"
)

// mark is what a cursor seals: a page of another collection, organisation or
// filter does not begin there.
type mark struct {
	What  string `json:"w"`
	After string `json:"a"`
}

func (c *call) listing() string {
	q := c.query
	what := c.op.id + " " + string(c.org)
	for _, name := range c.op.queryNames() {
		if name != "cursor" && name != "limit" && q.Get(name) != "" {
			what += " " + strconv.Quote(name+"="+q.Get(name))
		}
	}
	return what
}

// page reads limit and cursor; after is empty on the first page.
func (h *Handler) page(c *call) (after string, limit int, err error) {
	bad := func(name, msg, fix string) error {
		return &statusError{status: http.StatusBadRequest, err: &e911.Error{Kind: e911.Invalid, Msg: "the query is refused", Faults: []e911.Fault{
			{Path: name, Code: check.Range, Msg: msg, Fix: fix},
		}}}
	}
	limit = defaultLimit
	if s := c.query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxLimit {
			return "", 0, bad("limit", "this is no number of objects", fmt.Sprintf("a number from 1 to %d", maxLimit))
		}
		limit = n
	}
	sealed := c.query.Get("cursor")
	if sealed == "" {
		return "", limit, nil
	}
	var m mark
	plain, err := h.cfg.Ring.Open(sealCursor, sealed)
	if err == nil {
		err = json.Unmarshal(plain, &m)
	}
	if err != nil || m.What != c.listing() {
		return "", 0, bad("cursor", "this cursor is not of this list", "send what the page before had as next, with the same filters")
	}
	return m.After, limit, nil
}

// next seals where the next page begins.
func (h *Handler) next(c *call, after string) (string, error) {
	plain, err := json.Marshal(mark{What: c.listing(), After: after})
	if err != nil {
		return "", fmt.Errorf("encode a cursor: %w", err)
	}
	return h.cfg.Ring.Seal(sealCursor, plain)
}
