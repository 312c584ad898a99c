#!/usr/bin/env bash
# A virtual environment with the Jupyter programs that the integration tests use.
#
#   eval "$(tools/testbeds/python.sh env)"   makes it when it is missing, prints `export GP_TEST_PYTHON=…`
#   tools/testbeds/python.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/python.sh lock            writes python-constraints.txt anew from python-requirements.txt
#   tools/testbeds/python.sh remove          deletes it
#
# GP_TESTBED_CACHE (default ~/.cache/gateway-provisioners) is where it lives: outside the checkout, so that a fresh
# clone finds it again. GP_TESTBED_PYTHON (default python3) is the interpreter to build from. What pip says goes to
# stderr; on any failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/python-requirements.txt
constraints=$here/python-constraints.txt
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}
base=${GP_TESTBED_PYTHON:-python3}

fail() {
  echo "python.sh: $*" >&2
  exit 1
}

base_path=$(command -v "$base") || fail "no $base on PATH: install Python 3.10 or newer, or set GP_TESTBED_PYTHON"
"$base_path" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
  fail "$base_path is $("$base_path" --version 2>&1); Python 3.10 or newer is needed"
"$base_path" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "$base_path has no venv/ensurepip: on Debian install python3-venv"

# The folder's name carries all that the environment is made from: another interpreter or list gets another folder.
digest=$({
  "$base_path" -c 'import sys; print(sys.version, sys.executable)'
  cat "$requirements" "$constraints" 2>/dev/null || true
} | sha256sum | cut -c1-16)
venv=$cache/python-$digest
python=$venv/bin/python

create() {
  local target=$1 and_constraints=()
  [[ $2 == constrained ]] && and_constraints=(--constraint "$constraints")
  rm -rf "$target"
  "$base_path" -m venv "$target" >&2
  # --only-binary: a source build would need compilers that nobody promised.
  "$target/bin/python" -m pip install --quiet --no-input --only-binary :all: \
    --requirement "$requirements" "${and_constraints[@]}" >&2
}

up() {
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an environment is never used.
  exec 9>"$cache/python.lock"
  flock 9
  if [[ ! -e $venv/.complete ]]; then
    echo "python.sh: making $venv" >&2
    create "$venv" constrained || {
      rm -rf "$venv"
      fail 'pip could not install the requirements (its reason is above)'
    }
    "$python" -c 'import ipykernel, ipywidgets, jupyter_kernel_test, jupyterlab, nbclient, papermill, pytest, websocket' ||
      fail "$venv does not import what it was made for"
    touch "$venv/.complete"
  fi
  exec 9>&-
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_PYTHON=%q\n' "$python"
    ;;
  path)
    up
    printf '%s\n' "$python"
    ;;
  lock)
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    create "$scratch/venv" free || fail 'pip could not install the requirements (its reason is above)'
    "$scratch/venv/bin/python" -m pip freeze --exclude-editable >"$scratch/frozen"
    { echo '# Written by python.sh lock; do not edit.'; cat "$scratch/frozen"; } >"$constraints"
    ;;
  remove)
    rm -rf "$venv"
    ;;
  *)
    fail "usage: $0 env|path|lock|remove"
    ;;
esac
