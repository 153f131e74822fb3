package dereference

import (
	"net/url"
	"strings"
	"time"

	"github.com/callbox911/callbox/internal/e911"
)

const (
	// keep is how long an answer may stand for a new one: as old as a location by
	// value may be (F-14).
	keep        = 15 * time.Minute
	mostAnswers = 20_000
	// hostFor is how long a host is known after the last reference to it.
	hostFor   = 24 * time.Hour
	mostHosts = 1_000
	// warmFor is how long after its last reference a connection is kept open.
	warmFor  = time.Hour
	mostWarm = 64
)

// memory keeps the last answers; of too many those asked first are forgotten.
type memory struct {
	byKey map[key]Answer
	order []key
}

func newMemory() memory { return memory{byKey: map[key]Answer{}} }

func (m *memory) get(k key, now time.Time) (Answer, bool) {
	a, ok := m.byKey[k]
	return a, ok && now.Sub(a.At()) <= keep
}

func (m *memory) put(k key, a Answer) {
	if _, is := m.byKey[k]; !is {
		m.order = append(m.order, k)
	}
	m.byKey[k] = a
	for len(m.order) > 0 && (len(m.order) > mostAnswers || a.At().Sub(m.byKey[m.order[0]].At()) > keep) {
		delete(m.byKey, m.order[0])
		m.order = m.order[1:]
	}
}

// known are the hosts of location servers: those configured, and those that a
// known source of an organisation referred to.
type known struct {
	configured map[string]bool
	learned    map[hostOf]time.Time
	origins    map[string]time.Time // "https://lis.example.org", for connections
}

type hostOf struct {
	org  e911.OrgID
	host string
}

func newKnown() known {
	return known{configured: map[string]bool{}, learned: map[hostOf]time.Time{}, origins: map[string]time.Time{}}
}

func (k *known) has(org e911.OrgID, host string) bool {
	_, learned := k.learned[hostOf{org, host}]
	return learned || k.configured[host]
}

func (k *known) seen(org e911.OrgID, u *url.URL, now time.Time) {
	host := strings.ToLower(u.Host)
	makeRoom(k.learned, hostOf{org, host}, mostHosts, now.Add(-hostFor))
	k.learned[hostOf{org, host}] = now
	origin := strings.ToLower(u.Scheme) + "://" + host
	makeRoom(k.origins, origin, mostWarm, now.Add(-warmFor))
	k.origins[origin] = now
}

// makeRoom drops what is older than a time, and the oldest when there is none.
func makeRoom[K comparable](m map[K]time.Time, next K, most int, before time.Time) {
	if _, is := m[next]; is || len(m) < most {
		return
	}
	var oldest K
	first := true
	for k, at := range m {
		if at.Before(before) {
			delete(m, k)
		} else if first || at.Before(m[oldest]) {
			oldest, first = k, false
		}
	}
	if len(m) >= most {
		delete(m, oldest)
	}
}
