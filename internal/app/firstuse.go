package app

import (
	"context"
	"net/http"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/firstuse"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/live/heldplus"
	"github.com/callbox911/callbox/internal/web"
)

// saidByPage keeps what users say on the page of their own, for their devices.
type saidByPage struct{ s *Server }

func (d saidByPage) Say(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) ([]firstuse.Said, error) {
	answers, err := d.s.plus.Say(org, user, location, text)
	out := make([]firstuse.Said, len(answers))
	for i := range answers {
		out[i] = saidOf(&answers[i])
	}
	return out, err
}

func (d saidByPage) Register(org e911.OrgID, user e911.UserID, location e911.LocationID, text string) (firstuse.Said, error) {
	a, err := d.s.plus.Register(org, user, location, text)
	return saidOf(&a), err
}

func saidOf(a *heldplus.SetAnswer) firstuse.Said {
	out := firstuse.Said{Taken: a.Status == heldplus.StatusValidated, Why: a.Why}
	if a.Location != nil {
		out.Place = a.Location.Display
	}
	for _, f := range a.Faults {
		out.Faults = append(out.Faults, f.Msg)
	}
	for _, c := range a.Candidates {
		out.MayMean = append(out.MayMean, c.Display)
	}
	return out
}

func (d saidByPage) SayCallback(org e911.OrgID, user e911.UserID, n e911.Number) error {
	return d.s.plus.SayCallback(org, user, n)
}

func (d saidByPage) Kept(org e911.OrgID, user e911.UserID) firstuse.Kept {
	p := d.s.plus
	return firstuse.Kept{
		Callback: p.Callback(org, user), Place: p.PlaceOf(org, user), Registered: p.Registered(org, user).Place.Display, SignedIn: p.SignedIn(org, user),
	}
}

// firstUse asks users where they are (N-07, N-08). No call asks it.
func (s *Server) firstUse() (*firstuse.Desk, error) {
	return firstuse.New(firstuse.Config{
		World: s.holder.Load, Devices: saidByPage{s}, Feeds: lateFeeds{&s.store},
		Setup: func() (firstuse.Setup, error) { return s.setupDesk() },
		Numbers: func() (firstuse.Numbers, error) {
			e, err := s.editor()
			if err != nil {
				return nil, err
			}
			return &e.Numbers, nil
		},
		Placed: func(ctx context.Context, org e911.OrgID, user e911.UserID) error {
			if svc := s.store.people.Load(); svc != nil {
				return svc.Placed(ctx, org, user)
			}
			return nil
		},
	})
}

// myPage is what the page of a user's own needs.
func (s *Server) myPage() (*web.My, error) {
	desk, err := s.firstUse()
	return &web.My{Telephones: s.api.telephones, Asking: s.asking(), Desk: desk, Published: func(ctx context.Context) error { return s.published(ctx, nil) }}, err
}

// firstUseRoutes is what the command line asks: who was asked and did not answer.
func (s *Server) firstUseRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /first-use", func(w http.ResponseWriter, r *http.Request) {
		answer, err := s.openUsers(r)
		writeControl(w, answer, err)
	})
}

func (s *Server) openUsers(r *http.Request) (any, error) {
	org, err := s.orgByKey(r.URL.Query().Get("org"))
	if err != nil {
		return nil, err
	}
	if set := r.URL.Query().Get("reminders"); set != "" {
		if err := (lateFirstUse{s}).SetReminders(r.Context(), admin.Actor(r.URL.Query().Get("who")), org.ID, set == "on"); err != nil {
			return nil, err
		}
	}
	return s.stateOfFirstUse(r.Context(), org.ID)
}
