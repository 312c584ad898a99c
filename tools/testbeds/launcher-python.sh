#!/usr/bin/env bash
# A virtual environment with ipykernel 6 and nothing else: the least, and the oldest, that the Python launcher runs on.
#
#   eval "$(tools/testbeds/launcher-python.sh env)"   makes it when it is missing, prints `export GP_TEST_LAUNCHER_PYTHON=…`
#   tools/testbeds/launcher-python.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/launcher-python.sh remove          deletes it
#
# See python.sh for GP_TESTBED_CACHE and GP_TESTBED_PYTHON. What pip says goes to stderr; on any failure the exit code is
# not 0 and stdout stays empty.
set -euo pipefail

packages=(ipykernel==6.31.0 jupyter_client==8.6.3)
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}
base=${GP_TESTBED_PYTHON:-python3}

fail() {
  echo "launcher-python.sh: $*" >&2
  exit 1
}

base_path=$(command -v "$base") || fail "no $base on PATH: install Python 3.9 or newer, or set GP_TESTBED_PYTHON"
"$base_path" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
  fail "$base_path is $("$base_path" --version 2>&1); Python 3.9 or newer is needed"

digest=$({
  "$base_path" -c 'import sys; print(sys.version, sys.executable)'
  printf '%s\n' "${packages[@]}"
} | sha256sum | cut -c1-16)
venv=$cache/launcher-python-$digest
python=$venv/bin/python

up() {
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an environment is never used.
  exec 9>"$cache/launcher-python.lock"
  flock 9
  if [[ ! -e $venv/.complete ]]; then
    echo "launcher-python.sh: making $venv" >&2
    rm -rf "$venv"
    {
      "$base_path" -m venv "$venv" >&2 &&
        "$python" -m pip install --quiet --no-input --only-binary :all: "${packages[@]}" >&2 &&
        "$python" -c 'import ipykernel, sys; sys.exit(ipykernel.version_info[0] != 6)'
    } || {
      rm -rf "$venv"
      fail 'ipykernel 6 could not be installed (the reason is above)'
    }
    # The launcher is to do without them here.
    "$python" -c 'import nacl' 2>/dev/null && fail 'PyNaCl came along with ipykernel'
    "$python" -c 'import Crypto' 2>/dev/null && fail 'pycryptodome came along with ipykernel'
    touch "$venv/.complete"
  fi
  exec 9>&-
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_LAUNCHER_PYTHON=%q\n' "$python"
    ;;
  path)
    up
    printf '%s\n' "$python"
    ;;
  remove)
    rm -rf "$venv"
    ;;
  *)
    fail "usage: $0 env|path|remove"
    ;;
esac
