#!/usr/bin/env bash
# Tools for agents: starts a backend and Gatehouse with a real Envoy, and sends what an
# agent's client sends. In a terminal (or with DEMO_KEEP=1) it goes on serving until Ctrl-C.
#
# Settings, all optional:
#   GATEHOUSE=path              the gatehouse binary; built when absent
#   ENVOY=path                  the Envoy binary
#   MCP_PORT=8080               the gateway's listener
#   MCP_BACKEND_PORT=9101, MCP_HTTP_PORT=8001    the backend, and Gatehouse's own pages
#   DEMO_KEEP=1 or 0            go on serving, or not
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${MCP_PORT:-8080} backend=${MCP_BACKEND_PORT:-9101} http=${MCP_HTTP_PORT:-8001}

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
	echo "mcp: $*" >&2
	for log in "$work"/*.log; do
		[ -s "$log" ] || continue
		echo "mcp: the last lines of ${log##*/}:" >&2
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
# try EXPECTED KEY MESSAGE shows a message and its answer, in which the text must be.
try() {
	local answer
	printf '\n> %s\n' "$3"
	answer=$(curl -s -m 10 -H "x-api-key: $2" -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d "$3" "http://localhost:$port/mcp") || true
	printf '< %s\n' "$answer"
	case $answer in
	*"$1"*) ;;
	*)
		echo "mcp: FAILED: the answer should have had $1 in it." >&2
		failed=1
		;;
	esac
}

key=agent-example-key-0001
printf '\n--- What there is\n'
try '"serverInfo":{"name":"pets"' "$key" '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"8"}}}'
try '"name":"addPet"' "$key" '{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
printf '\n--- Calls: each is a request to the API\n'
try '"structuredContent":{' "$key" '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"addPet","arguments":{"body":{"name":"Rex","kind":"dog"}}}}'
try 'Rex' "$key" '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"listPets"}}'
printf '\n--- The API refuses what it would refuse anybody\n'
for _ in 1 2; do try '"structuredContent":{' "$key" '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"addPet","arguments":{"body":{"name":"Tom"}}}}'; done
try '429 Too Many Requests' "$key" '{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"addPet","arguments":{"body":{"name":"Tom"}}}}'
printf '\n--- What is left out, and what an argument cannot do\n'
try 'there is no tool removePet' "$key" '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"removePet","arguments":{"id":"1"}}}'
try '"isError":true' "$key" '{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"getPet","arguments":{"id":".."}}}'
printf '\n--- Without a key\n'
try '{"message":"Forbidden"}' no-key '{"jsonrpc":"2.0","id":9,"method":"tools/list"}'

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
