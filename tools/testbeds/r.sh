#!/usr/bin/env bash
# R with its Jupyter kernel, from Debian's or Ubuntu's packages, for the tests of the R launcher.
#
#   eval "$(tools/testbeds/r.sh env)"   installs what is missing (as root), prints `export GP_TEST_R=…`
#   tools/testbeds/r.sh path            the same, prints the path of Rscript alone
#   tools/testbeds/r.sh status          says what is there; changes nothing
#   tools/testbeds/r.sh remove          says how; packages of the system are nobody's to remove on the side
#
# GP_TESTBED_R: an Rscript with IRkernel and sodium that is there already; then nothing is installed. What apt says goes
# to stderr; on any failure the exit code is not 0 and stdout stays empty. Some 250 MB the first time.
set -euo pipefail

# shellcheck source=tools/testbeds/fetch.sh
source "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

packages=(r-base-core r-cran-irkernel r-cran-sodium)
rscript=${GP_TESTBED_R:-Rscript}

fail() {
  echo "r.sh: $*" >&2
  exit 1
}

complete() {
  command -v "$rscript" >/dev/null &&
    "$rscript" --vanilla -e 'stopifnot(requireNamespace("IRkernel"), requireNamespace("sodium"))' >/dev/null 2>&1
}

up() {
  complete && return
  [[ -z ${GP_TESTBED_R:-} ]] || fail "$GP_TESTBED_R does not load IRkernel and sodium"
  command -v apt-get >/dev/null || fail "install R with the packages IRkernel and sodium, or set GP_TESTBED_R: no apt-get here"
  echo "r.sh: installing ${packages[*]}" >&2
  apt_install "${packages[@]}"
  complete || fail "$(command -v "$rscript" || echo Rscript) does not load IRkernel and sodium"
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_R=%q\n' "$(command -v "$rscript")"
    ;;
  path)
    up
    command -v "$rscript"
    ;;
  status)
    if complete; then echo "$(command -v "$rscript"): $("$rscript" --version 2>&1)"; else echo 'not installed'; fi
    ;;
  remove)
    echo "as root: apt-get purge ${packages[*]} && apt-get autoremove" >&2
    ;;
  *)
    fail "usage: $0 env|path|status|remove"
    ;;
esac
