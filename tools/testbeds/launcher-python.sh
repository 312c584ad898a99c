#!/usr/bin/env bash
# A virtual environment with ipykernel 6 and nothing else: the least, and the oldest, that the Python launcher runs on.
#
#   eval "$(tools/testbeds/launcher-python.sh env)"   makes it when it is missing, prints `export GP_TEST_LAUNCHER_PYTHON=…`
#   tools/testbeds/launcher-python.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/launcher-python.sh remove          deletes it
#
# GP_TESTBED_CACHE and GP_TESTBED_PYTHON: see venv.sh.
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

packages=(ipykernel==6.31.0 jupyter_client==8.6.3)
venv_for launcher-python 9 < <(printf '%s\n' "${packages[@]}")

create() { pip_install "$1/bin/python" "${packages[@]}"; }
# The launcher is to do without PyNaCl and pycryptodome here.
up() {
  complete_venv create '
import importlib.util, ipykernel, sys
came_along = [name for name in ("nacl", "Crypto", "Cryptodome") if importlib.util.find_spec(name)]
sys.exit(f"with ipykernel came {came_along}" if came_along else ipykernel.version_info[0] != 6)'
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
