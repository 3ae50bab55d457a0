# packages.sh - to be sourced: need_packages installs the Debian packages it is given
# that are missing, or, where it cannot, prints their names and ends the script.

_packages_missing() {
  local package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      echo "$package"
  done
}

# Tests start servers of their own; those of the system are to stay as they are, and what
# is installed here is not to start. An administrator's policy is left alone.
_packages_install='
  policy=/usr/sbin/policy-rc.d
  if [ -d /usr/sbin ] && [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    trap "exit 130" INT TERM HUP
    printf "#!/bin/sh\nexit 101\n" > "$policy" && chmod 755 "$policy" || exit 1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
    < /dev/null > /dev/null
'

_packages_as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

need_packages() {
  local missing
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "No apt here. Make sure that this system has what these Debian packages hold:" >&2
    echo "  $*" >&2
    [ "${BACKUPAPI_NO_INSTALL:-}" = 1 ] && return 0
    echo "then run again with BACKUPAPI_NO_INSTALL=1." >&2
    exit 1
  fi
  mapfile -t missing < <(_packages_missing "$@")
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "${BACKUPAPI_NO_INSTALL:-}" = 1 ] ||
    { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
    echo "These packages are missing: ${missing[*]}" >&2
    exit 1
  fi
  echo "Installing ${missing[*]}"
  _packages_as_root apt-get update -qq
  _packages_as_root sh -c "$_packages_install" packages "${missing[@]}"
}
