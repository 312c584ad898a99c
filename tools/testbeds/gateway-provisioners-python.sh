#!/usr/bin/env bash
# A virtual environment with the Python package gateway_provisioners, whose launchers and response manager ours are
# tested against.
#
#   tools/testbeds/gateway-provisioners-python.sh path     makes it when it is missing, prints the interpreter's path
#   tools/testbeds/gateway-provisioners-python.sh env      prints `export GP_TEST_GATEWAY_PROVISIONERS_PYTHON=…`
#   tools/testbeds/gateway-provisioners-python.sh remove   deletes it
#
# It is apart from the one of python.sh, because the package pins what that one must not. GP_TESTBED_CACHE and
# GP_TESTBED_PYTHON: see venv.sh.
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"

packages=(gateway_provisioners==0.5.0 ipykernel==7.4.0 jupyter_client==8.10.0)
venv_for gateway-provisioners 10 < <(printf '%s\n' "${packages[@]}")

create() { pip_install "$1/bin/python" "${packages[@]}"; }
up() { complete_venv create 'import gateway_provisioners, ipykernel, Cryptodome'; }

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
