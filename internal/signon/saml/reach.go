package saml

import (
	"errors"
	"net/http"
	"time"

	"github.com/callbox911/callbox/internal/reach"
)

// patience bounds one request of ours.
const patience = 10 * time.Second

var errRedirect = errors.New("a redirect that is not followed")

// client asks identity providers where reach lets it; with local, on this machine too.
func client(local bool) *http.Client {
	dial := reach.Dialer(patience, local)
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialContext: dial.DialContext, TLSHandshakeTimeout: patience, ResponseHeaderTimeout: patience, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if safe(r.URL.String()) != "" || len(via) > 3 {
				return errRedirect
			}
			return nil
		},
	}
}
