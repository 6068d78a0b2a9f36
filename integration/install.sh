#!/bin/bash
# Installs, from Debian, the servers that the integration tests run against. Says nothing and takes no time if all are there.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

# What must be there, and the package it comes in. No path: looked up in PATH.
declare -A package=(
	[nginx]=nginx-light
	[apache2]=apache2-bin
	[lighttpd]=lighttpd
	[squid]=squid-openssl
	[tinyproxy]=tinyproxy
	[danted]=dante-server
	[microsocks]=microsocks
	[v2ray]=v2ray
	[haproxy]=haproxy
	[nghttpd]=nghttp2-server
	[nghttpx]=nghttp2-proxy
	[curl]=curl
	[openssl]=openssl
	[krb5kdc]=krb5-kdc
	[kadmin.local]=krb5-admin-server
	[kinit]=krb5-user
)

missing=()
for program in "${!package[@]}"; do
	command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
compgen -G '/usr/lib/*/libnss_wrapper.so' >/dev/null || missing+=(libnss-wrapper)
[[ -e /usr/lib/apache2/modules/mod_auth_gssapi.so ]] || missing+=(libapache2-mod-auth-gssapi)
((${#missing[@]})) || exit 0

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
	echo "integration: cannot install ${missing[*]}: that takes root and apt-get" >&2
	[[ ${CI:-} != true ]] # elsewhere the tests skip what is not there
	exit
fi

# A package must not start its server: the tests start their own. Debian's maintainer scripts ask this file first.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

echo "integration: installing ${missing[*]}"
log=$(mktemp)
if ! { apt-get -q update &&
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
		install --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
	cat "$log" >&2
	rm -f "$log"
	exit 1
fi
rm -f "$log"
