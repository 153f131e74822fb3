package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/reach"
)

var (
	errMany    = e911.Errorf(e911.Invalid, "the directory has more people and groups than max_people allows: narrow base or filter, or raise it")
	errEndless = errors.New("the server gives pages without end and nobody in them")
	errLarge   = errors.New("the server sends too much")
)

// codes are the result codes (RFC 4511, appendix A.2) that an administrator can do
// something about.
var codes = map[uint16]string{
	ldap.LDAPResultOperationsError:              "it wants a DN and password before it answers",
	ldap.LDAPResultTimeLimitExceeded:            "its own limit of time was reached: narrow base or filter, or have it raised for this account",
	ldap.LDAPResultSizeLimitExceeded:            "its own limit of entries was reached: set page_size below it, or have it raised for this account",
	ldap.LDAPResultAdminLimitExceeded:           "a limit of its administrator was reached: set a smaller page_size, or have it raised for this account",
	ldap.LDAPResultConfidentialityRequired:      "it answers over encrypted connections alone: write ldaps://, or add start_tls",
	ldap.LDAPResultStrongAuthRequired:           "it takes passwords over encrypted connections alone: write ldaps://, or add start_tls",
	ldap.LDAPResultReferral:                     "base is at another server, and referrals are not followed: write the address of that server",
	ldap.LDAPResultUnavailableCriticalExtension: "it gives no pages (RFC 2696), which are needed",
	ldap.LDAPResultNoSuchObject:                 "base or group_base is not there, or this account may not see it",
	ldap.LDAPResultBusy:                         "it is busy; it is asked again",
	ldap.LDAPResultUnavailable:                  "it is shutting down or not available; it is asked again",
	ldap.LDAPResultUnwillingToPerform:           "it is not willing to: ask its administrator",
	ldap.ErrorFilterCompile:                     "filter or group_filter is not one of RFC 4515",
}

// refused says in words what an administrator can act on; what the server itself
// wrote stands behind.
func refused(ctx context.Context, timeout time.Duration, done string, err error) error {
	if _, ours := errors.AsType[*e911.Error](err); ours {
		return err
	}
	say := func(kind e911.Kind, why string) error {
		return &e911.Error{Kind: kind, Msg: "the directory could not be " + done + ": " + why, Err: err}
	}
	text := err.Error()
	switch {
	case ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return say(e911.Unavailable, "it was given up")
	case errors.Is(err, reach.ErrHere):
		return say(e911.Invalid, "its name leads to this machine or its link; only the operator may name those")
	case strings.Contains(text, "certificate has expired or is not yet valid"):
		return say(e911.Unavailable, "its certificate has expired or is not valid yet; see its date and the clocks")
	case strings.Contains(text, "certificate is valid for"), strings.Contains(text, "certificate is not valid for any names"), strings.Contains(text, "doesn't contain any IP SANs"):
		return say(e911.Unavailable, "its certificate is of another name: write url as the certificate has it")
	case strings.Contains(text, "certificate signed by unknown authority"), strings.Contains(text, "certificate is not trusted"):
		return say(e911.Unavailable, "nobody who is known here signed its certificate: write the certificate of who did into ca")
	case strings.Contains(text, errLarge.Error()):
		return say(e911.Unavailable, fmt.Sprintf("it sends more than %d MiB at once", maxAnswer>>20))
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultInappropriateAuthentication):
		return &e911.Error{Kind: e911.Denied, Msg: "the directory refuses the DN and password that it is read with", Err: err}
	case ctx.Err() != nil, strings.Contains(text, "i/o timeout"):
		return say(e911.Unavailable, fmt.Sprintf("the server did not answer everything within %s", timeout))
	case errors.Is(err, errEndless):
		return say(e911.Unavailable, "it repeats itself")
	}
	if l, ok := errors.AsType[*ldap.Error](err); ok && codes[l.ResultCode] != "" {
		return say(e911.Unavailable, codes[l.ResultCode])
	}
	switch {
	case strings.HasPrefix(text, "encrypt: "):
		return say(e911.Unavailable, "it does not encrypt as it is asked to")
	case strings.HasSuffix(text, "EOF"), ldap.IsErrorWithCode(err, ldap.ErrorNetwork):
		return say(e911.Unavailable, "it ended the connection")
	case strings.Contains(text, "unable to read LDAP response packet"):
		return say(e911.Unavailable, "it does not speak LDAP")
	}
	return say(e911.Unavailable, "what it says is not whole")
}
