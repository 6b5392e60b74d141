#!/usr/bin/env bash
# Usage plans: starts a backend and Gatehouse with a real Envoy, sends requests until they
# are refused, extends a quota, and shows who called how often. In a terminal (or with
# DEMO_KEEP=1) it goes on serving until Ctrl-C.
#
# Settings, all optional:
#   GATEHOUSE=path              the gatehouse binary; built when absent
#   ENVOY=path                  the Envoy binary
#   PLANS_PORT=8080             the gateway's listener
#   PLANS_BACKEND_PORT=9101, PLANS_HTTP_PORT=8001    the backend, and Gatehouse's own pages
#   DEMO_KEEP=1 or 0            go on serving, or not
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${PLANS_PORT:-8080} backend=${PLANS_BACKEND_PORT:-9101} http=${PLANS_HTTP_PORT:-8001}

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
	echo "usage-plans: $*" >&2
	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		echo "usage-plans: the last lines of ${log##*/}:" >&2
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
go build -o "$work/backend" ./examples/petstore/backend

# Other ports than the usual ones are written into a copy of the definitions.
definitions=$work/definitions
mkdir "$definitions"
for file in "$here"/*.yaml; do
	sed "s/port: 8080/port: $port/; s/127.0.0.1:9101/127.0.0.1:$backend/g" "$file" >"$definitions/${file##*/}"
done

start backend "$work/backend" -name pets -addr "127.0.0.1:$backend"
await "http://127.0.0.1:$backend/healthz"
start gatehouse "$gatehouse" run --http-address "127.0.0.1:$http" --data-dir "$work/data" "$definitions"
await "http://localhost:$port/health"

failed=0
# try STATUS KEY shows a request with a key and its answer, and checks the status.
try() {
	local answer
	printf "\n\$ curl -H 'x-api-key: %s' http://localhost:%s/pets\n" "$2" "$port"
	answer=$(curl -s -m 10 -D "$work/headers" -o "$work/body" -w '%{http_code}' -H "x-api-key: $2" "http://localhost:$port/pets") || true
	echo "HTTP $answer"
	if [ "$answer" != 200 ]; then
		{ grep -iE '^(retry-after|x-amzn-errortype):' "$work/headers" || true; } | tr -d '\r'
		cat "$work/body"
		echo
	fi
	if [ "$answer" != "$1" ]; then
		echo "usage-plans: FAILED: the answer should have been $1." >&2
		failed=1
	fi
}

usage() {
	printf '\n$ gatehouse usage %s\n' "$*"
	"$gatehouse" usage --server "http://127.0.0.1:$http" "$@" || failed=1
}

printf '\n--- A plan with much of everything\n'
for _ in 1 2 3 4 5; do try 200 acme-example-key-0001; done
printf '\n--- A throttle: three calls at once\n'
for _ in 1 2 3; do try 200 free-example-key-0001; done
try 429 free-example-key-0001
printf '\n--- A quota: three calls a day\n'
for _ in 1 2 3; do try 200 trial-example-key-0001; done
try 429 trial-example-key-0001
printf '\n--- One more, as an exception\n'
usage --plan trial --key umbrella --set-remaining 1
try 200 trial-example-key-0001
try 429 trial-example-key-0001

printf '\n--- Who called how often: Envoy tells every five seconds\n'
for _ in $(seq 100); do
	counted=$("$gatehouse" usage --server "http://127.0.0.1:$http" -o csv) || failed=1
	case $counted in *,gold,acme,pets,v1,5,0*,free,hooli,pets,v1,3,0*,trial,umbrella,pets,v1,4,2*) break ;; esac
	sleep 0.2
done
usage
case $counted in
*,gold,acme,pets,v1,5,0*,free,hooli,pets,v1,3,0*,trial,umbrella,pets,v1,4,2*) ;;
*) die 'this is not what was called.' ;;
esac

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
