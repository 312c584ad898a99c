#!/usr/bin/env bash
# A virtual environment with the Jupyter programs that the integration tests use.
#
#   eval "$(tools/testbeds/python.sh env)"   makes it when it is missing, prints `export GP_TEST_PYTHON=…`
#   tools/testbeds/python.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/python.sh lock            writes python-constraints.txt anew from python-requirements.txt
#   tools/testbeds/python.sh remove          deletes it
#
# GP_TESTBED_CACHE and GP_TESTBED_PYTHON: see venv.sh.
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

requirements=$here/python-requirements.txt
constraints=$here/python-constraints.txt
venv_for python 10 < <(cat "$requirements" "$constraints" 2>/dev/null)

create_free() { pip_install "$1/bin/python" --requirement "$requirements"; }
create() { pip_install "$1/bin/python" --requirement "$requirements" --constraint "$constraints"; }
up() {
  complete_venv create \
    'import ipykernel, ipywidgets, jupyter_kernel_test, jupyterlab, nbclient, papermill, pytest, websocket'
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
    write_constraints create_free "$constraints"
    ;;
  remove)
    rm -rf "$venv"
    ;;
  *)
    fail "usage: $0 env|path|lock|remove"
    ;;
esac
