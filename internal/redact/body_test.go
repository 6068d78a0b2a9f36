package redact

import (
	"bytes"
	"encoding/json"
	forms "mime/multipart"
	"net/url"
	"reflect"
	"strings"
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

func TestStart(t *testing.T) {
	const form, text = "multipart/form-data; boundary=b", "text/plain"
	for _, tt := range []struct{ contentType, in, want string }{
		{"application/json", `{"user":"ann","token":"s3cr3t"}`, `{"user":"ann","token":"***"}`},
		{"application/json", `{"user":"ann","token":"s3c`, `{"user":"ann"***`},
		{"application/json", `{"user":"ann","token":{"a":"s3cr3t",`, `{"user":"ann"***`},
		{"application/json", `{"list":[1,{"user":"http://u:s3cr`, `{"list":[1,{"user"***`},
		{"application/problem+json", `{"a":1} {"token`, `{"a":1} {***`},
		{"application/json", `s3cr3t`, `***`},
		{"application/x-www-form-urlencoded", "a=1&password=s3c", "a=1&password=***"},
		{text, "token=s3c", "token=s3c"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--b\r\ncontent-disposition: form-data; name=password\r\n\r\ns3c\r\nr3t\r\n--b--\r\n",
			"--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--b\r\ncontent-disposition: form-data; name=password\r\n\r\n***\r\n--b--\r\n"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\ns3c", "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n***"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"token", "--b\r\nContent-Disposition: form-data; name=\"token"},
		{form, "--b\nContent-Disposition: form-data; name=\"token\"\n\ns3cr3t\n--b--", "--b\nContent-Disposition: form-data; name=\"token\"\n\n***\n--b--"},
		{form, "--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\ns3cr3t", "--b\r\nContent-Disposition: form-data; name=\"f\r\n\r\n***"},
		{form, "--b\r\nContent-Disposition: form-data; name=f\r\nContent-Type: application/json\r\n\r\n{\"pin\":1,\"b\":2}\r\n--b--",
			"--b\r\nContent-Disposition: form-data; name=f\r\nContent-Type: application/json\r\n\r\n{\"pin\":\"***\",\"b\":2}\r\n--b--"},
		{form, "--c\r\n\r\ns3cr3t", "***"},
		{"multipart/form-data", "--\r\n\r\ns3cr3t", "***"},
	} {
		if got := Start(tt.in, tt.contentType); got != tt.want {
			t.Errorf("Start(%q, %s) = %q; want %q", tt.in, tt.contentType, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "",
		"plain":                                 "plain",
		"token=s3cr3t":                          "token=***",
		`data: {"a":1,"token":{"x":"s3cr3t"}}`:  `data: {"a":1,"token":"***"}`,
		`{"token":["s3cr3t"]}`:                  `{"token":"***"}`,
		`[info] password=s3cr3t {"a":1}`:        `[info] password=*** {"a":1}`,
		`got {"token":"s3cr3t"`:                 `got {"token":"***"***`,
		`got {"a":1,"token":{"a":"s3cr3t","b`:   `got {"a":1***`,
		`{"token":{"a":"s3cr3t", oops}}`:        `{***`,
		`  - db_password: s3cr3t # of`:          `  - db_password: ***`,
		`"token": {"a":"s3cr3t"},`:              `"token": ***`,
		"password:":                             "password:",
		"see token: here":                       "see token: here",
		"https://a.test/":                       "https://a.test/",
		`function f(a) { return [a`:             `function f(a) { return [a`,
		`see http://u:s3cr3t@a.test/ for [1,2]`: `see http://***@a.test/ for [1,2]`,
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q; want %q", in, got, want)
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

// FuzzStart puts a secret under a secret name into bodies of each kind, and cuts
// them off anywhere.
func FuzzStart(f *testing.F) {
	f.Add(byte(0), byte(0), uint16(60), "user", "ann", "b")
	f.Add(byte(1), byte(1), uint16(90), "", "{[", "--b")
	f.Add(byte(2), byte(2), uint16(120), "a\r\n\r\nb", "\"", "x;y")
	f.Add(byte(3), byte(3), uint16(20), "a", "\\", "b")
	names := []string{"password", "access_token", "X-Api-Key", "jsessionid"}
	f.Fuzz(func(t *testing.T, kind, which byte, cut uint16, before, after, boundary string) {
		for _, s := range []string{before, after, boundary} {
			if strings.Contains(s, secret) || strings.Contains(secret, s) && s != "" {
				t.Skip()
			}
		}
		name := names[int(which)%len(names)]
		var body, contentType string
		switch kind % 4 {
		case 0:
			body, contentType = url.QueryEscape(before)+"="+url.QueryEscape(after)+"&"+name+"="+secret, "application/x-www-form-urlencoded"
		case 1:
			data, err := json.Marshal([]any{before, map[string]any{after: before, name: map[string]any{after: []string{secret}}}})
			if err != nil {
				t.Skip()
			}
			body, contentType = string(data)+after, "application/json"
		case 2:
			var b bytes.Buffer
			w := forms.NewWriter(&b)
			if w.SetBoundary(boundary) != nil {
				t.Skip()
			}
			w.WriteField(before, after)
			w.WriteField(name, secret)
			w.WriteField(after, before)
			body, contentType = b.String(), w.FormDataContentType()
		default:
			data, err := json.Marshal(map[string]any{name: map[string]any{after: []string{secret}}})
			if err != nil {
				t.Skip()
			}
			body = string(data)
		}
		body = body[:min(len(body), int(cut))]
		shown := Line(body)
		if kind%4 < 3 {
			shown = Start(body, contentType)
		}
		if strings.Contains(shown, secret) {
			t.Errorf("of %q of type %q is shown %q", body, contentType, shown)
		}
	})
}
