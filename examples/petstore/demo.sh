#!/usr/bin/env bash
# Serves the petstore through Gatehouse and a real Envoy, sends it a few requests
# and checks the answers. In a terminal (or with DEMO_KEEP=1) it goes on serving
# until Ctrl-C; else it ends, with 0 when every answer was as it should be.
#
# Settings, all optional:
#   GATEHOUSE=path              the gatehouse binary; built when absent
#   ENVOY=path                  the Envoy binary
#   PETSTORE_PORT=8080          the gateway's listener
#   PETSTORE_BLUE_PORT=9101     the backend of stage v1
#   PETSTORE_GREEN_PORT=9102    the backend of stage v2
#   GATEHOUSE_HTTP_ADDRESS=127.0.0.1:8001, GATEHOUSE_ADMIN=127.0.0.1:9901   and the like:
#                               flags of `gatehouse run`, as always
#   DEMO_KEEP=1 or 0            go on serving, or not
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${PETSTORE_PORT:-8080} blue=${PETSTORE_BLUE_PORT:-9101} green=${PETSTORE_GREEN_PORT:-9102}

work=$(mktemp -d)
pids=()
stop() {
	trap - EXIT INT TERM
	# The gateway was started last and is stopped first, so that it can drain.
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
	echo "demo: $*" >&2
	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		echo "demo: the last lines of ${log##*/}:" >&2
		tail -n 20 "$log" >&2
	done
	if grep -qsE 'in use|port-in-use' "$work"/*.log; then
		echo "demo: other ports are taken by: PETSTORE_PORT=8090 PETSTORE_BLUE_PORT=9111 PETSTORE_GREEN_PORT=9112 GATEHOUSE_HTTP_ADDRESS=127.0.0.1:8011 GATEHOUSE_ADMIN=127.0.0.1:9911 make demo" >&2
	fi
	exit 1
}

command -v curl >/dev/null || die "curl was not found; it sends the demo's requests."

# await URL PID WHAT waits until the URL answers 200.
await() {
	for _ in $(seq 300); do
		[ "$(curl -s -o /dev/null -w '%{http_code}' -m 2 "$1")" != 200 ] || return 0
		kill -0 "$2" 2>/dev/null || die "$3 has ended."
		sleep 0.1
	done
	die "$3 did not answer at $1 within 30 s."
}

cd "$root"
gatehouse=${GATEHOUSE:-}
if [ -z "$gatehouse" ]; then
	gatehouse=$work/gatehouse
	go build -o "$gatehouse" ./cmd/gatehouse
fi
go build -o "$work/backend" ./examples/petstore/backend

# Other ports than the usual ones are written into a copy of the definitions.
definitions=$here
if [ "$port $blue $green" != '8080 9101 9102' ]; then
	definitions=$work/definitions
	mkdir "$definitions"
	cp "$here"/*.yaml "$definitions"
	sed "s/8080/$port/; s/9101/$blue/; s/9102/$green/" "$here/gatehouse.yaml" >"$definitions/gatehouse.yaml"
fi

"$work/backend" -name blue -addr "127.0.0.1:$blue" 2>"$work/blue.log" &
pids+=($!)
await "http://127.0.0.1:$blue/healthz" $! 'the blue backend'
"$work/backend" -name green -addr "127.0.0.1:$green" 2>"$work/green.log" &
pids+=($!)
await "http://127.0.0.1:$green/healthz" $! 'the green backend'

"$gatehouse" run --data-dir "$work/data" "$definitions" >"$work/gatehouse.log" 2>&1 &
pids+=($!)
gatehouse_pid=$!
await "http://127.0.0.1:$port/_aws/execute-api/petstore/v1/health" "$gatehouse_pid" gatehouse

failed=0
# try STATUS TEXT CURL-ARGUMENTS... shows a request and its answer, and checks the
# status and that the text occurs in the answer, headers included.
try() {
	local status=$1 text=$2 answer
	shift 2
	printf '\n$ curl'
	for word in "$@"; do
		if [[ $word =~ ^[-A-Za-z0-9_./:=]+$ ]]; then printf ' %s' "$word"; else printf " '%s'" "$word"; fi
	done
	printf '\n'
	answer=$(curl -sS -m 10 -D "$work/headers" -o "$work/body" -w '%{http_code}' "$@") || answer="no answer"
	echo "HTTP $answer"
	{ grep -iE '^(content-type|location|x-served-by|x-amzn-errortype|access-control-allow-origin|retry-after):' "$work/headers" || true; } | tr -d '\r'
	cat "$work/body"
	[ -z "$(tail -c 1 "$work/body")" ] || echo
	if [ "$answer" != "$status" ]; then
		echo "demo: FAILED: the answer should have been $status." >&2
		failed=1
	elif ! grep -qF -- "$text" "$work/headers" "$work/body"; then
		echo "demo: FAILED: the answer should have held: $text" >&2
		failed=1
	fi
}

base=http://localhost:$port
try 200 '"name":"Rex"' "$base/v1/pets"
try 200 '"name":"Mia"' "$base/v1/pets/2"
try 201 '"name":"Bubbles"' -X POST -H 'Content-Type: application/json' -d '{"name":"Bubbles","kind":"fish"}' "$base/v1/pets"
try 400 'not found in enum' -X POST -H 'Content-Type: application/json' -d '{"name":"Ziggy","kind":"spider"}' "$base/v1/pets"
try 403 '{"message":"Missing Authentication Token"}' "$base/v1/no-such-path"
try 200 '"stage": "v1"' "$base/v1/health"
try 200 'x-served-by: green' "$base/v2/pets?kind=cat"
try 200 'data: Mia sleeps' -N "$base/v2/pets/events?count=2&interval=100ms"
try 200 'x-served-by: blue' "$base/_aws/execute-api/petstore/v1/pets/1"
try 200 'x-served-by: blue' -H "Host: pets-http.execute-api.localhost:$port" "$base/pets/3"

if [ "$failed" != 0 ]; then
	die "some answers were not as they should be."
fi

# A little more, so that there is something to look at.
for i in $(seq 40); do
	curl -s -m 10 "$base/v1/pets" "$base/v2/pets?kind=cat" "$base/v1/pets/$((i % 5 + 1))" "$base/pets" >/dev/null || true
done
dashboard=$(sed -n 's|.* status=\(http://[^ ]*\)/status.*|\1/dashboard/|p' "$work/gatehouse.log" | head -n 1)
[ -n "$dashboard" ] && [ "$(curl -s -m 10 -o /dev/null -w '%{http_code}' "$dashboard")" = 200 ] || die "the dashboard does not answer."

cat <<END

The petstore is served by Envoy, configured by Gatehouse:
  v1          $base/v1/pets
  v2          $base/v2/pets
  HTTP API    $base/pets
  as on AWS   http://petstore.execute-api.localhost:$port/v1/pets
Its definitions are in ${definitions#"$root"/}: change one while it runs.
The dashboard shows what was called just now:
  $dashboard
END

if [ "${DEMO_KEEP:-}" = 1 ] || { [ -z "${DEMO_KEEP:-}" ] && [ -t 0 ] && [ -t 1 ]; }; then
	echo 'Ctrl-C ends it.'
	trap 'exit 0' INT TERM
	wait "$gatehouse_pid" || die "gatehouse has ended."
fi
