# shellcheck shell=bash
# What the scripts that fetch from package sources share; they source it, and have `fail`. A mirror or an index that
# refuses once, or stalls, is no reason to give up.

# again COMMAND…: up to three times, until it succeeds.
again() {
  local attempt
  for attempt in 1 2 3; do
    "$@" && return 0
    [[ $attempt == 3 ]] || sleep $((attempt * 10))
  done
  return 1
}

# apt_install PACKAGE…: those that are missing, as root or through sudo without a password. What apt says goes to stderr.
apt_install() {
  local as_root=() missing=() package archives is_done=
  for package in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  command -v apt-get >/dev/null || fail "no apt-get here to install: ${missing[*]}"
  if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || fail "as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo -n)
  fi
  # An archive folder of its own: a concurrent apt-get may empty the shared one in mid-install.
  archives=$(mktemp -d)
  mkdir "$archives/partial"
  if again apt_install_once; then is_done=yes; fi
  "${as_root[@]}" rm -rf "$archives"
  [[ -n $is_done ]] || fail "apt-get could not install ${missing[*]} (its reason is above)"
}

# With the variables of apt_install. dpkg's lock is waited for; the list of packages may be missing or old.
apt_install_once() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  "${as_root[@]}" "${apt[@]}" -o Dir::Cache::archives="$archives" \
    install --yes --no-install-recommends "${missing[@]}" >&2 && return 0
  "${as_root[@]}" "${apt[@]}" update >&2 || true
  return 1
}

# pip_install PYTHON ARGUMENT…: wheels only, since a source build would need compilers that nobody promised. pip asks again
# where an index refuses, but not where a download breaks off; what was complete by then it has kept.
pip_install() {
  local with=$1
  shift
  again "$with" -m pip install --quiet --no-input --disable-pip-version-check --timeout 60 --only-binary :all: "$@" >&2
}
