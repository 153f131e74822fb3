package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/apikey"
	"github.com/callbox911/callbox/internal/e911"
)

// apiKeys is what a store does for the API beside objects.
type apiKeys interface {
	apikey.Store
	apikey.Replays
}

// keyOrg makes an organisation, and dropKeyOrg ends it.
func keyOrg(t *testing.T, st apiKeys) e911.OrgID {
	t.Helper()
	o := newTenant("harbor", 1).org
	if err := st.(admin.Store).Write(t.Context(), "test", func(w admin.Writer) error { _, err := w.Create(t.Context(), o); return err }); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

func dropKeyOrg(t *testing.T, st apiKeys, org e911.OrgID) {
	t.Helper()
	err := st.(admin.Store).Write(t.Context(), "test", func(w admin.Writer) error {
		return w.Delete(t.Context(), admin.Ref{Kind: e911.KindOrg, Org: org, ID: string(org)}, 1)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testAPIKeys: a key comes back as it went in, is listed by its organisation
// alone, ends once, and its last use never goes back.
func testAPIKeys(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(apiKeys), t.Context()
	org := keyOrg(t, st)
	secret := func(b ...byte) []apikey.Secret {
		return []apikey.Secret{{ID: "1", Mark: "wxyz", Made: Epoch, By: "test", Hash: b}}
	}
	keys := []apikey.Key{
		{ID: "00000000000000a1", Org: org, Name: "nightly", Scopes: []apikey.Scope{apikey.ScopeRead, apikey.ScopeImports}, Made: Epoch, By: "test", Expires: Epoch.Add(time.Hour), Secrets: secret(1, 0, 255), Version: 1},
		{ID: "00000000000000a2", Name: "operator", Scopes: []apikey.Scope{apikey.ScopeProvider}, Made: Epoch, By: "test", Secrets: secret(2), Version: 1},
	}
	for _, k := range keys {
		if err := st.CreateAPIKey(ctx, k); err != nil {
			t.Fatal(err)
		}
		if got, err := st.APIKey(ctx, k.ID); err != nil || !cmp.Equal(got, k) {
			t.Errorf("%s came back otherwise, %v: %s", k.Name, err, cmp.Diff(k, got))
		}
		if list, err := st.APIKeys(ctx, k.Org, "", 0); err != nil || len(list) != 1 || list[0].ID != k.ID {
			t.Errorf("the keys of %q: %v, %v", k.Org, list, err)
		}
	}
	if err := st.CreateAPIKey(ctx, keys[0]); e911.KindOf(err) != e911.Conflict {
		t.Errorf("a key was stored twice: %v", err)
	}
	if live, err := st.LiveAPIKeys(ctx, "", 0); err != nil || !cmp.Equal(live, keys) {
		t.Errorf("the live keys of all, %v: %s", err, cmp.Diff(keys, live))
	}
	if live, err := st.LiveAPIKeys(ctx, keys[0].ID, 1); err != nil || !cmp.Equal(live, keys[1:]) {
		t.Errorf("their second page: %v, %v", live, err)
	}
	if err := st.RevokeAPIKey(ctx, "test", "", keys[0].ID, Epoch); e911.KindOf(err) != e911.NotFound {
		t.Errorf("the key of an organisation was revoked as another's: %v", err)
	}
	for _, at := range []time.Time{Epoch.Add(time.Minute), Epoch.Add(time.Hour)} {
		if err := st.RevokeAPIKey(ctx, "test", org, keys[0].ID, at); err != nil {
			t.Fatal(err)
		}
		if err := st.TouchAPIKeys(ctx, map[string]time.Time{keys[0].ID: Epoch.Add(2*time.Hour - at.Sub(Epoch)), "gone": at}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := st.APIKey(ctx, keys[0].ID)
	if err != nil || !got.Revoked.Equal(Epoch.Add(time.Minute)) || !got.LastUsed.Equal(Epoch.Add(119*time.Minute)) {
		t.Errorf("after two ends and two uses: %+v, %v", got, err)
	}
	if live, err := st.LiveAPIKeys(ctx, "", 0); err != nil || len(live) != 1 || live[0].ID != keys[1].ID {
		t.Errorf("after one was revoked: %v, %v", live, err)
	}
	if _, err := st.APIKey(ctx, "nobody"); e911.KindOf(err) != e911.NotFound {
		t.Errorf("a key that is not there: %v", err)
	}
}

// testAPIKeyChanges: secrets and ended tokens come back as they were written, one of
// two who change a key at the same time is told, and the key of an organisation that
// is gone is not there.
func testAPIKeyChanges(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(apiKeys), t.Context()
	org := keyOrg(t, st)
	key := apikey.Key{
		ID: "00000000000000b1", Org: org, Name: "entra", Scopes: []apikey.Scope{apikey.ScopeDirectory}, Made: Epoch, By: "test", Version: 1,
		Secrets: []apikey.Secret{{ID: "1", Made: Epoch, By: "test", Hash: []byte{1}}},
	}
	if err := st.CreateAPIKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	next := key
	next.Secrets = []apikey.Secret{{ID: "1", Made: Epoch, By: "test", Ends: Epoch.Add(time.Hour), Hash: []byte{1}}, {ID: "2", Mark: "abcd", Made: Epoch, By: "ann", Hash: []byte{2}}}
	next.EndedTokens = []apikey.EndedToken{{ID: "t1", Until: Epoch.Add(time.Minute)}}
	saved, err := st.ChangeAPIKey(ctx, "ann", next, apikey.VerbRotated)
	next.Version = 2
	if got, rerr := st.APIKey(ctx, key.ID); err != nil || rerr != nil || !cmp.Equal(got, next) || !cmp.Equal(saved, next) {
		t.Errorf("a key that was changed, %v, %v: %s", err, rerr, cmp.Diff(next, got))
	}
	if _, err := st.ChangeAPIKey(ctx, "bob", key, apikey.VerbRotated); e911.KindOf(err) != e911.Conflict {
		t.Errorf("who was late: %v", err)
	}
	other := next
	other.Org = ""
	if _, err := st.ChangeAPIKey(ctx, "bob", other, ""); e911.KindOf(err) != e911.Conflict {
		t.Errorf("the key of an organisation was changed as the operator's: %v", err)
	}
	dropKeyOrg(t, st, org)
	if _, err := st.APIKey(ctx, key.ID); e911.KindOf(err) != e911.NotFound {
		t.Errorf("the key of an organisation that is gone: %v", err)
	}
	if live, err := st.LiveAPIKeys(ctx, "", 0); err != nil || len(live) != 0 {
		t.Errorf("among the live ones: %v, %v", live, err)
	}
}

// testReplays: a request is claimed once, its answer comes back to who asks
// again, and what was cut short or is old may be done again.
func testReplays(t *testing.T, open Open) {
	st, ctx := fresh(t, open).(apiKeys), t.Context()
	claim := apikey.Claim{Caller: "key a", Key: "one", Hash: []byte("h"), At: Epoch}
	step := func(what string, c apikey.Claim, before time.Time, wantTaken bool, want *apikey.Answer) {
		t.Helper()
		first, answer, taken, err := st.ClaimRequest(ctx, c, before)
		if err != nil || taken != wantTaken || !cmp.Equal(answer, want) {
			t.Fatalf("%s: taken %v, %+v, %v", what, taken, answer, err)
		}
		if !taken && string(first.Hash) != "h" {
			t.Errorf("%s: the first request had %q", what, first.Hash)
		}
	}
	answer := apikey.Answer{Status: 201, Header: map[string]string{"ETag": `"1"`}, Body: []byte(`{"secret":"s3"}`)}
	step("the first", claim, Epoch, true, nil)
	other := claim
	other.Caller = "key b"
	step("the same key of another caller", other, Epoch, true, nil)
	again := claim
	again.At, again.Hash = Epoch.Add(time.Minute), []byte("other")
	step("one under way", again, Epoch, false, nil)
	if err := st.AnswerRequest(ctx, claim, answer); err != nil {
		t.Fatal(err)
	}
	if err := st.ForgetRequest(ctx, claim); err != nil {
		t.Fatal(err)
	}
	step("one that was answered, however long ago it began", again, Epoch.Add(time.Hour), false, &answer)
	old := claim
	old.At = Epoch.Add(apikey.ReplayFor + time.Second)
	step("a day later", old, Epoch, true, nil)
	cut := old
	cut.At = old.At.Add(time.Minute)
	step("one that was cut short", cut, cut.At, true, nil)
	if err := st.ForgetRequest(ctx, cut); err != nil {
		t.Fatal(err)
	}
	step("one that was given back", old, Epoch, true, nil)
}
