//go:build integration && linux

package integration_test

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An account is known to every server that asks for a password.
type account struct{ user, password string }

// plainAccount is safe in a URL and in every server's configuration;
// utf8Account is the one of RFC 7616, section 3.9.2. Proxies know the first alone.
var (
	plainAccount = account{"user", "passwd"}
	utf8Account  = account{"Jäsøn Doe", "Secret, or not?"}
)

// realms are those of the Digest challenges, with the algorithms their servers
// ask for and whether the user may come as a hash (RFC 7616, section 3.4.4).
var realms = []struct {
	name     string
	hashes   []func() hash.Hash
	userhash bool
}{
	{name: "apache digest", hashes: []func() hash.Hash{md5.New}},
	{name: "squid digest", hashes: []func() hash.Hash{md5.New}},
	{name: "lighttpd md5", hashes: []func() hash.Hash{md5.New}},
	{name: "lighttpd sha-256", hashes: []func() hash.Hash{sha256.New}},
	{name: "lighttpd sha-512-256", hashes: []func() hash.Hash{sha512.New512_256}},
	{name: "lighttpd several", hashes: []func() hash.Hash{md5.New, sha256.New}},
	{name: "lighttpd userhash", hashes: []func() hash.Hash{sha256.New}, userhash: true},
}

func hexDigest(newHash func() hash.Hash, text string) string {
	h := newHash()
	h.Write([]byte(text))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// writeAccounts writes the files in which servers look up passwords, and those
// in which libnss_wrapper makes some of them look up users and hosts: Dante
// knows no other passwords than the system's, and a proxy that resolves a name
// which nobody else knows has shown that it was the one to resolve it.
func writeAccounts(dir string) error {
	var htdigest, htpasswd, shadow strings.Builder
	for _, a := range []account{plainAccount, utf8Account} {
		for _, realm := range realms {
			for _, newHash := range realm.hashes {
				fmt.Fprintf(&htdigest, "%s:%s:%s", a.user, realm.name, hexDigest(newHash, a.user+":"+realm.name+":"+a.password))
				if realm.userhash {
					htdigest.WriteString(":" + hexDigest(newHash, a.user+":"+realm.name))
				}
				htdigest.WriteByte('\n')
			}
		}
		crypted, err := exec.Command("openssl", "passwd", "-6", a.password).Output()
		if err != nil {
			return fmt.Errorf("openssl passwd: %w", err)
		}
		fmt.Fprintf(&htpasswd, "%s:%s", a.user, crypted)
		if a == plainAccount {
			fmt.Fprintf(&shadow, "%s:%s:20000:0:99999:7:::\n", a.user, strings.TrimSpace(string(crypted)))
		}
	}
	passwd := fmt.Sprintf("root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n%s:x:20000:20000::/:/bin/false\n", plainAccount.user)
	if id := os.Getuid(); id != 0 && id != 65534 {
		passwd += fmt.Sprintf("self:x:%d:%d::/:/bin/false\n", id, os.Getgid())
	}
	for name, text := range map[string]string{
		"htdigest": htdigest.String(),
		"htpasswd": htpasswd.String(),
		"shadow":   shadow.String(),
		"passwd":   passwd,
		"group":    "root:x:0:\n",
		"hosts":    "127.0.0.1 localhost\n127.0.0.1 " + insideHost + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// wrapped is the environment that makes a server use those files.
func wrapped(dir string) []string {
	return []string{
		"LD_PRELOAD=libnss_wrapper.so",
		"NSS_WRAPPER_PASSWD=" + filepath.Join(dir, "passwd"),
		"NSS_WRAPPER_GROUP=" + filepath.Join(dir, "group"),
		"NSS_WRAPPER_SHADOW=" + filepath.Join(dir, "shadow"),
		"NSS_WRAPPER_HOSTS=" + filepath.Join(dir, "hosts"),
	}
}
