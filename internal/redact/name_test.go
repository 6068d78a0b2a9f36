package redact

import (
	"testing"
)

func TestSecret(t *testing.T) {
	for name, want := range map[string]bool{
		"Authorization": true, "X-Authorization": true, "X-Auth-Token": true, "oauth_token": true, "X-Api-Key": true,
		"api_key": true, "Cookie": true, "password": true, "X-Amz-Signature": true, "Ocp-Apim-Subscription-Key": true,
		"key": true, "sid": true, "author_token": true,
		"author": false, "X-Author": false, "Accept": false, "Idempotency-Key": false, "page": false, "keyword": false, "decode": false,
	} {
		if got := Secret(name); got != want {
			t.Errorf("Secret(%q) = %v; want %v", name, got, want)
		}
	}
}
