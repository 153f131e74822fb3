package layer_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/admin/check"
	"github.com/callbox911/callbox/internal/admin/layer"
	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
	"github.com/callbox911/callbox/internal/store/sqlite"
	"github.com/callbox911/callbox/internal/store/storetest"
)

// codes is a table of two postal codes.
type codes struct{}

func (codes) Places(code string) []civic.PostalPlace {
	switch code {
	case "02139":
		return []civic.PostalPlace{{A1: "MA", Name: "Cambridge"}}
	case "01101":
		return []civic.PostalPlace{{A1: "MA", Name: "Springfield"}}
	}
	return nil
}

func (codes) Codes(a1, key string) []string {
	switch {
	case key == civic.PlaceKey("Cambridge"):
		return []string{"02139"}
	case key == civic.PlaceKey("Springfield"):
		return []string{"01101"}
	}
	return nil
}

func (c codes) Count(a1, key string) int { return len(c.Codes(a1, key)) }

// Proves: W-09, N-38
func TestWithoutALayerTheTableOfPostalCodesDoubtsAndNeverRefuses(t *testing.T) {
	st, err := sqlite.New(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "callbox.db"), Ring: storetest.Ring(t), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for _, c := range []struct {
		name, city, zip, doubt, fix string
	}{
		{"city and code agree", "Cambridge", "02139", "", ""},
		{"the code is one of another city", "Springfield", "02139", "address.A3", "Cambridge"},
		{"the code is not known", "Cambridge", "02188", "address.PC", "02139"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := e911.Building{Key: "hall", Address: e911.Civic{Country: "US", A1: "MA", A3: c.city, RD: "Elm", STS: "Street", HNO: "7", PC: c.zip}}
			err := st.Read(t.Context(), func(v admin.Reader) error {
				x, err := layer.NewShelf(st, nil, codes{}).Addresses(t.Context(), v)
				if err != nil {
					return err
				}
				_, faults, notes := check.Settle(x, b, nil, check.Entry{Now: now()})
				if len(faults) > 0 {
					t.Errorf("refused: %+v", faults)
				}
				var doubt, fix string
				for _, n := range notes {
					if n.Path != "address" {
						doubt, fix = n.Path, n.Fix
					}
				}
				if doubt != c.doubt || !strings.Contains(fix, c.fix) {
					t.Errorf("notes %+v, want a doubt of %q with %q", notes, c.doubt, c.fix)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
