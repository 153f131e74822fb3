package sipedge

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// alarms folds alarms by code, source and kind of call: the first goes out at
// once, later ones once a minute with their number, so that a scanner neither
// floods people nor hides behind its own noise.
type alarms struct {
	deliver func(Alarm)
	out     chan Alarm
	quit    chan struct{}

	mu      sync.Mutex
	entries map[alarmKey]*alarmEntry
}

type alarmKey struct {
	code      AlarmCode
	source    netip.Addr
	emergency bool
}

type alarmEntry struct {
	last    time.Time // when one went out
	pending int
	newest  Alarm
}

const (
	alarmEvery   = time.Minute
	alarmSources = 4096 // told apart; beyond that they share an entry without source
	alarmQueue   = 256
)

func newAlarms(deliver func(Alarm)) *alarms {
	return &alarms{
		deliver: deliver,
		out:     make(chan Alarm, alarmQueue),
		quit:    make(chan struct{}),
		entries: map[alarmKey]*alarmEntry{},
	}
}

// raise never waits.
func (a *alarms) raise(al Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := alarmKey{al.Code, al.Source, al.Emergency}
	en := a.entries[key]
	if en == nil && len(a.entries) >= alarmSources {
		key.source, al.Source = netip.Addr{}, netip.Addr{}
		en = a.entries[key]
	}
	if en == nil {
		en = &alarmEntry{}
		a.entries[key] = en
	}
	en.pending++
	en.newest = al
	a.emit(en, al.At)
}

// emit sends what is pending when its minute is over; a full queue leaves it
// pending.
func (a *alarms) emit(en *alarmEntry, now time.Time) {
	if en.pending == 0 || (!en.last.IsZero() && now.Sub(en.last) < alarmEvery) {
		return
	}
	al := en.newest
	al.Count = en.pending
	select {
	case a.out <- al:
		en.pending, en.last = 0, now
	default:
	}
}

// tick sends what became due and forgets what was silent for ten minutes.
func (a *alarms) tick(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, en := range a.entries {
		a.emit(en, now)
		if en.pending == 0 && now.Sub(en.last) > 10*alarmEvery {
			delete(a.entries, key)
		}
	}
}

// run delivers until stop, then what is still queued.
func (a *alarms) run(now func() time.Time) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case al := <-a.out:
			a.deliver(al)
		case <-tick.C:
			a.tick(now())
		case <-a.quit:
			for {
				select {
				case al := <-a.out:
					a.deliver(al)
				default:
					return
				}
			}
		}
	}
}

func (a *alarms) stop() { close(a.quit) }

// limitedLog writes at most one line in ten seconds of each kind, with the
// number of those that it kept back: whoever sends must not be able to fill a
// disk. Nothing that a peer sent is ever an argument of a line.
type limitedLog struct {
	log *slog.Logger
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*logEntry
}

type logEntry struct {
	last time.Time
	held int
}

const logEvery = 10 * time.Second

func newLimitedLog(log *slog.Logger, now func() time.Time) *limitedLog {
	return &limitedLog{log: log, now: now, by: map[string]*logEntry{}}
}

// limited logs a line of a kind; kinds are a closed list of this package.
func (l *limitedLog) limited(kind, msg string, args ...any) {
	l.mu.Lock()
	en := l.by[kind]
	if en == nil {
		en = &logEntry{}
		l.by[kind] = en
	}
	now := l.now()
	if !en.last.IsZero() && now.Sub(en.last) < logEvery {
		en.held++
		l.mu.Unlock()
		return
	}
	held := en.held
	en.held, en.last = 0, now
	l.mu.Unlock()
	l.log.Warn(msg, append(args, "held_back", held)...)
}
