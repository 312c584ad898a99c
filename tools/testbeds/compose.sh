#!/usr/bin/env bash
# Docker Compose, for the tests of deploy/compose.
#
#   eval "$(tools/testbeds/compose.sh env)"   prints `export GP_TEST_COMPOSE=…`, the command: `docker compose` where the
#                                             Docker CLI has it, else docker-compose, of Debian if need be (as root)
#   tools/testbeds/compose.sh status          says which it is; changes nothing
#
# What apt says goes to stderr; on any failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

script=compose.sh
# shellcheck source=tools/testbeds/docker-engines.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker-engines.sh"

find_compose() {
  if docker compose version >/dev/null 2>&1; then
    echo 'docker compose'
  elif docker-compose version >/dev/null 2>&1; then
    echo 'docker-compose'
  else
    return 1
  fi
}

up() {
  find_compose >/dev/null && return
  [[ $(id -u) = 0 ]] && command -v apt-get >/dev/null || fail 'install Docker Compose: there is none here'
  # It brings no Docker CLI: docker.sh has that.
  apt_install docker-compose >&2
  find_compose >/dev/null || fail 'docker-compose is installed, and does not start'
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_COMPOSE=%q\n' "$(find_compose)"
    ;;
  status) find_compose || fail 'there is none' ;;
  *) fail "usage: $0 env | status" ;;
esac
