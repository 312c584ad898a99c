#!/usr/bin/env bash
# Two real image registries on this machine, for the tests of pulls: Debian's docker-registry, without TLS.
#
#   eval "$(tools/testbeds/registry.sh env)"   both, started when they are not; prints exports
#   tools/testbeds/registry.sh push IMAGE      puts an image of the engine of docker.sh into the open one
#   tools/testbeds/registry.sh status          exit 0 when both answer
#   tools/testbeds/registry.sh down            stops both and removes what they hold
#
# Exports: GP_TEST_REGISTRY (127.0.0.1:5055, open), GP_TEST_REGISTRY_AUTH (127.0.0.1:5056, which wants
# GP_TEST_REGISTRY_USER and GP_TEST_REGISTRY_PASSWORD). An engine on this machine takes both, being on 127.0.0.0/8, without
# TLS. The package is unpacked below GP_TESTBED_CACHE and not installed: needs no root, and no service is started.
set -euo pipefail

script=registry.sh
# shellcheck source=tools/testbeds/docker-engines.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker-engines.sh"
program=$cache/registry/usr/bin/docker-registry
open_address=127.0.0.1:5055
auth_address=127.0.0.1:5056
user=gp
password='pass:word'

unpack() {
  local dir
  [[ -x $program ]] && return 0
  dir=$(mktemp -d "$cache/registry.XXXX")
  again fetch "$dir" >>"$cache/apt.log" 2>&1 || fail "could not fetch docker-registry: $cache/apt.log"
  dpkg-deb -x "$dir"/docker-registry_*.deb "$cache/registry"
  rm -rf "$dir"
}

fetch() { # folder
  (cd "$1" && apt-get -qq download docker-registry) && return 0
  # The lists of this machine may be older than what the mirror has.
  apt-get -qq -o DPkg::Lock::Timeout=300 update || true
  return 1
}

start() { # name, address
  local dir
  dir=$(folder "registry-$1")
  if ! alive "$dir/pid" docker-registry; then
    mkdir -p "$dir/data"
    cat >"$dir/config.yml" <<YAML
version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: $dir/data }
  delete: { enabled: true }
http: { addr: $2 }
YAML
    if [[ $1 == auth ]]; then
      # The registry wants bcrypt.
      printf '%s:%s\n' "$user" "$(perl -e 'print crypt($ARGV[0], q($2y$05$) . q(abcdefghijklmnopqrstuu))' "$password")" >"$dir/htpasswd"
      printf 'auth:\n  htpasswd: { realm: gp-test, path: %s }\n' "$dir/htpasswd" >>"$dir/config.yml"
    fi
    launch "registry-$1" "$dir/pid" "$dir/log" "$program" serve "$dir/config.yml"
  fi
  wait_for 30 "the registry at $2" answers_http "$2"
}

answers_http() { curl -s -o /dev/null --max-time 5 "http://$1/v2/"; }

up() {
  mkdir -p "$cache"
  unpack
  start open "$open_address"
  start auth "$auth_address"
}

case ${1:-} in
  env)
    locked up >&2
    printf 'export GP_TEST_REGISTRY=%q\n' "$open_address"
    printf 'export GP_TEST_REGISTRY_AUTH=%q\n' "$auth_address"
    printf 'export GP_TEST_REGISTRY_USER=%q\n' "$user"
    printf 'export GP_TEST_REGISTRY_PASSWORD=%q\n' "$password"
    ;;
  push)
    [[ -n ${2:-} ]] || fail "usage: $0 push IMAGE"
    eval "$("$here/docker.sh" env)"
    docker tag "$2" "$open_address/$2"
    docker push -q "$open_address/$2" >&2
    docker rmi "$open_address/$2" >/dev/null
    ;;
  status) answers_http "$open_address" && answers_http "$auth_address" ;;
  down)
    for name in open auth; do
      end_process "$(folder "registry-$name")/pid" docker-registry TERM 5
      rm -rf "$(folder "registry-$name")"
    done
    ;;
  *) fail "usage: $0 env | push IMAGE | status | down" ;;
esac
