#!/usr/bin/env bash
# A virtual environment with the Python package gateway_provisioners, whose launchers and response manager ours are
# tested against.
#
#   tools/testbeds/gateway-provisioners-python.sh path     makes it when it is missing, prints the interpreter's path
#   tools/testbeds/gateway-provisioners-python.sh env      prints `export GP_TEST_GATEWAY_PROVISIONERS_PYTHON=…`
#   tools/testbeds/gateway-provisioners-python.sh remove   deletes it
#
# It is apart from the one of python.sh, because the package pins what that one must not: see there for GP_TESTBED_CACHE
# and GP_TESTBED_PYTHON. What pip says goes to stderr; on any failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

packages=(gateway_provisioners==0.5.0 ipykernel==7.4.0 jupyter_client==8.10.0)
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}
base=${GP_TESTBED_PYTHON:-python3}

fail() {
  echo "gateway-provisioners-python.sh: $*" >&2
  exit 1
}

base_path=$(command -v "$base") || fail "no $base on PATH: install Python 3.10 or newer, or set GP_TESTBED_PYTHON"
"$base_path" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "$base_path is $("$base_path" --version 2>&1); Python 3.10 or newer is needed"

digest=$({
  "$base_path" -c 'import sys; print(sys.version, sys.executable)'
  printf '%s\n' "${packages[@]}"
} | sha256sum | cut -c1-16)
venv=$cache/gateway-provisioners-$digest
python=$venv/bin/python

up() {
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an environment is never used.
  exec 9>"$cache/gateway-provisioners.lock"
  flock 9
  if [[ ! -e $venv/.complete ]]; then
    echo "gateway-provisioners-python.sh: making $venv" >&2
    rm -rf "$venv"
    {
      "$base_path" -m venv "$venv" >&2 &&
        "$python" -m pip install --quiet --no-input --only-binary :all: "${packages[@]}" >&2 &&
        "$python" -c 'import gateway_provisioners, ipykernel, Cryptodome'
    } || {
      rm -rf "$venv"
      fail 'the packages could not be installed (the reason is above)'
    }
    touch "$venv/.complete"
  fi
  exec 9>&-
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_GATEWAY_PROVISIONERS_PYTHON=%q\n' "$python"
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
