#!/usr/bin/env bash
# A virtual environment with Spark (PyPI's pyspark), Apache Toree and ipykernel, and a Java that they run on.
#
#   eval "$(tools/testbeds/spark.sh env)"   makes it when it is missing, and prints the exports
#   tools/testbeds/spark.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/spark.sh lock            writes spark-constraints.txt anew from spark-requirements.txt
#   tools/testbeds/spark.sh remove          deletes it
#
# The exports: GP_TEST_SPARK_PYTHON (the interpreter), SPARK_HOME, GP_TEST_TOREE_ASSEMBLY (Toree's jar) and JAVA_HOME.
# GP_TESTBED_CACHE and GP_TESTBED_PYTHON are as in python.sh. Java is the one of JAVA_HOME, of the PATH or of
# /usr/lib/jvm, the first of version 17; where there is none, Debian's openjdk-17-jdk-headless is installed, which needs
# root. What the tools say goes to stderr; on any failure the exit code is not 0 and stdout stays empty.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
requirements=$here/spark-requirements.txt
constraints=$here/spark-constraints.txt
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}
base=${GP_TESTBED_PYTHON:-python3}

fail() {
  echo "spark.sh: $*" >&2
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
venv=$cache/spark-$digest
python=$venv/bin/python

find_java() {
  local home path_java
  path_java=$(command -v java || true)
  for home in "${JAVA_HOME:-}" "${path_java:+$(dirname "$(dirname "$(readlink -f "$path_java")")")}" /usr/lib/jvm/*-17-*; do
    if [[ -n $home && -x $home/bin/java ]] && grep -q '^JAVA_VERSION="17[."]' "$home/release" 2>/dev/null; then
      printf '%s\n' "$home"
      return
    fi
  done
  return 1
}

ensure_java() {
  java_home=$(find_java) && return
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    fail 'no Java 17: install one (Debian: openjdk-17-jdk-headless) or set JAVA_HOME'
  fi
  echo 'spark.sh: installing openjdk-17-jdk-headless' >&2
  # The man pages' folder is missing in slim images, and the package's set-up stumbles over that.
  mkdir -p /usr/share/man/man1
  {
    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends openjdk-17-jdk-headless
  } >&2 || fail 'openjdk-17-jdk-headless could not be installed (the reason is above)'
  java_home=$(find_java) || fail 'openjdk-17-jdk-headless is installed, and its folder was not found'
}

create() {
  local target=$1 and_constraints=()
  [[ $2 == constrained ]] && and_constraints=(--constraint "$constraints")
  rm -rf "$target"
  "$base_path" -m venv "$target" >&2
  # pyspark and toree are published as sources only, of which nothing is compiled. They are unpacked with the setuptools
  # of this list, in a first step, since a build of its own would fetch another one.
  "$target/bin/python" -m pip install --quiet --no-input --only-binary :all: "${and_constraints[@]}" \
    "$(grep '^setuptools==' "$requirements")" wheel >&2
  "$target/bin/python" -m pip install --quiet --no-input --no-cache-dir --no-build-isolation \
    --only-binary :all: --no-binary pyspark,toree --requirement "$requirements" "${and_constraints[@]}" >&2
}

up() {
  ensure_java
  mkdir -p "$cache"
  # Two suites may ask at the same time; the marker is written last, so that half an environment is never used.
  exec 9>"$cache/spark.lock"
  flock 9
  if [[ ! -e $venv/.complete ]]; then
    echo "spark.sh: making $venv" >&2
    create "$venv" constrained || {
      rm -rf "$venv"
      fail 'pip could not install the requirements (its reason is above)'
    }
    "$python" -c 'import ipykernel, nacl, pyspark, toree; import Cryptodome' ||
      fail "$venv does not import what it was made for"
    touch "$venv/.complete"
  fi
  exec 9>&-
  spark_home=$("$python" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
  toree_assembly=$("$python" -c 'import glob, os, toree; print(*glob.glob(os.path.dirname(toree.__file__) + "/lib/toree-assembly-*.jar"))')
  [[ -r $toree_assembly ]] || fail "$venv has no toree-assembly jar"
}

case ${1:-} in
  env)
    up
    printf 'export GP_TEST_SPARK_PYTHON=%q\n' "$python"
    printf 'export SPARK_HOME=%q\n' "$spark_home"
    printf 'export GP_TEST_TOREE_ASSEMBLY=%q\n' "$toree_assembly"
    printf 'export JAVA_HOME=%q\n' "$java_home"
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
    { echo '# Written by spark.sh lock; do not edit.'; cat "$scratch/frozen"; } >"$constraints"
    ;;
  remove)
    rm -rf "$venv"
    ;;
  *)
    fail "usage: $0 env|path|lock|remove"
    ;;
esac
