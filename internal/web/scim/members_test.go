package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Proves: C-59: however many operations stand in a patch of a group, and in whatever
// order, it comes out as when they come one by one.
func TestManyOperationsOnMembersAreTheSameAsOneByOne(t *testing.T) {
	ids := []string{"a", "b", "A", "c"}
	members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) any {
		o := object{"value": rapid.SampledFrom(ids).Draw(t, "id")}
		for _, k := range []string{"display", "type"} {
			if v := rapid.SampledFrom([]string{"", "x", "User"}).Draw(t, k); v != "" {
				o[k] = v
			}
		}
		return o
	}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		o := object{"displayName": "g", "members": members.Draw(t, "had")}
		var ops []operation
		for range rapid.IntRange(1, 6).Draw(t, "operations") {
			op := operation{op: rapid.SampledFrom([]string{"add", "remove", "replace"}).Draw(t, "op"), path: rapid.SampledFrom([]string{
				"members", "Members", `members[value eq "a"]`, `members[Value EQ "b"]`, `members[value eq "a" or display eq "x"]`, "displayName", `members[value eq "c"].display`, "",
			}).Draw(t, "path"), given: true}
			switch op.path {
			case "displayName", `members[value eq "c"].display`:
				op.value = "h"
			case "":
				op.value = object{"members": members.Draw(t, "given")}
			default:
				op.value = rapid.SampledFrom([]any{nil, "a", []any{"b", "A"}, []any{}, any(object{"value": "c"}), members.Draw(t, "given")}).Draw(t, "value")
				if strings.HasPrefix(op.path, "members[") {
					op.value = object{"display": "y"}
				}
			}
			ops = append(ops, op)
		}
		many, err := patch(groups, o, ops)
		one, _ := clone(o).(object)
		var oneErr error
		for i := range ops {
			if oneErr = do(groups, one, &ops[i]); oneErr == nil {
				one, oneErr = tidy(groups, one)
			}
			if oneErr != nil {
				break
			}
		}
		if fmt.Sprint(err) != fmt.Sprint(oneErr) {
			t.Fatalf("together %v, one by one %v", err, oneErr)
		}
		a, _ := json.Marshal(many)
		b, _ := json.Marshal(one)
		if err == nil && string(a) != string(b) {
			t.Fatalf("together %s, one by one %s", a, b)
		}
	})
}

// Proves: C-59: a thousand members come and go in a group of thousands in one request,
// and the server has time for others.
func TestManyMembersOfALargeGroup(t *testing.T) {
	had := make([]any, 0, 20_000)
	for i := range cap(had) {
		had = append(had, object{"value": fmt.Sprint("id-", i)})
	}
	var ops []operation
	for i := range maxOperations / 2 {
		ops = append(ops,
			operation{op: "remove", path: fmt.Sprintf(`members[value eq "id-%d"]`, i)},
			operation{op: "add", path: "members", value: []any{object{"value": fmt.Sprint("new-", i)}}, given: true})
	}
	began := time.Now()
	out, err := patch(groups, object{"displayName": "g", "members": had}, ops)
	if err != nil || len(out["members"].([]any)) != len(had) {
		t.Fatal(err, len(out["members"].([]any)))
	}
	if took := time.Since(began); took > 5*time.Second { // one by one it took minutes
		t.Errorf("it took %s", took)
	}
}
