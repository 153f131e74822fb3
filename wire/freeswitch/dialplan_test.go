package freeswitch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const plan = `<include>
 <context name="default">
  <extension name="help">
   <condition field="${acl}" expression="true"/>
   <condition field="destination_number" expression="^911$">
    <action application="bridge" data="sofia/gateway/callbox/911"/>
   </condition>
  </extension>
 </context>
</include>`

// Proves: F-38
func TestConditionsOnWhatIsDialledAreReadInOrder(t *testing.T) {
	got, err := ReadDialplan(plan)
	want := []Condition{{Context: "default", Extension: "help", Line: 5, Expression: "^911$", Actions: []Action{{"bridge", "sofia/gateway/callbox/911"}}}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(err, d)
	}
	if got, err := ReadDialplan(plan[:len(plan)-40] + "<"); err == nil || len(got) != 1 {
		t.Errorf("what breaks off: %v %v", got, err)
	}
}

// Proves: F-38
func FuzzReadDialplan(f *testing.F) {
	f.Add(plan)
	f.Fuzz(func(t *testing.T, text string) {
		got, _ := ReadDialplan(text)
		for _, c := range got {
			if c.Line < 1 {
				t.Errorf("%+v", c)
			}
		}
	})
}
