package civic_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/civic"
)

// Proves: W-09
func TestRoadsBoxesAndUnitsAreReadInTheirManyForms(t *testing.T) {
	elm := func(c e911.Civic) e911.Civic { c.HNO, c.RD, c.STS = "12", "Elm", "Street"; return c }
	road := func(stp, rd, pod string) e911.Civic { return e911.Civic{HNO: "12", STP: stp, RD: rd, POD: pod} }
	for _, c := range []struct {
		line string
		want e911.Civic
	}{
		{"12 I-35 N", road("Interstate", "35", "North")},
		{"12 IH-35 South", road("Interstate", "35", "South")},
		{"12 US-41", road("US", "41", "")},
		{"12 FM1960 West", road("Farm to Market Road", "1960", "West")},
		{"12 Farm-to-Market Road 1960", road("Farm to Market Road", "1960", "")},
		{"12 TX-71 West", road("Texas", "71", "West")},
		{"12 Ohio 4", road("Ohio", "4", "")},
		{"12 State 23", road("State", "23", "")},
		{"12 Highway 12 & 18", road("Highway", "12 & 18", "")},
		{"12 Avenue 280", road("Avenue", "280", "")},
		{"12 Beltway 8", road("Beltway", "8", "")},
		{"12 Alt 19", road("Alternate", "19", "")},
		{"12 W Loop S", e911.Civic{HNO: "12", RD: "W", STS: "Loop", POD: "South"}},
		{"12 Hwy 90 Bus E", e911.Civic{HNO: "12", STP: "Highway", RD: "90", POD: "East", POM: "Business"}},
		{"12 US 19 Alternate", e911.Civic{HNO: "12", STP: "US", RD: "19", POM: "Alternate"}},
		{"Milepost 98 Overseas Hwy", e911.Civic{MP: "98", RD: "Overseas", STS: "Highway"}},
		{"12 Elm St MM 98.8", elm(e911.Civic{MP: "98.8"})},
		{"26W171 Roosevelt Rd", e911.Civic{HNP: "26W", HNO: "171", RD: "Roosevelt", STS: "Road"}},
		{"123-1/2 Main St", e911.Civic{HNO: "123", HNS: "1/2", RD: "Main", STS: "Street"}},
		{"123/125 Main St", e911.Civic{HNO: "123", HNS: "-125", RD: "Main", STS: "Street"}},
		{"123 & 125 Main St", e911.Civic{HNO: "123", HNS: "-125", RD: "Main", STS: "Street"}},
		{"12 Elm St PO Box 12 & 14", elm(e911.Civic{POBOX: "PO Box 12 & 14"})},
		{"12 Elm St POBox12", elm(e911.Civic{POBOX: "PO Box 12"})},
		{"12 Elm St RR1 Box 5", elm(e911.Civic{POBOX: "RR 1 Box 5"})},
		{"12 Elm St R.D. #2", elm(e911.Civic{POBOX: "R.D # 2"})},
		{"12 Elm St Star Rt Box 5", elm(e911.Civic{POBOX: "Star Rt Box 5"})},
		{"12 Elm St / PO Box 8", elm(e911.Civic{POBOX: "PO Box 8"})},
		{"12 Elm St Apt No. 4", elm(e911.Civic{UNIT: "Apartment 4"})},
		{"12 Elm St Apt-4", elm(e911.Civic{UNIT: "Apartment 4"})},
		{"#5 12 Elm St", elm(e911.Civic{UNIT: "5"})},
		{"12 Elm St West Wing", elm(e911.Civic{WING: "West"})},
		{"12 Elm St North Tower", elm(e911.Civic{BLD: "North Tower"})},
		{"12 Elm St Dock 5", elm(e911.Civic{UNIT: "Dock 5"})},
		{"12 Elm St Concourse B", elm(e911.Civic{UNIT: "Concourse B"})},
		{"12 Elm St 2 Floor", elm(e911.Civic{FLR: "2"})},
		{"12 Elm St 1st & 2nd Floors", elm(e911.Civic{FLR: "1st & 2nd"})},
	} {
		p, _ := civic.Parse(c.line+", Cambridge, MA 02139", civic.Hint{})
		if d := cmp.Diff(us(c.want), p.Address); d != "" {
			t.Errorf("%q (-want +got):\n%s", c.line, d)
		}
	}
}

// Proves: W-09
func TestACanadianUnitStandsBeforeTheNumber(t *testing.T) {
	for line, unit := range map[string]string{
		"123-4567 rue Saint-Denis Ouest, Montréal QC H2J 2L1": "123",
		"5 - 4567 King St W, Toronto ON M5H 1J9":              "5",
		"4567 rue Saint-Denis, 3e étage, Montréal QC H2J 2L1": "",
	} {
		p, _ := civic.Parse(line, civic.Hint{})
		if p.Address.HNO != "4567" || p.Address.UNIT != unit || p.Address.HNP != "" || unit == "" && p.Address.FLR != "3" {
			t.Errorf("%q: %+v", line, p.Address)
		}
	}
}
