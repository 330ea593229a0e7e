#!/bin/sh
# Has the images of a CI job fetched, all at once, and waits for them. Usage: sh pull-before-build.sh REFERENCE...
# Asked again under the same key (a job that is run again), nothing is done twice.
set -eu
url=${ENTREPOT_URL:-http://127.0.0.1:5050}
job=${CI_JOB_ID:-$$}

for reference in "$@"; do
  key=$(printf '%s' "$job-$reference" | tr -c 'A-Za-z0-9.-' '_')
  curl -fsS -o /dev/null -X POST "$url/api/v1/operations" \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $key" \
    -d "{\"kind\":\"pull\",\"reference\":\"$reference\"}" -D "/tmp/$key.headers"
done
for reference in "$@"; do
  key=$(printf '%s' "$job-$reference" | tr -c 'A-Za-z0-9.-' '_')
  operation=$(tr -d '\r' <"/tmp/$key.headers" | sed -n 's/^[Ll]ocation: //p')
  rm -f "/tmp/$key.headers"
  # Ends by itself when the operation has ended; its last event has the state.
  last=$(curl -fsSN "$url$operation/events" | sed -n 's/^data: //p' | tail -n 1)
  case $last in
    *'"state":"completed"'*) echo "$reference is here" ;;
    *) echo "$reference: $last" >&2; exit 1 ;;
  esac
done
