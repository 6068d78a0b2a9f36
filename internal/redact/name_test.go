package redact

import (
	"strings"
	"testing"
)

// secretNames are as they are found in the documentation of services.
var secretNames = map[string]string{
	"HTTP": `Authorization Proxy-Authorization X-Authorization Cookie Set-Cookie Cookie2 WWW-Authenticate X-Auth-Token DPoP APIkey SSHkey OTPcode X-Csrf-Token X-XSRF-TOKEN`,
	"passwords": `password Password PASSWORD passwd pass pwd pw psw passphrase pass_phrase passcode passWord pass-word X-Pass X-Pwd x_pass xpass xpwd userpwd user_pwd
		userPass user_pass dbpass db_pass smtp_pw new_password password_confirmation pass_confirmation passwordAgain userPassword2 password_hash user[password] keypass storepass
		Passwort kennwort motDePasse senha`,
	"keys": `key api_key api-key apiKey ApiKey APIKEY apikey X-Api-Key X-API-KEY X-CMC_PRO_API_KEY X-Parse-Master-Key private_key privateKey PrivateKey PRIVATE_KEY privatekey
		private-key private_key_pem signing_key signingKey signingkey signing-key encryption_key encryptionKey secret_key master_key shared_key ssh_key sshKey app_key appkey
		license_key consumer_key client_key hmac_key pre_shared_key psk wpa_psk account_keys api_keys key1 DD-APPLICATION-KEY Ocp-Apim-Subscription-Key x-functions-key
		AccountKey SharedAccessKey passkey routing_key deploy-key`,
	"OAuth and OpenID Connect": `access_token refresh_token id_token id_token_hint accessToken AccessToken oauth_token oauth_token_secret oauth_signature client_secret clientSecret
		client_assertion clientAssertion clientassertion assertion code code_verifier codeVerifier codeverifier oauth_verifier device_code user_code session_state logout_token
		subject_token actor_token registration_access_token authenticity_token`,
	"SAML and others": `SAMLResponse SAMLRequest SAMLart wresult ticket JSESSIONID jsessionid PHPSESSID ASP.NET_SessionId connect.sid sid sess sessid session session_id sessionId`,
	"one-time codes":  `otp OTP totp totp_code otp_code otpCode smsotp mfa mfa_code X-Amz-Mfa verification_code verificationCode security_code recovery_codes backupCodes pin pincode cvv cvc2 2fa_code`,
	"AWS": `X-Amz-Signature X-Amz-Credential X-Amz-Security-Token AWSAccessKeyId aws_secret_access_key aws_session_token AwsSecretAccessKey Signature
		x-amz-server-side-encryption-customer-key`,
	"Google": `X-Goog-Api-Key X-Goog-Signature X-Goog-Iap-Jwt-Assertion private_key_id X-Serverless-Authorization x-goog-encryption-key`,
	"Azure":  `sig sas_token SharedAccessSignature connection_string ConnectionString x-ms-copy-source-authorization X-ZUMO-AUTH X-MS-TOKEN-AAD-ACCESS-TOKEN x-functions-key`,
	"webhooks": `X-Hub-Signature-256 Stripe-Signature X-Slack-Signature X-Shopify-Hmac-Sha256 webhook_secret webhook_url webhookUrl X-Gitlab-Token X-Telegram-Bot-Api-Secret-Token
		webhook-signature hub.verify_token`,
	"exchanges": `CB-ACCESS-SIGN CB-ACCESS-PASSPHRASE CB-ACCESS-KEY KC-API-SIGN API-Sign sign X-MBX-APIKEY`,
	"tools":     `Private-Token Job-Token X-Vault-Token X-Consul-Token CF-Access-Client-Secret X-Auth-Key jwt X-JWT bearer credentials creds db_credentials author_token mnemonic`,
}

var harmlessNames = `author authors author_id X-Author coauthor authority keyboard monkey turkey keyword keywords keynote keys decode encode unicode barcode zipcode
	country_code status_code error_code language_code promo_code postcode Accept Accept-Encoding Content-Type Host User-Agent page per_page q limit offset sort filter
	Idempotency-Key idempotency_key primary_key foreignKey sort_key sortKey partition_key cache_key Surrogate-Key public_key publicKey publickey Sec-WebSocket-Key
	page_token pageToken next_page_token nextPageToken PageToken continuation_token sync_token max_tokens maxTokens total_tokens prompt_tokens token_type tokenType token_count
	tokenizer tokenize grant_type client_assertion_type code_challenge code_challenge_method signature_method auth_method token_endpoint password_policy session_timeout
	bypass compass passenger passport passage design assign signal signed_headers signup sign_in side inside sidebar pinned spin shipping secretary possession
	footprint hotplug robot laptop username user user_id login email name id client_id redirect_uri scope state nonce response_type X-Request-Id Traceparent ETag If-Match
	X-Amz-Date X-Amz-Algorithm X-Amz-SignedHeaders X-Amz-Expires se sp sv sr keyId kid access grant issuer audience`

func TestSecret(t *testing.T) {
	for kind, names := range secretNames {
		for name := range strings.FieldsSeq(names) {
			if !Secret(name) {
				t.Errorf("%s: Secret(%q) = false; want true", kind, name)
			}
		}
	}
	for name := range strings.FieldsSeq(harmlessNames) {
		if Secret(name) {
			t.Errorf("Secret(%q) = true; want false", name)
		}
	}
	for _, name := range []string{"", "-", "__", "123", "\xff", "é", strings.Repeat("a", 1<<16)} {
		if Secret(name) {
			t.Errorf("Secret(%.20q) = true; want false", name)
		}
	}
}

// TestSecretSpelling writes each name of several words in each way that there is.
func TestSecretSpelling(t *testing.T) {
	for _, words := range [][]string{
		{"api", "key"}, {"private", "key"}, {"signing", "key"}, {"client", "secret"}, {"client", "assertion"}, {"code", "verifier"}, {"access", "token"},
		{"pass", "phrase"}, {"pass", "word"}, {"user", "pwd"}, {"db", "pass"}, {"verification", "code"}, {"session", "id"}, {"otp", "code"},
	} {
		title := make([]string, len(words))
		for i, w := range words {
			title[i] = strings.ToUpper(w[:1]) + w[1:]
		}
		for _, name := range []string{
			strings.Join(words, "_"), strings.Join(words, "-"), strings.Join(words, "."), strings.Join(words, ""), strings.Join(words, " "),
			strings.Join(title, ""), words[0] + strings.Join(title[1:], ""), "X-" + strings.Join(title, "-"), "x" + strings.Join(title, ""),
			strings.ToUpper(strings.Join(words, "_")), strings.ToUpper(strings.Join(words, "")), strings.Join(words, "_") + "2", "my[" + strings.Join(words, "_") + "]",
		} {
			if !Secret(name) {
				t.Errorf("Secret(%q) = false; want true", name)
			}
		}
	}
}
