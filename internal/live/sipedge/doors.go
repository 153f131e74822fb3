package sipedge

import (
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Strangers may keep this many connections open, for Timers.Stranger each, so that
// they cannot crowd out trunks.
const (
	strangerConns    = 64
	strangerConnsOne = 4
)

// doors counts the connections that others opened. Known sources have
// Limits.Connections; when those are taken, a newcomer gets the room of idle
// ones of whoever has most, so that no flood keeps a call for help out.
type doors struct {
	e *Edge

	mu        sync.Mutex
	known     map[netip.Addr][]*stream // the oldest first
	count     int                      // in known
	strangers map[*stream]struct{}
}

func (d *doors) init(e *Edge) {
	d.e, d.known, d.strangers = e, map[netip.Addr][]*stream{}, map[*stream]struct{}{}
}

// enter lets an accepted connection in, or reports false.
func (d *doors) enter(t *stream) bool {
	if !t.known() {
		return d.enterStranger(t)
	}
	d.mu.Lock()
	var left []*stream
	if d.count >= d.e.cfg.Limits.Connections {
		left = d.makeRoom()
	}
	ok := d.count < d.e.cfg.Limits.Connections
	if ok {
		d.admit(t)
	}
	d.mu.Unlock()
	for _, o := range left {
		o.close() // its reader ends
	}
	return ok
}

func (d *doors) enterStranger(t *stream) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.roomForStranger(t.remote.Addr()) {
		d.recognise()
		if !d.roomForStranger(t.remote.Addr()) {
			return false
		}
	}
	d.strangers[t] = struct{}{}
	return true
}

func (d *doors) admit(t *stream) {
	a := t.remote.Addr()
	d.known[a] = append(d.known[a], t)
	d.count++
}

func (d *doors) roomForStranger(a netip.Addr) bool {
	same := 0
	for o := range d.strangers {
		if o.remote.Addr() == a {
			same++
		}
	}
	return len(d.strangers) < strangerConns && same < strangerConnsOne
}

// recognise moves strangers who proved themselves since to the known ones; these
// may exceed Limits.Connections by strangerConns until a newcomer makes room.
func (d *doors) recognise() {
	for t := range d.strangers {
		if t.known() {
			delete(d.strangers, t)
			d.admit(t)
		}
	}
}

// leave is called when an accepted connection is over.
func (d *doors) leave(t *stream) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.strangers, t)
	a := t.remote.Addr()
	if i := slices.Index(d.known[a], t); i >= 0 {
		d.remove(a, i)
	}
}

func (d *doors) remove(a netip.Addr, i int) {
	d.known[a] = slices.Delete(d.known[a], i, i+1)
	d.count--
	if len(d.known[a]) == 0 {
		delete(d.known, a)
	}
}

// room is the part of the connections, as its divisor, that is freed at a time:
// finding out who is idle costs a look at every call.
const room = 64

// makeRoom takes out connections without a call, the oldest of the sources that
// have most; where all carry calls, those of ordinary calls. One with an
// emergency call never goes. The caller closes them, with d.mu free.
func (d *doors) makeRoom() (left []*stream) {
	busy := d.e.busyStreams()
	want := max(1, d.e.cfg.Limits.Connections/room)
	for _, spare := range []carriage{carriesNothing, carriesOrdinary} {
		for len(left) < want {
			t := d.takeOne(busy, spare)
			if t == nil {
				break
			}
			left = append(left, t)
		}
	}
	d.e.counts.shed.Add(int64(len(left)))
	return left
}

// takeOne takes out the oldest connection that carries no more than spare, of
// the source that has most connections.
func (d *doors) takeOne(busy map[*stream]carriage, spare carriage) *stream {
	addrs := make([]netip.Addr, 0, len(d.known))
	for a := range d.known {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, func(a, b netip.Addr) int { return len(d.known[b]) - len(d.known[a]) })
	for _, a := range addrs {
		for i, t := range d.known[a] {
			if busy[t] <= spare {
				d.remove(a, i)
				return t
			}
		}
	}
	return nil
}

// carriage is the weightiest call that a connection carries.
type carriage uint8

const (
	carriesNothing carriage = iota
	carriesOrdinary
	carriesEmergency
)

// busyStreams tells which connections carry calls that are not over.
func (e *Edge) busyStreams() map[*stream]carriage {
	busy := map[*stream]carriage{}
	for _, c := range e.table.all() {
		c.mu.Lock()
		carried := carriesOrdinary
		if c.emergency || !c.inbound { // what we dialled may be a call for help
			carried = carriesEmergency
		}
		for _, t := range []*stream{c.conn, c.flow.conn} {
			if t != nil && c.phase != over {
				busy[t] = max(busy[t], carried)
			}
		}
		c.mu.Unlock()
	}
	return busy
}

// lifeOfStranger is when an unknown peer's connection ends, whatever it sends.
func (t *stream) lifeOfStranger() time.Time { return t.opened.Add(t.e.cfg.Timers.Stranger) }
