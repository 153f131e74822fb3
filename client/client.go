package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Config says how a Client reaches a server.
type Config struct {
	// URL is the server's, "https://callbox.example". With Socket its host is not
	// looked at.
	URL string
	// Key is an API key, "cbk_...". The control socket needs none.
	Key string
	// Credentials exchange a key for short-lived tokens instead; nil: Key is sent.
	Credentials *Credentials
	// Socket is the path of a server's control socket; none: TCP.
	Socket string
	// HTTP sends the requests; nil: a client of its own.
	HTTP *http.Client
	// Tries bounds how often a request is sent; default 3. Wait is how long after
	// the first that failed, doubled each time; default 500 ms. What the server
	// says in Retry-After is waited for instead, up to a minute.
	Tries int
	Wait  time.Duration
}

// Client speaks to one server. Safe for concurrent use.
type Client struct {
	cfg    Config
	tokens *tokens // nil: the key itself is sent
}

// New checks the configuration.
func New(cfg Config) (*Client, error) {
	if cfg.Socket != "" && cfg.URL == "" {
		cfg.URL = "http://callbox"
	}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("client: the URL is http or https with a host")
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	if cfg.HTTP == nil {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute}
		if socket := cfg.Socket; socket != "" {
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", socket)
			}
		}
		cfg.HTTP = &http.Client{Transport: transport}
	}
	if cfg.Tries == 0 {
		cfg.Tries = 3
	}
	if cfg.Wait == 0 {
		cfg.Wait = 500 * time.Millisecond
	}
	c := &Client{cfg: cfg}
	if cfg.Credentials != nil {
		if cfg.Key != "" || cfg.Credentials.ID == "" || cfg.Credentials.Secret == "" {
			return nil, errors.New("client: give a key, or credentials with id and secret")
		}
		c.tokens = newTokens(c, *cfg.Credentials)
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.cfg.HTTP.CloseIdleConnections() }

// Error is a refusal by the server.
type Error struct {
	Problem
	wait time.Duration // what the server asked for
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if e.Detail == "" {
		b.WriteString(e.Title)
	}
	for _, f := range e.Faults {
		b.WriteString("\n  ")
		if f.Row > 0 {
			fmt.Fprintf(&b, "%s:%d: ", f.File, f.Row)
		}
		fmt.Fprintf(&b, "%s: %s", f.Pointer, f.Detail)
		if f.Fix != "" {
			b.WriteString(" (" + f.Fix + ")")
		}
	}
	return b.String()
}

// StatusOf is the status of the server's refusal in err; 0: err is none.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Request is one request, for what has no method of its own.
type Request struct {
	Method  string
	Path    string // below /api/v1, escaped: "/organisations/key:harbor/users"
	Query   url.Values
	Body    any    // sent as JSON; nil: none
	Patch   bool   // the body is a merge patch
	IfMatch string // an ETag
	Once    string // the Idempotency-Key; none: one is made for each POST
}

// Answer is what came back of a request.
type Answer struct {
	Status int
	ETag   string
	Header http.Header
}

// maxAnswer bounds an answer in memory.
const maxAnswer = 256 << 20

// Do sends a request, again where that may help and cannot do harm: a POST has
// an Idempotency-Key, everything else may be repeated by its nature. Into is
// decoded from the answer; nil: it is dropped. Refusals are *Error.
func (c *Client) Do(ctx context.Context, r Request, into any) (Answer, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return Answer{}, fmt.Errorf("encode the request: %w", err)
		}
	}
	if r.Method == http.MethodPost && r.Once == "" {
		r.Once = rand.Text()
	}
	wait := c.cfg.Wait
	for try := 1; ; try++ {
		a, err := c.send(ctx, r, body, into)
		if err != nil && try == 1 && c.tokens != nil && a.Status == http.StatusUnauthorized {
			a, err = c.send(ctx, r, body, into) // its token ended before its time: with another
		}
		if err == nil || try >= c.cfg.Tries || !again(err) || ctx.Err() != nil {
			return a, err
		}
		pause := wait
		var refusal *Error
		if errors.As(err, &refusal) && refusal.wait > 0 {
			pause = min(refusal.wait, time.Minute)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return a, fmt.Errorf("wait to ask the server again: %w", ctx.Err())
		}
		wait *= 2
	}
}

// again reports an error after which the same request may do better.
func again(err error) bool {
	var refusal *Error
	if !errors.As(err, &refusal) {
		return true // no answer came
	}
	switch refusal.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return refusal.wait > 0 // the first one is under way
	}
	return false
}

func (c *Client) send(ctx context.Context, r Request, body []byte, into any) (Answer, error) {
	address := c.cfg.URL + "/api/v1" + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("ask the server: %w", err)
	}
	token := c.cfg.Key
	if c.tokens != nil {
		if token, err = c.tokens.get(ctx); err != nil {
			return Answer{}, err
		}
	}
	c.head(req, r, token)
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("ask the server: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized && c.tokens != nil {
		c.tokens.refused(token)
	}
	a := Answer{Status: resp.StatusCode, ETag: resp.Header.Get("ETag"), Header: resp.Header}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return a, refusalOf(resp, text)
	}
	if into == nil || len(text) == 0 {
		return a, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

func (c *Client) head(req *http.Request, r Request, token string) {
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
		if r.Patch {
			req.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	if r.IfMatch != "" {
		req.Header.Set("If-Match", r.IfMatch)
	}
	if r.Method == http.MethodPost {
		req.Header.Set("Idempotency-Key", r.Once)
	}
}

func refusalOf(resp *http.Response, text []byte) *Error {
	e := &Error{}
	if err := json.Unmarshal(text, &e.Problem); err != nil || e.Status == 0 {
		e.Problem = Problem{Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode}
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.wait = time.Duration(s) * time.Second
	}
	return e
}
