package admin_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/callbox911/callbox/internal/admin"
	"github.com/callbox911/callbox/internal/e911"
)

// Every kind of object, with all of its fields filled, is told without what its
// types call a secret. A field whose name says that it is one must have such a type.
// Proves: D-09, E14
func TestNoSecretOfAnyKindIsTold(t *testing.T) {
	kinds := map[e911.ObjectKind]bool{}
	for _, v := range admin.Examples() {
		kinds[admin.RefOf(v).Kind] = true
		x := reflect.New(reflect.TypeOf(v)).Elem()
		fill(t, x, x.Type().Name(), 0)
		text := string(admin.Redacted(x.Interface()))
		if !json.Valid([]byte(text)) {
			t.Errorf("%T: no JSON: %.200s", v, text)
		}
		if strings.Contains(text, "hush") || strings.Contains(text, "aHVzaA") {
			t.Errorf("%T tells a secret: %s", v, text)
		}
		for _, f := range admin.Diff(nil, x.Interface()) {
			if s := string(f.After); strings.Contains(s, "hush") || strings.Contains(s, "aHVzaA") {
				t.Errorf("%T: the field %s tells a secret: %s", v, f.Name, s)
			}
		}
	}
	for _, k := range admin.Kinds() {
		if !kinds[k] {
			t.Errorf("admin.Examples has no %s", k)
		}
	}
}

var secretName = regexp.MustCompile(`(?i)secret|password|passphrase|private`)

// fill sets every field; secrets say hush.
func fill(t *testing.T, v reflect.Value, path string, depth int) {
	if depth > 8 {
		return
	}
	switch v.Interface().(type) {
	case e911.Secret:
		v.SetString("hush")
		return
	case []byte:
		v.SetBytes([]byte("hush"))
		return
	}
	if v.Kind() == reflect.String && secretName.MatchString(path[strings.LastIndex(path, ".")+1:]) {
		t.Errorf("%s is called a secret and is a %s: make it e911.Secret", path, v.Type())
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), path, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), path, depth+1)
		}
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, k, path+".key", depth+1)
		fill(t, e, path, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(t, v.Field(i), path+"."+f.Name, depth+1)
			}
		}
	}
}

// What was changed is told field by field; a changed secret is told as changed.
// Proves: D-09
func TestDiffTellsFieldsAndNoSecrets(t *testing.T) {
	was := e911.Device{ID: "d", Key: "phone-1", MAC: "00:11:22:33:44:55", SIP: &e911.SIPAccount{User: "phone", Secret: "old one"}}
	is := was
	is.Key, is.SIP = "phone-2", &e911.SIPAccount{User: "phone", Secret: "new one"}
	got := ""
	for _, f := range admin.Diff(was, is) {
		got += fmt.Sprintf("%s: %s -> %s\n", f.Name, f.Before, f.After)
	}
	if !strings.Contains(got, `key: "phone-1" -> "phone-2"`) || !strings.Contains(got, "sip: ") || strings.Count(got, "[secret]") != 2 || strings.Contains(got, " one") {
		t.Errorf("got\n%s", got)
	}
	if admin.Diff(was, was) != nil {
		t.Error("a value differs from itself")
	}
	big := e911.PSAP{Name: strings.Repeat("x", 5000)}
	for _, f := range admin.Diff(nil, big) {
		if len(f.After) > 200 {
			t.Errorf("%s is told in %d octets", f.Name, len(f.After))
		}
	}
}
