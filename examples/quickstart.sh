#!/bin/bash
# Backs up a real certification authority, loses it, and gets it back.
#
# usage: examples/quickstart.sh [DIRECTORY]     (default: ./quickstart)
#
# Everything is made inside of DIRECTORY; a second run begins anew there. Only packages
# that are missing for the build are installed elsewhere, with apt where that can be done.
set -euo pipefail
umask 022
export LC_ALL=C

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
. "$source_dir/examples/packages.sh"

mark=.backupapi-quickstart
certificates=50
revoked=5

step() { printf '\n== %s\n' "$*"; }
die() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

# ---- a directory of our own ----

prepare_directory() {
  dir=${1:-./quickstart}
  if [ -e "$dir" ] && [ ! -e "$dir/$mark" ] && [ -n "$(ls -A "$dir")" ]; then
    die "$dir exists, and is not from an earlier run"
  fi
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd -P)
  case $dir in
    *$'\n'*) die "a directory without a line break in its name, please" ;;
  esac
  : > "$dir/$mark"
  rm -rf "$dir/ca" "$dir/private" "$dir/config" "$dir/state" "$dir/sets" "$dir/notes"
  mkdir -m 700 "$dir/private" "$dir/config" "$dir/sets" "$dir/notes"
  log=$dir/log
  : > "$log"
}

on_exit() {
  local status=$?
  if [ "$status" -ne 0 ] && [ -s "${log:-}" ]; then
    printf '\nquickstart: failed; the end of %s:\n' "$log" >&2
    tail -n 20 "$log" >&2
  fi
}

build() {
  if [ ! -e "$dir/build/build.ninja" ]; then
    meson setup -Dtests=disabled "$dir/build" "$source_dir" >> "$log" 2>&1
  fi
  ninja -C "$dir/build" >> "$log" 2>&1
  PATH=$dir/build/examples:$PATH
  export BACKUPAPI_CONFIG_DIR=$dir/config BACKUPAPI_LIBEXECDIR=$dir/build/lib/worker
}

# ---- the certification authority ----

in_ca() { (cd "$dir/ca" && "$@"); }
ca() { in_ca openssl ca -batch -config "$dir/private/openssl.cnf" "$@" >> "$log" 2>&1; }

write_openssl_config() {
  # Relative paths: openssl would take a $ in an absolute one for a variable.
  cat > "$dir/private/openssl.cnf" << 'EOF'
[ca]
default_ca = quickstart
[quickstart]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = newcerts
certificate = ca.pem
private_key = ../private/ca.key
default_md = sha256
default_days = 365
default_crl_days = 30
policy = any
unique_subject = yes
[any]
commonName = supplied
[req]
prompt = no
distinguished_name = root
x509_extensions = authority
[root]
commonName = Quickstart CA
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
EOF
}

make_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1" 2>> "$log"; }

make_ca() {
  mkdir -p "$dir/ca/newcerts" "$dir/ca/crl"
  write_openssl_config
  make_key "$dir/private/ca.key"
  chmod 600 "$dir/private/ca.key"
  : > "$dir/ca/index.txt"
  echo 1000 > "$dir/ca/serial"
  echo 01 > "$dir/ca/crlnumber"
  in_ca openssl req -x509 -new -key ../private/ca.key -config ../private/openssl.cnf \
    -days 3650 -out ca.pem >> "$log" 2>&1
  # One key for all: only the certificates matter here.
  make_key "$dir/private/host.key"
  in_ca openssl req -new -key ../private/host.key -config ../private/openssl.cnf \
    -out ../private/host.csr >> "$log" 2>&1
}

issue() { ca -in ../private/host.csr -subj "/CN=$1" -notext; }

use_ca() {
  local i
  for ((i = 1; i <= certificates; i++)); do
    issue "$(printf 'host%02d.example.test' "$i")"
  done
  for ((i = 0; i < revoked; i++)); do
    ca -revoke "$(printf 'newcerts/%X.pem' $((0x1000 + i * 7)))"
  done
  ca -gencrl -out crl/ca.crl
}

# "SERIAL=Valid (V)" and so on, as openssl ca itself knows it, for every certificate. (It
# exits with 1 whatever it answers.)
known_certificates() {
  local serial serials
  mapfile -t serials < <(cut -f 4 "$1")
  for serial in "${serials[@]}"; do
    { in_ca openssl ca -config ../private/openssl.cnf -status "$serial" 2>&1 || true; } |
      grep "^$serial="
  done
}

# ---- backup, loss, restore ----

write_server_config() {
  cat > "$dir/config/quickstart.conf" << EOF
[server]
name = quickstart
family = certsrv
authority = Quickstart CA
state_dir = $dir/state

[store]
engine = flat
database = $dir/ca/index.txt
database = $dir/ca/index.txt.attr
database = $dir/ca/serial
database = $dir/ca/crlnumber
database = $dir/ca/newcerts/*.pem
dynamic = $dir/ca/ca.pem
dynamic = $dir/ca/crl/*.crl
EOF
  chmod 600 "$dir/config/quickstart.conf"
}

check() {
  if ! "${@:2}"; then
    die "$1: NOT SO"
  fi
  printf 'yes: %s\n' "$1"
}

compare_status() {
  known_certificates "$dir/notes/index.txt" > "$dir/notes/status.after"
  cmp -s "$dir/notes/status.before" "$dir/notes/status.after"
}

issue_next() {
  local next=$1
  issue after-the-loss.example.test
  [ -s "$dir/ca/newcerts/$next.pem" ] &&
    openssl verify -CAfile "$dir/ca/ca.pem" "$dir/ca/newcerts/$next.pem" >> "$log" 2>&1
}

main() {
  local next
  prepare_directory "$@"
  trap on_exit EXIT
  need_packages gcc libc6-dev meson ninja-build pkg-config openssl uuid-dev libsqlite3-dev \
    libssl-dev libacl1-dev libxxhash-dev

  step "building in $dir/build"
  build

  step "a certification authority: $certificates certificates, $revoked of them revoked, a CRL"
  make_ca
  use_ca
  next=$(cat "$dir/ca/serial")
  cp "$dir/ca/index.txt" "$dir/notes/index.txt"
  known_certificates "$dir/notes/index.txt" > "$dir/notes/status.before"
  [ "$(wc -l < "$dir/notes/status.before")" -eq "$certificates" ] || die "no CA to save"
  echo "the next serial is $next"

  step "backup"
  write_server_config
  certbackup backup quickstart "$dir/sets/full"
  certbackup verify "$dir/sets/full"
  (cd "$dir/sets/full" && sha256sum --check --quiet SHA256SUMS)
  echo "sha256sum finds the same"

  step "the loss: $dir/ca is deleted"
  rm -rf "$dir/ca"

  step "restore"
  certbackup restore --dynamic quickstart "$dir/sets/full"
  backupapi-recover quickstart

  step "is everything back?"
  check "index.txt is what it was" cmp -s "$dir/ca/index.txt" "$dir/notes/index.txt"
  check "openssl ca knows all $certificates certificates, $revoked as revoked" compare_status
  check "openssl ca issues the next certificate, number $next" issue_next "$next"

  step "done"
  cat << EOF
A CA made with "openssl ca" was backed up with certbackup, verified, deleted, restored
with certbackup, recovered with backupapi-recover, and went on where it had stopped.
The CA's private key is no part of its database, here as on Windows: it was kept apart,
in $dir/private.

  $dir/ca                        the CA, restored
  $dir/sets/full                 the backup set
  $dir/config/quickstart.conf    what describes the CA to the library
  $dir/private                   the keys, and openssl's configuration
  $dir/build/examples            the programs
  $dir/log                       what the tools printed

Try more of it:
  export BACKUPAPI_CONFIG_DIR=$dir/config
  $dir/build/examples/certbackup status
EOF
}

main "$@"
