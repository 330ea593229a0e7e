#!/bin/sh
# Makes the secrets that docker-compose.yml asks for, in .env beside it, once.
set -eu
cd "$(dirname "$0")/.."
umask 077
if [ -e .env ]; then
  echo ".env is there already; remove it to make new secrets (the databases keep the old ones)" >&2
  exit 1
fi
{
  echo "ENTREPOT_SECRET=$(openssl rand -base64 32)"
  # Hex, for they stand in addresses.
  echo "POSTGRES_PASSWORD=$(openssl rand -hex 24)"
  echo "NATS_PASSWORD=$(openssl rand -hex 24)"
  echo "MINIO_PASSWORD=$(openssl rand -hex 24)"
} > .env
echo "wrote .env"
