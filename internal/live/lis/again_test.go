package lis_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/journal"
	"github.com/callbox911/callbox/internal/live/lis"
	"github.com/callbox911/callbox/internal/rules/locate"
)

// portAt is when the desk phone was last seen at its port.
func portAt(t *testing.T, s *lis.Server) time.Time {
	t.Helper()
	for _, x := range s.Memory(harbor, string(desk)).Sightings {
		if x.Layer == locate.LayerLLDP {
			return x.At
		}
	}
	t.Fatal("no port is remembered")
	return time.Time{}
}

// A phone that stands still asks all day. After a restart it was seen at its
// port when the last fact says so, to ten minutes, and never later than it was.
// Proves: E13, F-01, D-11
func TestWhatWasSeenAgainIsFreshAfterARestart(t *testing.T) {
	b := newBench(t)
	b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	first := b.clock().Truncate(time.Millisecond)
	for range 60 {
		b.pass(time.Minute)
		b.uri(ask{path: "/held/" + company, header: proof(), from: inside, req: request(withPort("Gi1/0/7"), withMAC(deskMAC))})
	}
	got := portAt(t, restarted(t, b).server)
	if b.clock().Sub(got) > 11*time.Minute || got.After(b.clock()) || !got.After(first) {
		t.Errorf("seen at %v, asked last at %v", got, b.clock())
	}
	for name, change := range map[string]func(*journal.Presence){
		"another place":          func(p *journal.Presence) { p.Location = floor1 },
		"another rule":           func(p *journal.Presence) { p.By = "bssid" },
		"a fact of before":       func(p *journal.Presence) { p.Location = "" },
		"a time that is to come": func(p *journal.Presence) { p.EvidenceAt = p.EvidenceAt.Add(24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			other := newBench(t)
			other.now = b.clock()
			for _, f := range b.journal.facts {
				if f.Kind == journal.DevicePresent {
					p, err := journal.Decode[journal.Presence](f)
					if err != nil {
						t.Fatal(err)
					}
					change(&p)
					if f.Body, err = json.Marshal(p); err != nil {
						t.Fatal(err)
					}
				}
				if err := other.server.Restore(f); err != nil {
					t.Fatal(err)
				}
			}
			if got := portAt(t, other.server); !got.Equal(first) {
				t.Errorf("seen at %v, proved at %v", got, first)
			}
		})
	}
}
