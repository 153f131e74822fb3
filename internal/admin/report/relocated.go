package report

import (
	"fmt"

	"github.com/callbox911/callbox/internal/journal"
)

// tellsPlace reports the facts of a place that was learned after the call began.
func tellsPlace(kind journal.Kind) bool {
	switch kind {
	case journal.CallAsked, journal.CallRelocated, journal.CallUpdated:
		return true
	}
	return false
}

// foldPlace carries what was learned of the place into the record (F-17, E10).
func foldPlace(r *CallRecord, f journal.Fact) Entry {
	switch f.Kind {
	case journal.CallAsked:
		return read(f, asked)
	case journal.CallRelocated:
		return read(f, func(b journal.Relocated) Entry {
			e := r.located(b.Located)
			e.Title = "Caller located anew: " + b.Why
			return e
		})
	case journal.CallUpdated:
		return read(f, r.updated)
	}
	return foldCallback(f)
}

func asked(b journal.Asked) Entry {
	e := Entry{Title: "Another location server was asked", Detail: b.Place}
	if b.Host != "" {
		e.Title = "The location server " + b.Host + " was asked"
	}
	took := fmt.Sprintf("after %d ms", b.TookMS)
	switch {
	case b.Error != "":
		e.Tone, e.Detail = ToneWarn, sentence(b.Error, took)
	case b.Late:
		e.Detail = sentence(b.Place, took, "the call had gone on without it")
	default:
		e.Detail = sentence(b.Place, took)
	}
	return e
}

func (r *CallRecord) updated(b journal.Updated) Entry {
	place := b.Place
	if b.Code >= 200 && b.Code < 300 {
		r.Sent = nil
		return Entry{Tone: ToneGood, Title: "The PSAP was sent the new location", Detail: place.Display}
	}
	return Entry{
		Tone: ToneBad, Title: "The PSAP did not take the new location",
		Detail: sentence(fmt.Sprintf("It answered %d", b.Code), b.Error),
	}
}
