#!/bin/sh
# What docker-compose.yml relies on of the real one: as root it takes the folder and goes on as postgres; an empty folder
# becomes a cluster of POSTGRES_USER with POSTGRES_DB, and none is made without POSTGRES_PASSWORD.
set -eu
if [ "$(id -u)" = 0 ]; then
  install -d -m 700 -o postgres -g postgres "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -n "${POSTGRES_PASSWORD:-}" ] || { echo 'Error: Database is uninitialized and superuser password is not specified.' >&2; exit 1; }
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --no-sync -D "$PGDATA" -U "$POSTGRES_USER" --pwfile /tmp/password -E UTF8 --locale C
  rm /tmp/password
  printf 'host all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\nunix_socket_directories = '/tmp'\n" >> "$PGDATA/postgresql.conf"
  printf 'CREATE DATABASE "%s"' "$POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec "$@"
