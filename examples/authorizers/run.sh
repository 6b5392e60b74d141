#!/usr/bin/env bash
# Every way to say who may call: starts a backend, the function behind the Lambda
# authorizers, and Gatehouse with a real Envoy; sends each API requests that are let in
# and requests that are not, and checks the answers. In a terminal (or with
# DEMO_KEEP=1) it goes on serving until Ctrl-C.
#
# Settings, all optional:
#   GATEHOUSE=path              the gatehouse binary; built when absent
#   ENVOY=path                  the Envoy binary
#   AUTHORIZERS_PORT=8080       the gateway's listener
#   AUTHORIZERS_PROXIED_PORT=8081    the one that believes a proxy in front
#   AUTHORIZERS_TLS_PORT=8443   the one with TLS
#   AUTHORIZERS_BACKEND_PORT=9101, AUTHORIZERS_WEBHOOK_PORT=9301, AUTHORIZERS_ISSUER_PORT=9302
#   GATEHOUSE_HTTP_ADDRESS=...  and the like: flags of `gatehouse run`, as always
#   DEMO_KEEP=1 or 0            go on serving, or not
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${AUTHORIZERS_PORT:-8080} proxied=${AUTHORIZERS_PROXIED_PORT:-8081} tls=${AUTHORIZERS_TLS_PORT:-8443}
backend=${AUTHORIZERS_BACKEND_PORT:-9101} webhook=${AUTHORIZERS_WEBHOOK_PORT:-9301} issuer=${AUTHORIZERS_ISSUER_PORT:-9302}

work=$(mktemp -d)
pids=()
stop() {
	trap - EXIT INT TERM
	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null || true
		wait "${pids[i]}" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

die() {
	echo "authorizers: $*" >&2
	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		echo "authorizers: the last lines of ${log##*/}:" >&2
		tail -n 20 "$log" >&2
	done
	exit 1
}

command -v curl >/dev/null || die 'curl was not found; it sends the requests.'

# start NAME COMMAND... runs a command in the background, its output in NAME.log.
start() {
	local name=$1
	shift
	"$@" >"$work/$name.log" 2>&1 &
	pids+=($!)
}

# await URL waits until the URL answers 200, as long as everything is running.
await() {
	for _ in $(seq 300); do
		[ "$(curl -s -o /dev/null -w '%{http_code}' -m 2 "$1")" != 200 ] || return 0
		for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || die 'a process has ended.'; done
		sleep 0.1
	done
	die "no answer at $1 within 30 s."
}

cd "$root"
gatehouse=${GATEHOUSE:-}
if [ -z "$gatehouse" ]; then
	gatehouse=$work/gatehouse
	go build -o "$gatehouse" ./cmd/gatehouse
fi
for program in petstore/backend authorizers/webhook authorizers/issuer edge/makecerts; do
	go build -o "$work/${program#*/}" "./examples/$program"
done

# Keys and certificates are made anew each time, in a copy of the definitions; other
# ports than the usual ones are written into it, too.
definitions=$work/definitions
mkdir "$definitions"
cp "$here"/*.yaml "$here"/*.json "$definitions"
sed -i.bak "s/port: 8080/port: $port/; s/port: 8081/port: $proxied/; s/port: 8443/port: $tls/; s/127.0.0.1:9101/127.0.0.1:$backend/g; s/127.0.0.1:9301/127.0.0.1:$webhook/; s/127.0.0.1:9302/127.0.0.1:$issuer/" "$definitions"/*.yaml
rm "$definitions"/*.bak
"$work/makecerts" -clients -dir "$definitions/certs"
"$work/issuer" keys -dir "$definitions/keys"

start backend "$work/backend" -name pets -addr "127.0.0.1:$backend"
await "http://127.0.0.1:$backend/healthz"
start webhook "$work/webhook" -addr "127.0.0.1:$webhook"
await "http://127.0.0.1:$webhook/healthz"
start issuer "$work/issuer" opaque -addr "127.0.0.1:$issuer" -issuer https://opaque.example.com
await "http://127.0.0.1:$issuer/healthz"
start gatehouse "$gatehouse" run --data-dir "$work/data" "$definitions"
await "http://localhost:$port/keys/health"

failed=0
# try STATUS TEXT CURL-ARGUMENTS... shows a request and its answer, and checks the
# status and that the text occurs in the answer, headers included. 000 is no answer at
# all, as when a handshake is refused.
try() {
	local status=$1 text=$2 answer
	shift 2
	printf '\n$ curl'
	for word in "$@"; do
		# A token is recognised by its beginning.
		if ((${#word} > 200)); then word=${word:0:60}…; fi
		if [[ $word =~ ^[-A-Za-z0-9_./:=]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
	done
	printf '\n'
	: >"$work/headers"
	: >"$work/body"
	answer=$(curl -s -m 10 -D "$work/headers" -o "$work/body" -w '%{http_code}' "$@") || true
	if [ "$answer" = 000 ]; then echo 'no answer'; else echo "HTTP $answer"; fi
	{ grep -iE '^(www-authenticate|x-amzn-errortype|x-served-by):' "$work/headers" || true; } | tr -d '\r'
	# Of a long answer it is enough to see what is looked for.
	if (($(wc -c <"$work/body") > 400)); then
		{ grep -oF -- "$text" "$work/body" || true; } | sed 's/.*/… & …/'
	else
		cat "$work/body"
		[ -z "$(tail -c 1 "$work/body")" ] || echo
	fi
	if [ "$answer" != "$status" ]; then
		echo "authorizers: FAILED: the answer should have been $status." >&2
		failed=1
	elif [ -n "$text" ] && ! grep -qF -- "$text" "$work/headers" "$work/body"; then
		echo "authorizers: FAILED: the answer should have held: $text" >&2
		failed=1
	fi
}

title() { printf '\n\n--- %s\n' "$*"; }
note() { printf '\n# %s\n' "$*"; }

token() { "$work/issuer" token -dir "$definitions/keys" "$@"; }

base=http://localhost:$port
dog='{"name":"Bello","kind":"dog"}'

title 'API keys, with usage plans'
try 403 '{"message":"Forbidden"}' "$base/keys/pets"
try 200 '"Rex"' -H 'x-api-key: acme-example-key-0001' "$base/keys/pets"
try 200 '"X-Customer":["acme"]' -H 'x-api-key: acme-example-key-0001' "$base/keys/echo"
note 'While a key is replaced, both values are good.'
try 200 '"X-Customer":["initech"]' -H 'x-api-key: initech-example-key-old' "$base/keys/echo"
try 200 '"X-Customer":["initech"]' -H 'x-api-key: initech-example-key-new' "$base/keys/echo"
note 'A plan without this stage; a key that is not enabled; one that does not exist.'
try 403 '{"message":"Forbidden"}' -H 'x-api-key: initech-example-key-new' "$base/keys/v2/pets"
try 403 '{"message":"Forbidden"}' -H 'x-api-key: hooli-example-key-0001' "$base/keys/pets"
try 403 '{"message":"Forbidden"}' -H 'x-api-key: some-other-example-key' "$base/keys/pets"

title 'A JWT authorizer of an HTTP API'
ann=$(token sub=ann aud=pets 'scope=pets.read')
try 401 'www-authenticate: Bearer' "$base/jwt/pets"
try 200 '"Rex"' -H "Authorization: Bearer $ann" "$base/jwt/pets"
try 200 '"X-User":["ann"]' -H "Authorization: Bearer $ann" "$base/jwt/echo"
note 'Too late; for somebody else; with another name written into it.'
try 401 'the token has expired' -H "Authorization: Bearer $(token -lifetime -1m sub=ann aud=pets)" "$base/jwt/pets"
try 401 invalid_token -H "Authorization: Bearer $(token sub=ann aud=cars)" "$base/jwt/pets"
IFS=. read -r header _ signature <<<"$ann"
forged=$(token sub=root aud=pets | cut -d. -f2)
try 401 invalid_token -H "Authorization: Bearer $header.$forged.$signature" "$base/jwt/pets"
note 'A scope is missing; is there.'
try 403 insufficient_scope -X POST -d "$dog" -H "Authorization: Bearer $ann" "$base/jwt/pets"
try 201 Bello -X POST -d "$dog" -H "Authorization: Bearer $(token sub=ann aud=pets 'scope=pets.read pets.write')" "$base/jwt/pets"

title 'Opaque tokens, which their issuer is asked about'
bearer='Authorization: Bearer'
try 401 '{"message":"Unauthorized"}' "$base/opaque/pets"
try 200 '"Rex"' -H "$bearer ann-example-token" "$base/opaque/pets"
try 200 '"X-User":["ann"]' -H "$bearer ann-example-token" -H 'X-User: forged' "$base/opaque/echo"
try 403 insufficient_scope -X POST -d "$dog" -H "$bearer ann-example-token" "$base/opaque/pets"
try 201 Bello -X POST -d "$dog" -H "$bearer bob-example-token" "$base/opaque/pets"
try 401 invalid_token -H "$bearer eve-example-token" "$base/opaque/pets"
note 'The issuer withdraws a token: it is refused once the answer of before is too old.'
try 200 '' --user gateway:"${INTROSPECTION_SECRET:-introspection-example-secret}" -d token=ann-example-token "http://127.0.0.1:$issuer/revoke"
sleep 1.1
try 401 invalid_token -H "$bearer ann-example-token" "$base/opaque/pets"

title 'A Cognito user pool of a REST API'
id=$(token sub=8d2f token_use=id aud=pets-web cognito:username=ann)
access=$(token sub=8d2f token_use=access client_id=pets-web 'scope=openid pets/write')
try 401 '{"message":"Unauthorized"}' "$base/pool/pets"
try 200 '"Rex"' -H "Authorization: $id" "$base/pool/pets"
try 200 '"X-User":["ann"]' -H "Authorization: $id" "$base/pool/echo"
try 401 '{"message":"Unauthorized"}' -H "Authorization: $access" "$base/pool/pets"
try 201 Bello -X POST -d "$dog" -H "Authorization: $access" "$base/pool/pets"
try 401 '{"message":"Unauthorized"}' -X POST -d "$dog" -H "Authorization: $id" "$base/pool/pets"

title 'A Lambda authorizer of a REST API: TOKEN, answered by a policy'
try 401 '{"message":"Unauthorized"}' "$base/token/pets"
try 200 '"Rex"' -H 'Authorization: Bearer acme-reader' "$base/token/pets"
try 200 '"X-Tenant":["acme"]' -H 'Authorization: Bearer acme-reader' -H 'X-Tenant: forged' "$base/token/echo"
try 403 'User is not authorized to access this resource' -X POST -d "$dog" -H 'Authorization: Bearer acme-reader' "$base/token/pets"
try 201 Bello -X POST -d "$dog" -H 'Authorization: Bearer acme-writer' "$base/token/pets"
note 'Unknown to the function; never shown to it; and one that it fails at.'
try 401 '{"message":"Unauthorized"}' -H 'Authorization: Bearer somebody' "$base/token/pets"
try 401 '{"message":"Unauthorized"}' -H 'Authorization: Basic YTpi' "$base/token/pets"
try 500 '{"message":null}' -H 'Authorization: Bearer out-of-order' "$base/token/pets"

title 'A Lambda authorizer of an HTTP API: REQUEST 2.0, answered by yes or no'
try 401 '{"message":"Unauthorized"}' "$base/request/pets"
try 200 '"Rex"' -H 'Authorization: Bearer acme-reader' "$base/request/pets"
try 200 '"X-Tenant":["acme"]' -H 'Authorization: Bearer acme-reader' "$base/request/echo"
try 403 '{"message":"Forbidden"}' -X POST -d "$dog" -H 'Authorization: Bearer acme-reader' "$base/request/pets"
try 201 Bello -X POST -d "$dog" -H 'Authorization: Bearer acme-writer' "$base/request/pets"
try 403 '{"message":"Forbidden"}' -H 'Authorization: Bearer somebody' "$base/request/pets"
try 500 '{"message":"Internal Server Error"}' -H 'Authorization: Bearer out-of-order' "$base/request/pets"

title 'AWS_IAM: signed requests'
sign=(--aws-sigv4 aws:amz:us-east-1:execute-api --user)
reader=AKIAEXAMPLEREADER001:reader-example-secret writer=AKIAEXAMPLEWRITER001:writer-example-secret
try 403 '{"message":"Missing Authentication Token"}' "$base/iam/pets"
try 200 '"Rex"' "${sign[@]}" "$reader" "$base/iam/pets?kind=dog"
try 200 '"X-User":["arn:aws:iam::000000000000:user/reader"]' "${sign[@]}" "$reader" "$base/iam/echo"
try 403 InvalidSignatureException "${sign[@]}" AKIAEXAMPLEREADER001:wrong-secret "$base/iam/pets"
try 403 UnrecognizedClientException "${sign[@]}" AKIAEXAMPLENOBODY001:some-secret "$base/iam/pets"
note 'What the policies of the keys say.'
try 403 AccessDeniedException "${sign[@]}" "$reader" -X POST -d "$dog" "$base/iam/pets"
try 403 'with an explicit deny' "${sign[@]}" "$reader" "$base/iam/pets/3"
try 201 Bello "${sign[@]}" "$writer" -X POST -d "$dog" "$base/iam/pets"

title 'A resource policy by addresses'
try 403 'with an explicit deny' "$base/network/pets"
try 403 'with an explicit deny' -H 'X-Forwarded-For: 198.51.100.7' "$base/network/pets"
note 'Only where a proxy stands in front is it believed whom it saw.'
try 200 '"Rex"' -H 'X-Forwarded-For: 198.51.100.7' "http://localhost:$proxied/network/pets"
try 403 'with an explicit deny' -H 'X-Forwarded-For: 203.0.113.9' "http://localhost:$proxied/network/pets"

title 'A resource policy with methods, paths and conditions'
try 200 '"Rex"' "$base/rules/pets"
try 403 AccessDeniedException -X POST -d "$dog" "$base/rules/pets"
try 403 AccessDeniedException -X POST -d "$dog" -H 'X-Forwarded-For: 198.51.100.7' "http://localhost:$proxied/rules/pets"
try 201 Bello -X POST -d "$dog" -H 'X-Forwarded-For: 198.51.100.7' -A office/2 "http://localhost:$proxied/rules/pets"
try 403 'with an explicit deny' "$base/rules/pets/2"
try 403 'with an explicit deny' --path-as-is "$base/rules/pets/1/../%32"
try 200 '"Mia"' --cacert "$definitions/certs/ca.pem" "https://localhost:$tls/rules/pets/2"

title 'Client certificates'
certs=$definitions/certs
partners=(--cacert "$certs/ca.pem" --connect-to "::localhost:$tls" https://partners.example.com)
client=(--cert "$certs/client.pem" --key "$certs/client.key")
try 200 '"Rex"' "${client[@]}" "${partners[@]}/pets"
try 200 '"X-Partner":["CN=client,O=Acme"]' "${client[@]}" "${partners[@]}/echo"
note 'Without one; with one that was revoked; with one that another authority signed.'
try 000 '' "${partners[@]}/pets"
try 000 '' --cert "$certs/revoked.pem" --key "$certs/revoked.key" "${partners[@]}/pets"
try 000 '' --cert "$certs/api.pem" --key "$certs/api.key" "${partners[@]}/pets"
note 'A Host header is not the name that was connected to.'
try 403 '{"message":"Forbidden"}' --cacert "$certs/ca.pem" -H 'Host: partners.example.com' "https://localhost:$tls/pets"
try 403 '{"message":"Forbidden"}' -H 'Host: partners.example.com' "$base/pets"

if [ "$failed" != 0 ]; then
	die 'some answers were not as they should be.'
fi
printf '\nAll answers were as they should be.\n'

if [ "${DEMO_KEEP:-}" = 1 ] || { [ -z "${DEMO_KEEP:-}" ] && [ -t 0 ] && [ -t 1 ]; }; then
	printf 'The definitions are in %s: change one while it runs. Ctrl-C ends it.\n' "$definitions"
	trap 'exit 0' INT TERM
	wait -n "${pids[@]}" || true
	die 'a process has ended.'
fi
