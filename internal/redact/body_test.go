package redact

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestJSON(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"password":"x","user":"y"}`, `{"password":"***","user":"y"}`},
		{` { "user" : "password" , "password" : 1.50 } `, ` { "user" : "password" , "password" : "***" } `},
		{`{"token":{"a":[1,{"b":2}]},"c":[3]}`, `{"token":"***","c":[3]}`},
		{`[{"a":[{"secret":null}]},"token",{"b":{"jwt":true,"c":"jwt"}}]`, `[{"a":[{"secret":"***"}]},"token",{"b":{"jwt":"***","c":"jwt"}}]`},
		{`{"pass\u0077ord":"x"}`, `{"pass\u0077ord":"***"}`},
		{`{"token":"a"}` + "\n" + `{"token":"b"}`, `{"token":"***"}` + "\n" + `{"token":"***"}`},
		{`"token"`, `"token"`},
		{`{"url": "http://u:p@a.test/" ,"b":["x", "http:\/\/a.test/?sig=1", "a?b=1"]}`, `{"url": "***" ,"b":["x", "***", "a?b=1"]}`},
		{`12345678901234567890`, `12345678901234567890`},
		{``, ``},
		{`{}`, `{}`},
	} {
		if got, err := JSON(tt.in); err != nil || got != tt.want {
			t.Errorf("JSON(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []string{`{"password": x`, `{"a":1`, `[`, `]`, `{"password"}`, `{"token":"x"} {`, "\x00"} {
		if got, err := JSON(in); err == nil {
			t.Errorf("JSON(%q) = %q; want an error", in, got)
		}
	}
}

// FuzzJSON compares with what redacting the decoded value gives.
func FuzzJSON(f *testing.F) {
	for _, in := range []string{`{"password":"x","user":"y"}`, `[{"a":[{"secret":null}]},"token",{"b":{"jwt":true}}]`, `{"token":{"token":1}}`, ` 1 `, `{"a":`} {
		f.Add(in)
	}
	var redact func(v any) any
	redact = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name := range v {
				if v[name] = redact(v[name]); Secret(name) {
					v[name] = Mask
				}
			}
		case []any:
			for i := range v {
				v[i] = redact(v[i])
			}
		case string:
			return Value(v)
		}
		return v
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := JSON(in)
		var want, decoded any
		if invalid := json.Unmarshal([]byte(in), &want); invalid != nil {
			return
		}
		if err != nil {
			t.Fatalf("JSON(%q) = %v; want none, as it is JSON", in, err)
		}
		if err := json.Unmarshal([]byte(got), &decoded); err != nil {
			t.Fatalf("JSON(%q) = %q: %v", in, got, err)
		}
		if want = redact(want); !reflect.DeepEqual(decoded, want) {
			t.Errorf("JSON(%q) = %q; want %v", in, got, want)
		}
	})
}
