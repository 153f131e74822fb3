package oidc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"
)

const (
	// patience bounds one question to a provider.
	patience = 10 * time.Second
	// maxAnswer bounds what a provider may send, in octets.
	maxAnswer = 1 << 20
)

var (
	errScheme   = errors.New("the provider leads to an address that is not https")
	errRedirect = errors.New("the provider leads to another host")
	errLarge    = errors.New("the provider sends too much")
)

// client asks providers where reach lets it; with local, on this machine too.
func client(local bool) *http.Client {
	dial := reach.Dialer(patience, local)
	return &http.Client{
		Timeout: patience,
		Transport: &bounded{local: local, next: &http.Transport{
			DialContext: dial.DialContext, TLSHandshakeTimeout: patience, ResponseHeaderTimeout: patience, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		}},
		// A form with the secret in it is not sent on to anybody else.
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme || via[0].Method != http.MethodGet {
				return errRedirect
			}
			return nil
		},
	}
}

// bounded keeps answers small and requests on https.
type bounded struct {
	local bool
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !(b.local && r.URL.Scheme == "http") {
		return nil, errScheme
	}
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = &limited{ReadCloser: res.Body, left: maxAnswer}
	return res, nil
}

type limited struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader. It fails where a limit would cut in silence.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errLarge
	}
	return n, err
}

// doingVerify is what explain is told when a token is judged.
const doingVerify = "believe the provider's token"

// explain says what went wrong with a provider in words that an administrator can act
// on. What the provider sent is not repeated: it may be any server of its network.
func (c *Client) explain(doing string, err error) error {
	var refused *oauth2.RetrieveError
	var timeout net.Error
	say := func(kind e911.Kind, why string) error { return e911.Errorf(kind, "to %s: %s", doing, why) }
	switch text := err.Error(); {
	case errors.Is(err, reach.ErrHere):
		return say(e911.Invalid, "Callbox asks no provider on this machine itself or at a link-local address")
	case errors.Is(err, errScheme):
		return say(e911.Invalid, "it leads to an address that is not https")
	case errors.Is(err, errRedirect):
		return say(e911.Invalid, "it leads to another host; give the address of the issuer itself")
	case strings.Contains(text, errLarge.Error()): // go-oidc does not wrap it
		return say(e911.Invalid, "it sends more than a megabyte")
	case errors.As(err, &refused):
		return say(refusal(refused))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return say(e911.Unavailable, "it did not answer within 10 seconds; try again, or sign in with your password")
	case strings.Contains(text, "did not match the issuer"), strings.Contains(text, "id token issued by a different provider"):
		return say(e911.Denied, "it calls itself by another issuer than the one that is configured")
	case strings.Contains(text, "expected audience"):
		return say(e911.Denied, "it was made for another client")
	case strings.Contains(text, "signature"), strings.Contains(text, "malformed jwt"), strings.Contains(text, "unsupported"), strings.Contains(text, "algorithm"):
		return say(e911.Denied, "its signature is not one that counts")
	}
	var op *net.OpError
	if errors.As(err, &op) || errors.As(err, &timeout) {
		return say(e911.Unavailable, "it cannot be reached from here; try again, or sign in with your password")
	}
	if doing == doingVerify {
		return say(e911.Denied, "it cannot be read")
	}
	return say(e911.Unavailable, "it did not answer as a provider of OpenID Connect does")
}

func refusal(r *oauth2.RetrieveError) (e911.Kind, string) {
	switch r.ErrorCode {
	case "invalid_client":
		return e911.Invalid, "it does not take our client id and secret; an administrator has to give the right ones"
	case "invalid_grant":
		return e911.Denied, "the answer was used before, or is too old; begin the sign-in again"
	case "unauthorized_client":
		return e911.Invalid, "it does not let this client use the authorization code"
	}
	return e911.Unavailable, "it refused"
}
