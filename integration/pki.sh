#!/bin/bash
# pki.sh DIR makes, with openssl alone, the certificates that the integration tests serve and present:
#
#   root.pem untrusted-root.pem     two authorities, one of which nobody is told to trust
#   capath/                         root.pem in a hashed directory
#   good chained incomplete         what a client must accept, and the same without its intermediate
#   expired notyet wronghost nosan  what a client must refuse although the authority is known
#   untrusted selfsigned wrongusage
#   client client-untrusted         for mutual TLS; client-both.pem holds certificate and key
#   client-encrypted.key broken.pem what a client must refuse to load
#
# A server's NAME.pem is the chain it sends and NAME.key its key.
set -euo pipefail
mkdir -p "$1"
cd "$1"

cat >openssl.cnf <<'CNF'
[req]
distinguished_name = subject
[subject]
[ca]
default_ca = ledger
[ledger]
database = ledger/index
new_certs_dir = ledger
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:inside.test, IP:127.0.0.1, IP:::1
authorityKeyIdentifier = keyid
[elsewhere]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.test
[nameless]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[itself]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, DNS:inside.test, IP:127.0.0.1, IP:::1
[mailer]
basicConstraints = CA:FALSE
extendedKeyUsage = emailProtection
subjectAltName = DNS:localhost, DNS:inside.test, IP:127.0.0.1, IP:::1
[client]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
CNF
mkdir ledger
: >ledger/index

# openssl reports its progress on stderr; only what goes wrong is worth reading.
openssl() { command openssl "$@" 2>ledger/stderr || { cat ledger/stderr >&2; return 1; }; }

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

# self NAME COMMON-NAME EXTENSIONS
self() {
	openssl req -config openssl.cnf -x509 "${new_key[@]}" -days 30 -keyout "$1.key" -out "$1.pem" -subj "/CN=$2" -extensions "$3"
}

yesterday=$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)
month=$(date -u -d '+30 days' +%Y%m%d%H%M%SZ)

# issue NAME ISSUER COMMON-NAME EXTENSIONS [FIRST LAST]; openssl ca because openssl req cannot set the first day.
issue() {
	openssl req -config openssl.cnf -new "${new_key[@]}" -keyout "$1.key" -out "$1.csr" -subj "/CN=$3"
	openssl ca -config openssl.cnf -batch -notext -cert "$2.pem" -keyfile "$2.key" -extensions "$4" \
		-startdate "${5:-$yesterday}" -enddate "${6:-$month}" -in "$1.csr" -out "$1.pem"
	rm "$1.csr"
}

self root "Integration Root" root
self untrusted-root "Untrusted Root" root
issue intermediate root "Integration Intermediate" intermediate

issue good root localhost server
issue incomplete intermediate localhost server
cat incomplete.pem intermediate.pem >chained.pem
cp incomplete.key chained.key
issue expired root localhost server 20200101000000Z 20210101000000Z
issue notyet root localhost server 20900101000000Z 20910101000000Z
issue wronghost root elsewhere.test elsewhere
issue nosan root localhost nameless
issue wrongusage root localhost mailer
issue untrusted untrusted-root localhost server
self selfsigned localhost itself

issue client root "client one" client
issue client-untrusted untrusted-root "client two" client
cat client.pem client.key >client-both.pem
openssl ec -in client.key -aes256 -passout pass:passwd -out client-encrypted.key
printf -- '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n' >broken.pem
cat good.pem good.key >good-both.pem # haproxy wants one file

mkdir capath
cp root.pem capath/
openssl rehash capath
rm -r ledger openssl.cnf
chmod 644 ./*.key ./*.pem # the servers run as several users
