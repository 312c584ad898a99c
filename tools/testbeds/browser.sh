#!/usr/bin/env bash
# A Chromium for the browser tests.
#
#   eval "$(tools/testbeds/browser.sh env)"   finds or installs it, prints `export GP_TEST_CHROMIUM=…`
#   tools/testbeds/browser.sh path            the same, prints the path alone
#
# GP_TEST_CHROMIUM, when it is set, is used and nothing is installed. Otherwise a chromium or chrome on the PATH;
# otherwise Debian's package, through apt (root, or sudo without a password). What apt says goes to stderr; on any
# failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

# shellcheck source=tools/testbeds/fetch.sh
source "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

fail() {
  echo "browser.sh: $*" >&2
  exit 1
}

find_browser() {
  if [[ -n ${GP_TEST_CHROMIUM:-} ]]; then
    [[ -x $GP_TEST_CHROMIUM ]] || fail "GP_TEST_CHROMIUM=$GP_TEST_CHROMIUM is not an executable file"
    printf '%s' "$GP_TEST_CHROMIUM"
    return
  fi
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name"; then return; fi
  done
}

install_browser() {
  command -v apt-get >/dev/null || fail 'no chromium on PATH and no apt-get: install one, or set GP_TEST_CHROMIUM'
  echo 'browser.sh: installing chromium through apt' >&2
  # Fonts: without one Chromium draws nothing that a test could measure.
  apt_install chromium fonts-dejavu-core
}

up() {
  browser=$(find_browser)
  if [[ -z $browser ]]; then
    install_browser
    browser=$(find_browser)
  fi
  [[ -n $browser ]] || fail 'chromium was installed but is not on the PATH'
  "$browser" --version >&2 || fail "$browser does not start"
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_CHROMIUM=%q\n' "$browser"
    ;;
  path)
    up
    printf '%s\n' "$browser"
    ;;
  *)
    fail "usage: $0 env|path"
    ;;
esac
