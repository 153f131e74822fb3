package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Credentials are those of a client of OAuth 2 (RFC 6749, section 4.4): an API key
// that is exchanged for short-lived tokens, so that the key itself does not travel
// with every request.
type Credentials struct {
	ID     string // client_id: the key's id
	Secret string // client_secret: the key itself, "cbk_..."
	// Scopes are those of the tokens; none: all of the key.
	Scopes []string
}

// tokens fetches tokens and keeps the one that is good.
type tokens struct {
	c    *Client
	want Credentials
	now  func() time.Time

	fetch chan struct{} // held by who fetches
	mu    sync.Mutex
	text  string
	good  time.Time // until then
}

func newTokens(c *Client, want Credentials) *tokens {
	return &tokens{c: c, want: want, now: time.Now, fetch: make(chan struct{}, 1)}
}

// early is how long before its end a token is not used any more: a request takes time.
const early = 30 * time.Second

func (t *tokens) kept() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != "" && t.now().Before(t.good) {
		return t.text
	}
	return ""
}

// refused forgets a token that the server did not take.
func (t *tokens) refused(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text == text {
		t.text = ""
	}
}

// get returns a token that is good; of many who ask at a time one fetches it.
func (t *tokens) get(ctx context.Context) (string, error) {
	if text := t.kept(); text != "" {
		return text, nil
	}
	select {
	case t.fetch <- struct{}{}:
		defer func() { <-t.fetch }()
	case <-ctx.Done():
		return "", fmt.Errorf("wait for a token: %w", ctx.Err())
	}
	if text := t.kept(); text != "" {
		return text, nil
	}
	return t.ask(ctx)
}

// ask exchanges the key for a token.
func (t *tokens) ask(ctx context.Context) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(t.want.Scopes) > 0 {
		form.Set("scope", strings.Join(t.want.Scopes, " "))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.c.cfg.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(t.want.ID), url.QueryEscape(t.want.Secret))
	resp, err := t.c.cfg.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for a token: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("read a token: %w", err)
	}
	var out struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
		About   string `json:"error_description"`
	}
	parsed := json.Unmarshal(text, &out)
	if resp.StatusCode != http.StatusOK {
		e := refusalOf(resp, text)
		e.Status, e.Title, e.Code, e.Detail = resp.StatusCode, http.StatusText(resp.StatusCode), out.Error, out.About
		return "", e
	}
	if parsed != nil || out.Token == "" || !strings.EqualFold(out.Type, "bearer") {
		return "", fmt.Errorf("read a token: the answer has none")
	}
	life := time.Duration(out.Expires) * time.Second
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text, t.good = out.Token, t.now().Add(life-min(early, life/4))
	return out.Token, nil
}
