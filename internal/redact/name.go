package redact

import "strings"

// Secret reports whether a field or a query key of this name is likely to
// hold a credential, as X-Api-Key does. Such fields do not leave their origin,
// and such values are not printed (CVE-2026-40895).
func Secret(name string) bool {
	name = strings.ToLower(name)
	if strings.Contains(name, "authoriz") {
		return true
	}
	name = strings.ReplaceAll(name, "author", "") // a person, as in ?author=x
	for _, word := range [...]string{"auth", "token", "secret", "password", "passwd", "credential", "api-key", "apikey", "api_key",
		"access-key", "accesskey", "access_key", "private-key", "signature", "session", "cookie", "csrf", "xsrf", "jwt"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	switch name {
	case "key", "sig", "pwd", "pass", "code", "sid":
		return true
	}
	return strings.HasSuffix(name, "-key") && name != "idempotency-key" // Ocp-Apim-Subscription-Key and the like
}
