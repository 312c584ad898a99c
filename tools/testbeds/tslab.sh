#!/usr/bin/env bash
# tslab, a kernel for TypeScript that is not ours, for the test of launchers that start any kernel.
#
#   eval "$(tools/testbeds/tslab.sh env)"   installs it when it is missing, prints `export GP_TEST_TSLAB=…`, its program
#   tools/testbeds/tslab.sh path            the same, prints the program's path alone
#   tools/testbeds/tslab.sh remove          deletes it
#
# GP_TESTBED_CACHE (default ~/.cache/gateway-provisioners) is where it is kept. What npm says goes to stderr; on any
# failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

# shellcheck source=tools/testbeds/fetch.sh
source "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}
# zeromq brings its binaries, so that nothing of these packages has to be run to install them.
packages=(tslab@1.0.22 zeromq@6.8.0)

fail() {
  echo "tslab.sh: $*" >&2
  exit 1
}

# Another version, of Node too, gets another folder.
key=$(printf '%s\n' "${packages[@]}" "$(node -p 'process.version + process.arch')" | sha256sum | cut -c1-16)
folder=$cache/tslab-$key
program=$folder/node_modules/tslab/bin/tslab

install() {
  npm install --prefix "$folder" --no-audit --no-fund --no-package-lock --ignore-scripts --save-exact "${packages[@]}" >&2
}

up() {
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an installation is never used.
  exec 9>"$cache/tslab.lock"
  flock 9
  if [[ ! -e $folder/.complete ]]; then
    echo "tslab.sh: making $folder" >&2
    rm -rf "$folder"
    mkdir "$folder"
    echo '{ "private": true }' >"$folder/package.json"
    again install || {
      rm -rf "$folder"
      fail 'the packages could not be installed (the reason is above)'
    }
    [[ $(node "$program" --version) == "tslab 1.0.22" ]] || fail "$program is not what was asked for"
    (cd "$folder" && node --eval 'require("zeromq")') || fail "$folder has no zeromq that runs here"
    touch "$folder/.complete"
  fi
  exec 9>&-
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_TSLAB=%q\n' "$program"
    ;;
  path)
    up
    printf '%s\n' "$program"
    ;;
  remove)
    rm -rf "$folder"
    ;;
  *)
    fail "usage: $0 env|path|remove"
    ;;
esac
