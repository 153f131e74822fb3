package saml

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/federation"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: C-60a, saml-metadata-2.0-os sections 2.3.1, 2.3.2, 2.4.1
func TestMetadataCountsUntilItSaysSo(t *testing.T) {
	w := keys()
	good := metadataOf(theirs, w.idp.cert)
	entity := func(until string) string {
		return strings.Replace(good, "<EntityDescriptor ", `<EntityDescriptor validUntil="`+until+`" `, 1)
	}
	for _, c := range []struct {
		name, metadata string
		now            time.Time
		warn           string // of Facts
		ended          bool
	}{
		{"it does not say", good, noon.AddDate(30, 0, 0), "", false},
		{"long to go", entity("2027-11-22T12:00:00Z"), noon, "", false},
		{"a month to go: it is told", entity("2026-12-22T12:00:00Z"), noon, "valid until 2026-12-22", false},
		{"a clock that is a minute ahead does not end it", entity("2026-11-22T11:59:00Z"), noon, "valid until 2026-11-22, and then", false},
		{"it has ended", entity("2026-11-22T11:58:00Z"), noon, "nobody signs in by it until", true},
		{"with an offset", entity("2026-11-22T12:57:00+01:00"), noon, "nobody signs in by it until", true},
		{"without a zone it is UTC", entity("2026-11-22T11:57:00.5"), noon, "nobody signs in by it until", true},
		{"the role has ended, the entity has not", strings.Replace(entity("2027-11-22T12:00:00Z"), "<IDPSSODescriptor ", `<IDPSSODescriptor validUntil="2026-01-01T00:00:00Z" `, 1), noon, "2026-01-01", true},
		{"the federation that it stands in has ended", `<EntitiesDescriptor validUntil="2026-01-01T00:00:00Z" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + without(entity("2027-11-22T12:00:00Z")) + `</EntitiesDescriptor>`, noon, "2026-01-01", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := speaker(t, c.now), provider("p1")
			p.SAML.Metadata = c.metadata
			_, state, err := s.Begin(t.Context(), p, federation.Start{State: "x"})
			if refused := e911.KindOf(err) == e911.Invalid && strings.Contains(err.Error(), "was valid until"); refused != c.ended || !c.ended && err != nil {
				t.Errorf("to begin: %v", err)
			}
			if c.ended {
				// Who had begun before comes too late as well, with an answer that is right.
				state = []byte(`{"id":"` + request + `"}`)
			}
			_, err = s.Finish(t.Context(), p, federation.Callback{Values: map[string][]string{"SAMLResponse": {"PHg+"}}, URL: s.ACS("p1")}, state)
			if refused := err != nil && strings.Contains(err.Error(), "was valid until"); refused != c.ended {
				t.Errorf("to finish: %v", err)
			}
			if c.ended {
				if err := s.Probe(t.Context(), p); !strings.Contains(said(err), "was valid until") {
					t.Errorf("a test of it: %v", err)
				}
			}
			if got := strings.Join(s.Facts(p).Warnings, "; "); !strings.Contains(got, c.warn) || c.warn == "" && strings.Contains(got, "metadata of") {
				t.Errorf("warned %q", got)
			}
			faults := said(&e911.Error{Msg: "-", Faults: s.Faults(p)})
			if strings.Contains(faults, "saml.metadata expired") != c.ended {
				t.Errorf("to save it: %s", faults)
			}
			p.Disabled = true
			if f := s.Faults(p); len(f) > 0 {
				t.Errorf("to switch it off: %v", f)
			}
		})
	}
	p := provider("p1")
	p.SAML.Metadata = entity("next year")
	if f := said(&e911.Error{Msg: "-", Faults: speaker(t, noon).Faults(p)}); !strings.Contains(f, "saml.metadata bad_date") {
		t.Errorf("a date that is none: %s", f)
	}
	p.SAML.Metadata = entity("2026-12-22T12:00:00Z")
	want := []federation.Ending{
		{What: "the metadata of the identity provider", At: noon.AddDate(0, 1, 0), Blocks: true}, {What: "its certificate idp", At: w.idp.cert.NotAfter},
	}
	if d := cmp.Diff(want, speaker(t, noon).Ends(p)); d != "" {
		t.Error(d)
	}
}
