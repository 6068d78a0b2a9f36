package redact

import (
	"slices"
	"strings"
	"unicode"
)

// Secret reports whether a field, a parameter or a member of this name is
// likely to hold a credential. Such fields do not leave their origin, and such
// values are not printed (CVE-2026-40895). How the words of a name are joined
// makes no difference: api_key, Api-Key, apiKey and APIKEY are the same.
//
// It hides too much rather than too little: a harmless value that is hidden is
// missing from a log, but a secret that is shown is lost.
func Secret(name string) bool {
	words := splitName(name, true)
	if len(words) == 0 || isMeasure(words) {
		return false
	}
	whole := strings.Join(words, "")
	for _, harmless := range [...]string{"possession", "obsession", "secretar", "tokeniz", "tokenis"} {
		whole = strings.ReplaceAll(whole, harmless, "")
	}
	for _, part := range secretParts {
		if strings.Contains(whole, part) {
			return true
		}
	}
	if strings.Contains(strings.ReplaceAll(whole, "author", ""), "auth") { // an author is a person, as in ?author=x
		return true
	}
	if slices.ContainsFunc(words, isSecretWord) || isSecretEnd(words) {
		return true
	}
	words = splitName(name, false) // DPoP, SSHkey
	return slices.ContainsFunc(words, isSecretWord) || isSecretEnd(words)
}

// secretParts make a name secret wherever they occur in it.
var secretParts = [...]string{
	"passwor", "passwd", "passphrase", "passcode", "passkey", "secret", "token", "credential", "authoriz", "authoris",
	"signature", "session", "cookie", "csrf", "xsrf", "jwt", "bearer", "hmac", "webhookurl", "connectionstring", "sharedaccess",
	"saml", "wresult", "assertion", "verifier", // SAML 2.0, WS-Federation, RFC 7521, RFC 7636
	"apikey", "accesskey", "privatekey", "secretkey", "signingkey", "encryptionkey", "masterkey", "sharedkey", "accountkey",
	"mnemonic", "seedphrase", "recoveryphrase",
	"motdepasse", "contrasena", "kennwort", "senha", "wachtwoord",
}

// isSecretWord reports whether one word of a name is enough.
func isSecretWord(w string) bool {
	switch w {
	case "mfa", "psk", "creds", "cred", "dpop", "jws", "jwe", "cvv", "cvc", "sess", "2fa":
		return true
	}
	return strings.Contains(w, "pwd") || strings.Contains(w, "pswd") || strings.Contains(w, "sessid") ||
		strings.HasPrefix(w, "otp") || strings.HasSuffix(w, "otp")
}

// isSecretEnd reports whether the end of a name makes it secret, as a single
// word does not.
func isSecretEnd(words []string) bool {
	last := words[len(words)-1]
	switch last {
	case "pass", "pw", "psw", "sid", "sig", "sign", "pin", "ticket":
		return true
	case "key", "keys":
		if len(words) == 1 {
			return last == "key" // the keys of an object are not secret
		}
		return !slices.Contains(harmlessKeys, words[len(words)-2])
	case "code", "codes":
		return len(words) == 1 && last == "code" || len(words) > 1 && slices.Contains(secretCodes, words[len(words)-2])
	}
	if words[0] == "pass" { // pass_confirmation
		return true
	}
	last = strings.TrimSuffix(last, "s")
	if rest, ok := strings.CutSuffix(last, "key"); ok { // not monkey
		return hasAnySuffix(rest, secretKeys)
	}
	if rest, ok := strings.CutSuffix(last, "code"); ok { // not barcode
		return hasAnySuffix(rest, secretCodes)
	}
	if rest, ok := strings.CutSuffix(last, "pas"); ok { // dbpass, not bypass
		return !slices.Contains([]string{"by", "com", "encom", "tres", "sur", "over", "under", "im"}, rest)
	}
	return strings.HasSuffix(last, "pw") || strings.HasSuffix(last, "psw")
}

var (
	// harmlessKeys belong to databases, caches and protocols, or are public.
	harmlessKeys = []string{
		"idempotency", "primary", "foreign", "sort", "partition", "composite", "row", "range", "index", "lookup", "group",
		"cache", "surrogate", "object", "dedup", "deduplication", "translation", "public", "pub", "socket", "websocket",
	}
	// secretKeys are recognised without a separator, unlike the end of
	// "monkey".
	secretKeys = []string{
		"api", "access", "private", "secret", "signing", "sign", "encryption", "encrypt", "decryption", "decrypt", "cipher", "crypto",
		"master", "shared", "account", "storage", "subscription", "license", "licence", "ssh", "pgp", "gpg", "aes", "rsa", "hmac", "sas", "kms",
		"deploy", "app", "application", "auth", "client", "consumer", "customer", "server", "service", "security", "session", "function",
		"functions", "host", "root", "integration", "routing", "admin", "webhook", "wrapping", "symmetric", "user", "write", "read", "project",
	}
	// secretCodes prove who somebody is; those of countries and errors do not.
	secretCodes = []string{
		"access", "activation", "backup", "confirm", "confirmation", "device", "exchange", "factor", "grant", "invitation", "invite", "login",
		"mfa", "otp", "pin", "recovery", "reset", "security", "sms", "time", "totp", "unlock", "user", "verification", "verify",
	}
)

// isMeasure reports whether a name mentions a credential but stands for
// something that may be known, such as its type, or for a place in a list.
func isMeasure(words []string) bool {
	if len(words) < 2 {
		return false
	}
	before := words[len(words)-2]
	switch words[len(words)-1] {
	case "type", "count", "limit", "length", "size", "policy", "endpoint", "algorithm", "alg", "method", "version",
		"ttl", "lifetime", "expiry", "expires", "timeout", "remaining", "required", "enabled":
		return true
	case "token":
		return before == "page" || before == "pagination" || before == "continuation" || before == "sync"
	case "tokens": // of a language model
		switch before {
		case "max", "min", "num", "total", "prompt", "completion", "input", "output", "cached", "reasoning", "remaining", "used", "context", "limit":
			return true
		}
	}
	return false
}

func hasAnySuffix(s string, suffixes []string) bool {
	return slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(s, suffix) })
}

// splitName returns the words of a name in lower case, without digits at their
// ends. Anything but a letter separates words, and so do capitals if camel is
// set: "X-Api-Key2" and then also "xApiKey" give x, api, key.
func splitName(name string, camel bool) []string {
	var words []string
	runes := []rune(name)
	start := 0
	end := func(i int) {
		w := strings.ToLower(string(runes[start:i]))
		if trimmed := strings.TrimRight(w, "0123456789"); trimmed != "" {
			words = append(words, trimmed)
		}
		start = i
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			start = i + 1
		case camel && i > start && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end(i) // aB, and the last of several capitals: HTTPKey
		}
	}
	end(len(runes))
	return words
}
