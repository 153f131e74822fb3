package sheet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/admin/sheet"
	"github.com/callbox911/callbox/internal/e911"
)

// Proves: C-63, F-19, F-37, N-17, N-20, W-46: what spreadsheets spoil is mended where
// it is certain, and told; else the row is refused with its place.
func TestWhatASpreadsheetSpoils(t *testing.T) {
	st := open(t, harbor()...) // an import alone changes nothing
	const users, places, net = "key,email,site,device_user_id,callback,phone_numbers,extension\n", "key,site,country,A1,A2,A3,RD,HNO,PC\n", "kind,mac,chassis,port,name,location\n"
	for name, c := range map[string]struct {
		kind           sheet.Kind
		mode           sheet.Mode
		text           string
		faults, notice string // row:column code, in order
		steps          string
	}{
		"a lost plus sign is given back":              {sheet.Users, "", users + "cy,,hq,,16172530109,,\n", "", "2:5 callback plus", "put user cy v0 row 2"},
		"a lost plus sign in a list is given back":    {sheet.Users, "", users + "cy,,hq,,,16172530109,\n", "", "2:6 phone_numbers plus", "put user cy v0 row 2\nput number +16172530109 v0 row 2"},
		"an apostrophe whose plus sign is gone":       {sheet.Users, "", users + "cy,,hq,,'16172530109,,\n", "", "2:5 callback plus", "put user cy v0 row 2"},
		"all digits of a scientific number are there": {sheet.Users, "", users + "cy,,hq,,1.6172530109E+10,,\n", "", "2:5 callback plus\n2:5 callback scientific", "put user cy v0 row 2"},
		"digits of a scientific number are lost":      {sheet.Users, "", users + "cy,,hq,,1.61725E+10,,\n", "2:5 callback syntax", "", ""},
		"a number with .0":                            {sheet.Users, "", users + "cy,,hq,,16172530109.0,,\n", "", "2:5 callback decimal\n2:5 callback plus", "put user cy v0 row 2"},
		"a foreign number without plus":               {sheet.Users, "", users + "cy,,hq,,442071838750,,\n", "2:5 callback syntax", "", ""},
		"an id that lost its zeros is told":           {sheet.Users, "", users + "cy,,hq,123,,,\n", "", "2:4 device_user_id similar", "put user cy v0 row 2"},
		"an extension that is dialled for help":       {sheet.Users, "", users + "cy,,hq,,,,9911\n", "2:7 extension reserved", "", ""},
		"a number that is somebody's":                 {sheet.Users, "", users + "cy,,hq,,,+16172530101,\n", "2:6 phone_numbers duplicate", "", ""},
		"REMOVE in an import that only adds":          {sheet.Users, "", users + "ann,,,,,REMOVE|+16172530101,\n", "2:6 phone_numbers forbidden", "", ""},
		"REMOVE takes a number from its user":         {sheet.Users, sheet.Replace, users + "ann,,,,,REMOVE|+1 617 253 0101; +16172530102,\n", "", "", "put number +16172530102 v1 row 2\nput number +16172530101 v1 row 2"},
		"users are not deleted":                       {sheet.Users, sheet.Replace, users + "REMOVE|ann,,,,,,\n", "2:1 key forbidden", "", ""},
		"a calling user stays at his site":            {sheet.Users, "", users + "ann,,annex,,,,\n", "2:3 site forbidden", "", ""},
		"another mail address is another user":        {sheet.Users, "", "User ID/Email (Required),Location,Display Name\nanna@example.com,hq,Anna\n", "", "2:1 email new_user", "put user anna:example.com v0 row 2"},
		"a known mail address is its user":            {sheet.Users, "", "email,name\nANN@example.com,Ann B\n", "", "", "put user ann v1 row 2"},
		"an empty cell leaves things alone":           {sheet.Users, sheet.Replace, "key,name,callback\nann,,\n", "", "", ""},
		"REMOVE alone clears":                         {sheet.Users, sheet.Replace, "key,callback\nann,REMOVE|\n", "", "", "put user ann v1 row 2"},
		"a service is given":                          {sheet.Users, "", "key,alert:desk\nbob,TRUE\nann,FALSE\n", "", "", "put alert desk v1 row 2"},
		"FALSE takes it, where taking is asked for":   {sheet.Users, sheet.Replace, "key,alert:desk\nann,vrai\nann2,\nann,FALSE\n", "3:1 site required\n4:1 key duplicate", "", ""},
		"a suspended service cannot be given":         {sheet.Users, "", "key,alert:desk (Suspended)\nbob,TRUE\n", "2:2 alert:desk forbidden", "", ""},
		"another identification type":                 {sheet.Users, "", "key,Identification Type\nann,Phone number\n", "2:2 identification_type not_offered", "", ""},
		"a ZIP code without its zero":                 {sheet.Buildings, "", places + "quay,hq,US,MA,Suffolk County,Boston,Atlantic,1,2110\n", "", "2:9 PC zeros", "put building quay v0 row 2"},
		"nine digits of a ZIP code":                   {sheet.Buildings, "", places + "quay,hq,US,MA,Suffolk County,Boston,Atlantic,1,21101234\n", "", "2:9 PC zeros", "put building quay v0 row 2"},
		"a house number that became a date":           {sheet.Buildings, "", places + "quay,hq,US,MA,Suffolk County,Boston,Atlantic,2-Jan,02110\n", "2:8 HNO syntax", "", ""},
		"an address in Mexico":                        {sheet.Buildings, "", places + "quay,hq,MX,CMX,,Ciudad,Reforma,1,06600\n", "2:3 country not_offered", "", ""},
		"a site that is nearly one":                   {sheet.Buildings, "", places + "quay,HQ,US,MA,,Boston,Atlantic,1,02110\n", "2:2 site unknown", "", ""},
		"a MAC whose zeros are gone":                  {sheet.Elements, "", net + "bssid,1122334450,,,,mill-1\n", "2:2 mac syntax", "", ""},
		"a port that became a date":                   {sheet.Elements, "", net + "lldp_port,,0c:75:bd:00:00:01,2-Jan,,mill-1\n", "2:4 port syntax", "", ""},
		"a locally administered access point":         {sheet.Elements, "", net + "bssid,02:11:22:33:44:50,,,,mill-1\n", "2:2 mac ambiguous", "", ""},
		"an element that would be moved":              {sheet.Elements, "", net + "bssid,0011.2233.4450,,,,mill-2\n", "2:6 location duplicate", "", ""},
		"an element that is moved":                    {sheet.Elements, sheet.Replace, net + "bssid,0011.2233.4450,,,,mill-2\n", "", "", "put network_element bssid 00:11:22:33:44:50 v1 row 2"},
		"an element that is taken out":                {sheet.Elements, sheet.Replace, net + "REMOVE|bssid,00:11:22:33:44:50,,,,\n", "", "", "deleted network_element bssid 00:11:22:33:44:50 v1 row 2"},
		"a formula":                                   {sheet.Users, "", "key,name\nann,\"=HYPERLINK(\"\"http://x\"\")\"\n", "2:2 name syntax", "", ""},
		"text that people keep by a formula":          {sheet.Users, "", "key,device_user_id\nann,\"=\"\"00123\"\"\"\n", "", "", ""},
		"typographic quotation marks":                 {sheet.Users, "", "key,name\n“ann”,“Ann B”\n", "", "2:1 key quotes\n2:2 name quotes", "put user ann v1 row 2"},
		"a semicolon and a decimal comma":             {sheet.Buildings, "", "key;latitude;longitude\nmill;42,36685;-71,10565\n", "", "", "put building mill v1 row 2"},
		"a location goes and its building stays":      {sheet.Locations, sheet.Replace, "key\nREMOVE|mill-1\n", "", "2:1 key building_stays", "deleted location mill-1 v1 row 2"},
		"a new web address":                           {sheet.Alerts, "", "key,webhook\ndesk,https://new.example.com/x\n", "2:2 webhook required", "", ""},
		"two users of one id":                         {sheet.Users, "", "key,site,device_user_id\ncy,hq,X1\nde,hq,X1\n", "2:3 device_user_id duplicate\n3:3 device_user_id duplicate", "", ""},
		"a telephone's password stays":                {sheet.Devices, "", "key,extension\nphone-1,4102\n", "", "", "put device phone-1 v1 row 2"},
		"an extension that begins like 911":           {sheet.Devices, "", "key,extension\nphone-1,9115\n", "", "2:2 sip.user ambiguous", "put device phone-1 v1 row 2"},
		"an id that is dialled and begins like 911":   {sheet.Users, "", users + "cy,,hq,9114,,,\n", "", "2:4 device_user_id ambiguous", "put user cy v0 row 2"},
		"an extension like an emergency number":       {sheet.Devices, "", "key,extension\nphone-1,9911\n", "2:2 sip.user reserved", "", ""},
	} {
		set, rep, err := imports(t, st, sheet.Options{Kind: c.kind, Mode: c.mode, Partial: true}, read(t, "f.csv", c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rep.Notices = slices.DeleteFunc(rep.Notices, func(f e911.Fault) bool { return f.Code == "required" }) // advice
		got := func(list []string) string { slices.Sort(list); return strings.Join(list, "\n") }
		if d := cmp.Diff(c.faults, got(told(rep.Faults))); d != "" {
			t.Errorf("%s: faults %s\n%v", name, d, rep.Faults)
		}
		if d := cmp.Diff(c.notice, got(told(rep.Notices))); d != "" {
			t.Errorf("%s: notices %s\n%v", name, d, rep.Notices)
		}
		if d := cmp.Diff(c.steps, strings.Join(steps(set), "\n")); d != "" {
			t.Errorf("%s: steps %s", name, d)
		}
		for _, f := range rep.Faults {
			if f.Msg == "" || f.Fix == "" || f.File != "f.csv" {
				t.Errorf("%s: %+v does not say how to mend it", name, f)
			}
		}
	}
}

// Proves: C-62: unknown and read-only columns are listed, one that is there twice
// refuses the table.
func TestColumnsThatAreNotTaken(t *testing.T) {
	st := open(t, harbor()...)
	_, rep, err := imports(t, st, sheet.Options{Kind: sheet.Users}, read(t, "f", "key,Cost Center,devices,alert:nobody\nann,7,x,TRUE\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []sheet.Ignored{{Name: "Cost Center", Col: 2, Why: sheet.WhyUnknown}, {Name: "devices", Col: 3, Why: sheet.WhyReadOnly}, {Name: "alert:nobody", Col: 4, Why: sheet.WhyUnknown}}
	if d := cmp.Diff(want, rep.Ignored); d != "" {
		t.Error(d)
	}
	_, _, err = imports(t, st, sheet.Options{Kind: sheet.Users}, read(t, "f", "key,Email,e-mail\nann,x,y\n"))
	if got := told(e911.FaultsOf(err)); !slices.Equal(got, []string{"1:3 email duplicate"}) {
		t.Errorf("%v", err)
	}
	_, _, err = imports(t, st, sheet.Options{Kind: sheet.Users}, read(t, "f", "name\nann\n"))
	if got := told(e911.FaultsOf(err)); !slices.Equal(got, []string{"1:1 key required"}) {
		t.Errorf("%v", err)
	}
}

// Proves: N-22, C-62, F-31: of many rows every bad one is named, in order, comes back
// in a file to be mended, and the others are there.
func TestEveryBadRowOfManyIsNamed(t *testing.T) {
	rows, bad := 40_000, 400
	if testing.Short() {
		rows, bad = 4000, 40
	}
	var b strings.Builder
	b.WriteString("key,site,name,device_user_id\n")
	for i := range rows {
		site := "hq"
		if i%(rows/bad) == 7 {
			site = "nowhere"
		}
		fmt.Fprintf(&b, "user-%d,%s,\"=User; %d\",id-%d\n", i, site, i, i)
	}
	text := strings.ReplaceAll(b.String(), "\"=User", "\"User")
	tables, err := sheet.ReadWithin(sheet.Limits{Rows: rows}, "many.csv", strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	st := open(t, harbor()...)
	set, rep, err := imports(t, st, sheet.Options{Kind: sheet.Users, Partial: true}, tables[0])
	if err != nil || len(rep.Faults) != bad || rep.Bad != bad || len(set.Steps) != rows-bad || len(set.Faults) != bad {
		t.Fatalf("%v: %d faults, %d bad, %d steps", err, len(rep.Faults), rep.Bad, len(set.Steps))
	}
	if !slices.IsSortedFunc(rep.Faults, func(a, b e911.Fault) int { return a.Row - b.Row }) || rep.Faults[0].Row != 9 {
		t.Errorf("the faults are not in order: %v", rep.Faults[0])
	}
	var mend strings.Builder
	if err := sheet.Mend(&mend, tables[0], rep.Faults); err != nil {
		t.Fatal(err)
	}
	back := read(t, "mend.csv", strings.ReplaceAll(mend.String(), "nowhere", "hq"))
	set, rep, err = imports(t, st, sheet.Options{Kind: sheet.Users}, back)
	if err != nil || len(set.Steps) != bad || len(rep.Faults)+len(rep.Ignored) != 0 {
		t.Errorf("the mended file: %v, %d steps, %v", err, len(set.Steps), rep.Ignored)
	}
}
