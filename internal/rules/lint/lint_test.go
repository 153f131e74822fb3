package lint

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callbox911/callbox/internal/e911"
	"github.com/callbox911/callbox/internal/rules/dialplan"
)

func codes(all []Finding) []string {
	out := []string{}
	for _, f := range all {
		out = append(out, strings.TrimSpace(string(f.Level)+" "+f.Code+" "+f.Dialled))
	}
	return out
}

// Proves: N-48, N-36, C-99, F-37
func TestWhatIsConfiguredIsSaidWithWhatADialledCallWouldDo(t *testing.T) {
	got := Organisation(Plan{
		Carrier: true, National: []string{"carrier-a"},
		Sites: []Site{
			{Key: "hq", Countries: []string{"US"}, Stage: e911.Stage911, Local: []string{"pstn"}, Callback: "+16175550100", Main: "+16175550101"},
			{Key: "mill", Countries: []string{"US"}, Stage: e911.StageNone, Callback: "4711"},
			{Key: "toronto", Countries: []string{"CA"}, Stage: e911.Stage911, Callback: "+442071234567"},
			{Key: "berlin", Countries: []string{"DE"}, Stage: e911.StageNone, Callback: "+4930555010"},
		},
		Lines: []Line{
			{"telephone a", "hq", "2001"},
			{"telephone b", "hq", "9112"},
			{"telephone c", "hq", "911"},
			{"telephone d", "hq", "11"},
			{"code e", "hq", "*911"},
			{"telephone f", "berlin", "110"},
			{"telephone g", "hq", "988"},
			{"user h", "hq", "ann@quay.example"},
		},
	})
	want := []string{
		"danger feature_code *911", "danger no_local_trunk 112, 110", "danger not_e164 4711", "danger emergency_number 911", "danger emergency_number 110",
		"danger emergency_number 988", "warning no_pstn 911", "warning not_national +442071234567", "warning outside_digit 911", "hint no_933 933", "hint begins_with 911",
	}
	have := codes(got)
	slices.Sort(have)
	slices.Sort(want)
	for i, w := range have { // the order of the numbers of a country is that of its pack
		if strings.HasPrefix(w, "danger no_local_trunk") {
			have[i] = "danger no_local_trunk 112, 110"
		}
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
	for _, f := range got {
		if f.Happens == "" || f.Fix == "" || f.Where == "" {
			t.Errorf("it does not say what happens and what to do: %+v", f)
		}
	}
	if got := Organisation(Plan{Carrier: true, Sites: []Site{{Key: "hq", Countries: []string{"US"}, Stage: e911.Stage911, Callback: "+16175550100", Local: []string{"pstn"}}}}); len(got) != 0 {
		t.Errorf("a site in order: %+v", got)
	}
}

// Proves: F-38, N-48, C-99
func TestDialPlansOfPBXesThatEat911(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"Asterisk strips an outside digit and knows no 911", `
[general]
static=yes
[outbound]
exten => _9X.,1,Dial(SIP/trunk/${EXTEN:1})
`, []string{"danger swallowed 911", "danger swallowed 933", "danger swallowed 988"}},
		{"Asterisk has 911 beside it", `
[outbound]
exten => 911,1,Dial(PJSIP/${EXTEN}@callbox,60)
exten => 9911,1,NoOp(emergency)
 same => n,Dial(PJSIP/911@callbox)
exten => 933,1,Dial(PJSIP/${EXTEN}@callbox)
exten => 988,1,Dial(PJSIP/${EXTEN}@trunk) ; crisis line
exten => _91NXXNXXXXXX,1,Dial(SIP/trunk/${EXTEN:1})
`, []string{}},
		{"Asterisk: the exact rule is included, after one that matches first", `
[phones]
include => emergency
exten => _9XX,1,Dial(Local/${EXTEN:1}@desk)
[emergency]
exten => 911,1,Dial(PJSIP/911@callbox)
`, []string{"danger swallowed 911", "danger swallowed 933", "danger swallowed 988"}},
		{"Asterisk: nothing takes 911", `
[phones]
exten => _2XXX,1,Dial(PJSIP/${EXTEN})
exten => s,1,Hangup()
`, []string{"danger missing 911", "warning missing 933", "warning missing 988"}},
		{"Asterisk: a rule that runs a script", `
[phones]
exten => _X.,1,AGI(route.agi)
`, []string{"hint not_followed 911", "hint not_followed 9911", "hint not_followed 933", "hint not_followed 988"}},
		{"FreeSWITCH strips 9 before it looks for 911", `<include><context name="default">
<extension name="out"><condition field="destination_number" expression="^9(\d+)$"><action application="bridge" data="sofia/gateway/trunk/$1"/></condition></extension>
<extension name="help"><condition field="destination_number" expression="^911$"><action application="bridge" data="sofia/gateway/callbox/911"/></condition></extension>
</context></include>`, []string{"danger swallowed 911", "danger swallowed 933", "danger swallowed 988"}},
		{"FreeSWITCH in order, with longer numbers", `<context name="public">
<extension name="help"><condition field="destination_number" expression="^(911|9911|933|988)$"><action application="bridge" data="sofia/gateway/callbox/${destination_number}"/></condition></extension>
<extension name="out"><condition field="destination_number" expression="^(\d{10})$"><action application="bridge" data="sofia/gateway/trunk/$1"/></condition></extension>
</context>`, []string{"hint waits 911", "hint waits 933", "hint waits 988"}},
		{
			"FreeSWITCH with an expression that is not understood", `<context name="x"><extension name="odd"><condition field="destination_number" expression="^(?!911)9(\d+)$"/></extension></context>`,
			[]string{"warning unread"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := PBX(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, codes(got)); d != "" {
				t.Error(d, got)
			}
		})
	}
	if _, err := PBX("hello"); e911.KindOf(err) != e911.Invalid {
		t.Errorf("what is no dial plan: %v", err)
	}
}

// Whatever is pasted, it is read in bounded time and nothing breaks; and whatever
// line is configured, 911 and 933 are found by our own detection.
//
// Proves: C-99, E2
func FuzzPBX(f *testing.F) {
	f.Add("[a]\nexten => _9X.,1,Dial(SIP/t/${EXTEN:1})\ninclude => a\n", "911")
	f.Add(`<context name="x"><extension name="o"><condition field="destination_number" expression="^9(\d+)$"><action application="bridge" data="a/$1"/></condition></extension></context>`, "*911")
	f.Fuzz(func(t *testing.T, text, digits string) {
		got, err := PBX(text)
		if err != nil && len(got) > 0 {
			t.Error("findings beside an error")
		}
		for _, x := range append(got, Organisation(Plan{Lines: []Line{{"x", "s", digits}}, Trunks: []Trunk{{Key: "t", Side: e911.SideLocal, Targets: []string{digits, "sip:" + digits + "@h"}}}, Sites: []Site{{Key: "s", Countries: []string{"US"}}}})...) {
			if x.Code == "" || x.Happens == "" || x.Fix == "" {
				t.Errorf("%+v", x)
			}
		}
		for dialled, class := range map[string]e911.CallClass{"911": e911.ClassEmergency, "9911": e911.ClassEmergency, "933": e911.ClassTest933} {
			if got, _, ok := dialplan.Detect("sip:" + dialled + "@pbx.example"); !ok || got != class {
				t.Errorf("%s is %v", dialled, got)
			}
		}
	})
}
