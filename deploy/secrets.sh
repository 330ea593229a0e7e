#!/bin/sh
# Makes the secrets that docker-compose.yml asks for, in .env beside it: each once, so that a newer version's new ones
# are added to what is there.
set -eu
cd "$(dirname "$0")/.."
umask 077

# The bytes that standard input gives in hex, as NATS tools write keys: with a CRC-16 of them, in base32.
nkey() {
  sum=0 all=""
  for byte in $(sed 's/../ 0x&/g'); do
    all="$all $((byte))"
    sum=$((sum ^ (byte << 8)))
    for _ in 1 2 3 4 5 6 7 8; do
      sum=$((sum << 1)); [ "$sum" -lt 65536 ] || sum=$(((sum ^ 0x1021) & 0xffff))
    done
  done
  bits=0 held=0 text=""
  for byte in $all $((sum & 255)) $((sum >> 8)); do
    held=$(((held << 8) | byte)) bits=$((bits + 8))
    while [ "$bits" -ge 5 ]; do
      bits=$((bits - 5)); text="$text $((held >> bits))"; held=$((held & ((1 << bits) - 1)))
    done
  done
  [ "$bits" = 0 ] || text="$text $((held << (5 - bits)))"
  for five in $text; do
    printf %s ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 | cut -c $((five + 1))
  done | tr -d '\n'
}

hex() { od -An -v -tx1 | tr -d ' \n'; }

# The key that lets in users of the bus who are made at run time: metadata has its seed, the server knows its name.
issuer() {
  key=$(openssl genpkey -algorithm ed25519)
  # What stands before the 32 bytes of such a key in DER is the same for all (RFC 8410).
  seed=$(printf '%s\n' "$key" | openssl pkey -outform DER | hex)
  name=$(printf '%s\n' "$key" | openssl pkey -pubout -outform DER | hex)
  echo "NATS_ISSUER_SEED=$(printf 9000%s "${seed#302e020100300506032b657004220420}" | nkey)"
  echo "NATS_ISSUER=$(printf 00%s "${name#302a300506032b6570032100}" | nkey)"
}

has() { [ -e .env ] && grep -q "^$1=." .env; }

made=""
add() {
  has "$1" && return
  lines=$("$2" "$1")
  # Whoever wrote its last line may not have ended it.
  [ -s .env ] && [ -n "$(tail -c 1 .env)" ] && echo >> .env
  printf '%s\n' "$lines" >> .env
  made="$made $1"
}

# Each in an assignment of its own, whose failure ends it all: nothing is written then.
secret() { value=$(openssl rand -base64 32); echo "$1=$value"; }
# Hex, for they stand in addresses.
password() { value=$(openssl rand -hex 24); echo "$1=$value"; }

add ENTREPOT_SECRET secret
add POSTGRES_PASSWORD password
add NATS_PASSWORD password
add MINIO_PASSWORD password
add NATS_ISSUER issuer
if [ -z "$made" ]; then
  echo ".env has them all; remove it to make new secrets (the databases keep the old ones)" >&2
  exit 1
fi
echo "wrote .env:$made"
