#!/bin/sh
# From now on, every night at three (Berlin's clock), images without a name that nobody has pulled for a week go.
# Usage: sh prune-nightly.sh; said again it is the same schedule.
set -eu
url=${ENTREPOT_URL:-http://127.0.0.1:5050}

curl -fsS -X PUT "$url/api/v1/schedules/nightly" -H 'Content-Type: application/json' \
  -d '{"cron":"0 3 * * *","timeZone":"Europe/Berlin","prune":{"dangling":true,"until":"7d"}}'
echo

# What would go if it were three o'clock now, and why:
plan=$(curl -fsS -X POST "$url/api/v1/prune" -H 'Content-Type: application/json' \
  -d '{"dangling":true,"until":"7d","dryRun":true}' | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
curl -fsS "$url/api/v1/plans/$plan"
echo
