#!/usr/bin/env bash
# A virtual environment with Spark (PyPI's pyspark), Apache Toree and ipykernel, and a Java that they run on.
#
#   eval "$(tools/testbeds/spark.sh env)"   makes it when it is missing, and prints the exports
#   tools/testbeds/spark.sh path            the same, prints the interpreter's path alone
#   tools/testbeds/spark.sh lock            writes spark-constraints.txt anew from spark-requirements.txt
#   tools/testbeds/spark.sh remove          deletes it
#
# The exports: GP_TEST_SPARK_PYTHON (the interpreter), SPARK_HOME, GP_TEST_TOREE_ASSEMBLY (Toree's jar) and JAVA_HOME.
# GP_TESTBED_CACHE and GP_TESTBED_PYTHON: see venv.sh. Java is the one of JAVA_HOME, of the PATH or of
# /usr/lib/jvm, the first of version 17; where there is none, Debian's openjdk-17-jdk-headless is installed, which needs
# root. What the tools say goes to stderr; on any failure the exit code is not 0 and stdout stays empty.
source "$(dirname "${BASH_SOURCE[0]}")/venv.sh"
# shellcheck source=tools/testbeds/fetch.sh
source "$here/fetch.sh"

requirements=$here/spark-requirements.txt
constraints=$here/spark-constraints.txt
venv_for spark 10 < <(cat "$requirements" "$constraints" 2>/dev/null)

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
  apt_install openjdk-17-jdk-headless
  java_home=$(find_java) || fail 'openjdk-17-jdk-headless is installed, and its folder was not found'
}

# pyspark and toree are published as sources only, of which nothing is compiled. They are unpacked with the setuptools
# of this list, in a first step, since a build of its own would fetch another one.
create_free() {
  local target=$1
  shift
  pip_install "$target/bin/python" "$@" "$(grep '^setuptools==' "$requirements")" wheel &&
    pip_install "$target/bin/python" --no-cache-dir --no-build-isolation --no-binary pyspark,toree \
      --requirement "$requirements" "$@"
}
create() { create_free "$1" --constraint "$constraints"; }

up() {
  ensure_java
  complete_venv create 'import ipykernel, nacl, pyspark, toree; import Cryptodome'
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
    write_constraints create_free "$constraints"
    ;;
  remove)
    rm -rf "$venv"
    ;;
  *)
    fail "usage: $0 env|path|lock|remove"
    ;;
esac
