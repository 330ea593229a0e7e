#!/bin/sh
set -e
# Arguments alone are the server's.
[ "${1:-}" = minio ] || set -- minio "$@"
exec "$@"
