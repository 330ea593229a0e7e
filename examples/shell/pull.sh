#!/bin/sh
# Has an image pulled by a message, and waits for the outcome, with the nats command. Usage: sh pull.sh REFERENCE
set -eu
reference=${1:-alpine:3}
id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
heard=$(mktemp)
trap 'kill "$listener" 2>/dev/null || true; rm -f "$heard"' EXIT

# Listen before asking: the outcome is said once.
nats sub --raw 'entrepot.outcome.anonymous.*' >"$heard" 2>/dev/null &
listener=$!
sleep 1
nats pub --header "Nats-Msg-Id:$id" entrepot.request.pull "{\"reference\":\"$reference\"}" >/dev/null 2>&1
until grep -q "\"request\": *\"$id\"" "$heard"; do
  kill -0 "$listener"
  sleep 0.2
done
outcome=$(grep "\"request\": *\"$id\"" "$heard")
case $outcome in
  *operation.completed.v1*) printf '%s\n' "$outcome" ;;
  *) printf '%s\n' "$outcome" >&2; exit 1 ;;
esac
