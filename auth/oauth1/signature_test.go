package oauth1

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-requests/requests"
)

// TestSignatureVectors has the examples of RFC 5849, sections 1.2 and 3.4, and of
// the documentation that Twitter published.
func TestSignatureVectors(t *testing.T) {
	for _, tt := range []struct {
		name        string
		client      Client
		tokenSecret string
		method, url string
		form        string
		protocol    []pair
		want        string
	}{
		{
			name: "RFC 5849, section 1.2, temporary credentials", client: Client{Key: "dpf43f3p2l4k3l03", Secret: "kd94hf93k423kf44"},
			method: "POST", url: "https://photos.example.net/initiate",
			protocol: []pair{
				{"oauth_consumer_key", "dpf43f3p2l4k3l03"}, {"oauth_signature_method", "HMAC-SHA1"}, {"oauth_timestamp", "137131200"},
				{"oauth_nonce", "wIjqoS"}, {"oauth_callback", "http://printer.example.com/ready"},
			},
			want: "74KNZJeDHnMBp0EMJ9ZHt/XKycU=",
		},
		{
			name: "RFC 5849, section 1.2, token", client: Client{Key: "dpf43f3p2l4k3l03", Secret: "kd94hf93k423kf44"}, tokenSecret: "hdhd0244k9j7ao03",
			method: "POST", url: "https://photos.example.net/token",
			protocol: []pair{
				{"oauth_consumer_key", "dpf43f3p2l4k3l03"}, {"oauth_token", "hh5s93j4hdidpola"}, {"oauth_signature_method", "HMAC-SHA1"},
				{"oauth_timestamp", "137131201"}, {"oauth_nonce", "walatlh"}, {"oauth_verifier", "hfdp7dh39dks9884"},
			},
			want: "gKgrFCywp7rO0OXSjdot/IHF7IU=",
		},
		{
			name: "RFC 5849, section 1.2, a photo", client: Client{Key: "dpf43f3p2l4k3l03", Secret: "kd94hf93k423kf44"}, tokenSecret: "pfkkdhi9sl3r4s00",
			method: "GET", url: "http://photos.example.net/photos?file=vacation.jpg&size=original",
			protocol: []pair{
				{"oauth_consumer_key", "dpf43f3p2l4k3l03"}, {"oauth_token", "nnch734d00sl2jdk"}, {"oauth_signature_method", "HMAC-SHA1"},
				{"oauth_timestamp", "137131202"}, {"oauth_nonce", "chapoH"},
			},
			want: "MdpQcU8iPSUjWoN/UDMsK2sui9I=",
		},
		{
			name: "Twitter, statuses/update", client: Client{Key: "xvz1evFS4wEEPTGEFPHBog", Secret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"},
			tokenSecret: "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
			method:      "POST", url: "https://api.twitter.com/1.1/statuses/update.json?include_entities=true",
			form: "status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21",
			protocol: []pair{
				{"oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog"}, {"oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"},
				{"oauth_signature_method", "HMAC-SHA1"}, {"oauth_timestamp", "1318622958"},
				{"oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"}, {"oauth_version", "1.0"},
			},
			want: "hCtSmYh+iHYCEqBWrE7C7hYmtUk=",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, err := url.Parse(tt.url)
			require.NoError(t, err)
			params, err := parseForm(u.RawQuery + "&" + tt.form)
			require.NoError(t, err)
			got, err := tt.client.sign(baseString(tt.method, u, append(params, tt.protocol...)), tt.tokenSecret)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

// TestBaseString is the example of RFC 5849, section 3.4.1.1.
func TestBaseString(t *testing.T) {
	u, err := url.Parse("http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b")
	require.NoError(t, err)
	params, err := parseForm(u.RawQuery + "&c2&a3=2+q")
	require.NoError(t, err)
	params = append(params, pair{"oauth_consumer_key", "9djdj82h48djs9d2"}, pair{"oauth_token", "kkk9d7dh3k39sjv7"},
		pair{"oauth_signature_method", "HMAC-SHA1"}, pair{"oauth_timestamp", "137131201"}, pair{"oauth_nonce", "7d8f3e4a"})
	require.Equal(t, "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26"+
		"oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26"+
		"oauth_token%3Dkkk9d7dh3k39sjv7", baseString("post", u, params))
}

// TestBaseURI has the two examples of section 3.4.1.2, and edge cases.
func TestBaseURI(t *testing.T) {
	for raw, want := range map[string]string{
		"http://EXAMPLE.COM:80/r%20v/X?id=123":   "http://example.com/r%20v/X",
		"https://www.example.net:8080/?q=1":      "https://www.example.net:8080/",
		"https://example.net:443/a":              "https://example.net/a",
		"http://example.net:443/a":               "http://example.net:443/a",
		"https://example.net":                    "https://example.net/",
		"http://[2001:DB8::1]:80/":               "http://[2001:db8::1]/",
		"http://example.net/a%2Fb;c=d?x=y#where": "http://example.net/a%2Fb;c=d",
	} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want, baseURI(u), raw)
	}
}

func TestEscape(t *testing.T) {
	require.Equal(t, "Ladies%20%2B%20Gentlemen", escape("Ladies + Gentlemen"))
	require.Equal(t, "%E2%98%83", escape("☃"))
	require.Equal(t, "-._~%2A%27%28%29%21", escape("-._~*'()!"))
}

func TestRSASHA1(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	got, err := (&Client{Key: "k", Signature: RSASHA1, PrivateKey: key}).sign("base", "not used")
	require.NoError(t, err)
	signature, err := base64.StdEncoding.DecodeString(got)
	require.NoError(t, err)
	sum := sha1.Sum([]byte("base"))
	require.NoError(t, rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA1, sum[:], signature))
}

func TestCannotSign(t *testing.T) {
	for name, c := range map[string]Client{
		"RSA without a key": {Key: "k", Signature: RSASHA1},
		"unknown method":    {Key: "k", Signature: "HMAC-MD5"},
	} {
		if _, err := c.sign("base", ""); !errors.Is(err, requests.ErrInvalidOption) {
			t.Errorf("%s: sign = %v; want ErrInvalidOption", name, err)
		}
	}
}

func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"a=b&c", "a=%zz", "b5=%3D%253D&c%40=", "a=2+q", "&&=", "\x00=é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		params, err := parseForm(form)
		if err != nil {
			return
		}
		again, err := parseForm(normalize(params)) // sorted, so that only the number can be compared
		if err != nil || len(again) != len(params) {
			t.Errorf("parseForm(%q) gives %d pairs, and %d (%v) when they are written again", form, len(params), len(again), err)
		}
	})
}
