# shellcheck shell=bash
# What the scripts that make Python environments share; they source it.
#
# GP_TESTBED_CACHE (default ~/.cache/gateway-provisioners) is where environments live: outside the checkout, so that a
# fresh clone finds them again. GP_TESTBED_PYTHON (default python3) is the interpreter to build from. What pip says goes
# to stderr; on any failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$(basename "$0")
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}

fail() {
  echo "$script: $*" >&2
  exit 1
}

# shellcheck source=tools/testbeds/fetch.sh
source "$here/fetch.sh"

# venv_for NAME MINOR: sets base_path, venv and python, for an environment made of Python 3.MINOR or newer and of what
# stdin says. The folder's name carries all that it is made from: another interpreter or list gets another folder.
venv_for() {
  local name=$1 minor=$2 base=${GP_TESTBED_PYTHON:-python3} digest
  base_path=$(command -v "$base") || fail "no $base on PATH: install Python 3.$minor or newer, or set GP_TESTBED_PYTHON"
  "$base_path" -c "import sys; sys.exit(sys.version_info < (3, $minor))" ||
    fail "$base_path is $("$base_path" --version 2>&1); Python 3.$minor or newer is needed"
  "$base_path" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$base_path has no venv/ensurepip: on Debian install python3-venv"
  digest=$({
    "$base_path" -c 'import sys; print(sys.version, sys.executable)'
    cat
  } | sha256sum | cut -c1-16)
  venv=$cache/$name-$digest
  python=$venv/bin/python
  lock=$cache/$name.lock
}

# complete_venv CREATE CHECK: makes the environment when it is missing. CREATE is a function that is given the folder,
# CHECK is Python that fails where something is wrong with what was made.
complete_venv() {
  local create=$1 check=$2
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an environment is never used.
  exec 9>"$lock"
  flock 9
  if [[ ! -e $venv/.complete ]]; then
    echo "$script: making $venv" >&2
    rm -rf "$venv"
    { "$base_path" -m venv "$venv" >&2 && "$create" "$venv"; } || {
      rm -rf "$venv"
      fail 'the packages could not be installed (the reason is above)'
    }
    "$python" -c "$check" || fail "$venv is not what it was made for"
    touch "$venv/.complete"
  fi
  exec 9>&-
}

# write_constraints CREATE FILE: what pip chooses without constraints, as constraints.
write_constraints() {
  local create=$1 file=$2 scratch
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  "$base_path" -m venv "$scratch/venv" >&2
  "$create" "$scratch/venv" || fail 'pip could not install the requirements (its reason is above)'
  "$scratch/venv/bin/python" -m pip freeze --exclude-editable >"$scratch/frozen"
  { echo "# Written by $script lock; do not edit."; cat "$scratch/frozen"; } >"$file"
}
