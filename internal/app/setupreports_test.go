package app

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callbox911/callbox/internal/admin/setup"
	rules "github.com/callbox911/callbox/internal/rules/setup"
)

// asked sends a request with a key as any program does.
func (d *doors) asked(path, accept string) (status int, media, text string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.ctx, http.MethodGet, d.s.cfg.BaseURL+"/api/v1"+path, http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.key)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
}

// eventually asks until it is so.
func (d *doors) eventually(what string, is func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.ctx, 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-ctx.Done():
			d.t.Fatal(what)
		}
	}
}

// reports: how organisations stand, as a table by REST, and outages from what trunks
// tell.
func (d *doors) reports(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct{ query, accept string }{
		"by a parameter": {"?format=csv", ""}, "by what is accepted": {"", "text/csv"},
	} {
		status, media, text := d.asked("/compliance"+c.query, c.accept)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if status != http.StatusOK || !strings.HasPrefix(media, "text/csv") || err != nil || len(rows) != 2 || rows[0][0] != "organisation" || rows[1][0] != demoOrg || rows[1][3] != "non_compliant" {
			t.Errorf("the list of organisations %s: %d %s %v %q", name, status, media, err, text)
		}
	}
	if status, media, _ := d.asked("/compliance", "application/json"); status != http.StatusOK || !strings.HasPrefix(media, "application/json") {
		t.Errorf("as JSON: %d %s", status, media)
	}

	began := d.s.cfg.Now().Add(-50 * time.Minute)
	for x := range d.s.holder.Load().Trunks() {
		d.s.trunkTold(x.ID, true, began)
		d.s.trunkTold(x.ID, false, began.Add(31*time.Minute))
	}
	var r setup.OutageReport
	var text string
	counted := func() int {
		return slices.IndexFunc(r.Outages, func(o rules.Outage) bool { return o.Minutes == 31 })
	}
	defer func() {
		if t.Failed() {
			t.Log(text)
		}
	}()
	d.eventually("what trunks told is not counted", func() bool {
		_, _, text = d.asked("/organisations/"+string(d.org)+"/setup/outages", "")
		r = setup.OutageReport{}
		return json.Unmarshal([]byte(text), &r) == nil && counted() >= 0
	})
	if o := r.Outages[counted()]; o.Users == 0 || o.UserMinutes != int64(o.Users)*31 || o.Reportable || r.UserMinutes != 900_000 || r.Minutes != 30 {
		t.Errorf("the outage: %+v", r)
	}
	all, err := Setup[setup.OutageReport](d.ctx, d.s.cfg.DataDir, SetupRequest{Do: "outages", Who: "test", Args: json.RawMessage(`{"all":true}`)})
	if err != nil || len(all.Outages) != len(r.Outages) {
		t.Errorf("on the command line, of all: %v %+v", err, all)
	}
}
