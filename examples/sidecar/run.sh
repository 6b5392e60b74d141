#!/usr/bin/env bash
# Two services, an Envoy beside each, one control plane: starts them, sends a
# request through each sidecar, and stays until Ctrl-C in a terminal.
#
# Settings, all optional:
#   GATEHOUSE=path              the gatehouse binary; built when absent
#   ENVOY=path                  the Envoy binary; found or downloaded when absent
#   ORDERS_PORT=8081, STOCK_PORT=8082                   the sidecars' listeners
#   ORDERS_SERVICE_PORT=9201, STOCK_SERVICE_PORT=9202   the services themselves
#   XDS_PORT=18000              where the sidecars find their control plane
#   HTTP_PORT=8001              where the control plane shows its status
#   DEMO_KEEP=1 or 0            go on serving, or not
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
orders=${ORDERS_PORT:-8081} stock=${STOCK_PORT:-8082}
orders_service=${ORDERS_SERVICE_PORT:-9201} stock_service=${STOCK_SERVICE_PORT:-9202}
xds=${XDS_PORT:-18000} http=${HTTP_PORT:-8001}

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
	echo "sidecar: $*" >&2
	for log in "$work"/*.log; do
		echo "sidecar: the last lines of ${log##*/}:" >&2
		tail -n 10 "$log" >&2
	done
	exit 1
}

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
envoy=${ENVOY:-$(.ci/get-envoy)}
go build -o "$work/service" ./examples/petstore/backend

# Other ports than the usual ones are written into a copy of the definitions.
mkdir "$work/definitions"
cp "$here"/*.yaml "$work/definitions"
sed "s/8081/$orders/; s/8082/$stock/; s/9201/$orders_service/; s/9202/$stock_service/" \
	"$here/gatehouse.yaml" >"$work/definitions/gatehouse.yaml"
definitions=$work/definitions
cmp -s "$definitions/gatehouse.yaml" "$here/gatehouse.yaml" && definitions=$here

start orders-service "$work/service" -name orders -addr "127.0.0.1:$orders_service"
start stock-service "$work/service" -name stock -addr "127.0.0.1:$stock_service"
start gatehouse "$gatehouse" serve --xds-address "127.0.0.1:$xds" --http-address "127.0.0.1:$http" \
	--data-dir "$work/data" "$definitions"

# An Envoy belongs to the gateway that its bootstrap names. Each needs a base id of
# its own when several run on one machine.
for gateway in orders-sidecar stock-sidecar; do
	"$gatehouse" bootstrap --gateway "$gateway" --node-id "$gateway-1" --xds-address "127.0.0.1:$xds" --admin none >"$work/$gateway.yaml"
	start "$gateway" "$envoy" -c "$work/$gateway.yaml" --use-dynamic-base-id --log-level warning
done

for port in "$orders" "$stock"; do
	await "http://127.0.0.1:$port/pets"
	printf '\n$ curl -i http://127.0.0.1:%s/pets/1\n' "$port"
	curl -si "http://127.0.0.1:$port/pets/1"
done
served_by() { curl -si "http://127.0.0.1:$1/pets" | tr -d '\r' | sed -n 's/^x-served-by: //p'; }
[ "$(served_by "$orders")" = orders ] || die 'the orders sidecar does not lead to orders.'
[ "$(served_by "$stock")" = stock ] || die 'the stock sidecar does not lead to stock.'

printf '\norders is behind http://127.0.0.1:%s/pets, stock behind http://127.0.0.1:%s/pets.\n' "$orders" "$stock"
if [ "${DEMO_KEEP:-}" = 1 ] || { [ -z "${DEMO_KEEP:-}" ] && [ -t 0 ] && [ -t 1 ]; }; then
	echo 'Ctrl-C ends it.'
	trap 'exit 0' INT TERM
	wait -n "${pids[@]}" || true
	die 'a process has ended.'
fi
