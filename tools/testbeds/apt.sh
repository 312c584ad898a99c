# shellcheck shell=bash
# What the scripts that need packages of Debian or Ubuntu share; they source it, and have `fail`.

# apt_install PACKAGE…: as root, or through sudo without a password. What apt says goes to stderr. A mirror that refuses
# or stalls once, and a list of packages that is missing or old, are no reason to give up.
apt_install() {
  local as_root=() archives attempt is_done=
  command -v apt-get >/dev/null || fail "no apt-get here to install: $*"
  if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || fail "as root: apt-get install --no-install-recommends $*"
    as_root=(sudo -n)
  fi
  # An archive folder of its own: a concurrent apt-get may empty the shared one in mid-install. dpkg's lock is waited for.
  archives=$(mktemp -d)
  mkdir "$archives/partial"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  for attempt in 1 2 3 4; do
    if "${as_root[@]}" "${apt[@]}" -o Dir::Cache::archives="$archives" \
      install --yes --no-install-recommends "$@" >&2; then
      is_done=yes
      break
    fi
    [[ $attempt == 4 ]] && break
    sleep $((attempt * 3))
    "${as_root[@]}" "${apt[@]}" update >&2 || true
  done
  "${as_root[@]}" rm -rf "$archives"
  [[ -n $is_done ]] || fail "apt-get could not install $* (its reason is above)"
}
