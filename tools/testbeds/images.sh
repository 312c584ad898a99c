#!/usr/bin/env bash
# The images of images/, built with the engine of docker.sh, for the tests of them.
#
#   eval "$(tools/testbeds/images.sh env)"   docker.sh's exports, and the images gp-test/kernel-r, -scala, -node, -spark-py,
#                                            gp-test/engine-proxy and gp-test/gateway, of the checkout as it is built
#   tools/testbeds/images.sh remove          removes these images, and the tarball of the cache
#
# No image registry is needed: Debian comes from docker.sh's debootstrap, Node from npm, Spark and Toree from spark.sh.
# apt-get in the builds asks what apt-get on this machine asks. GP_TESTBED_CACHE (default ~/.cache/gateway-provisioners)
# keeps a tarball of what was installed from packages; it is made anew when a Dockerfile changes, and what the tarball
# has is not installed again. `npm run build` comes first. All but the exports goes to stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}/images
base=gp-test/debian-apt
node_version=22.23.3
node_image=gp-test/node
# Those whose builds install packages or copy Spark; the others are made in seconds.
heavy=(gp-test/spark gp-test/kernel-r gp-test/kernel-scala gp-test/kernel-spark-py gp-test/engine-proxy)
light=(gp-test/kernel-node gp-test/gateway)

say() { printf 'images.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# shellcheck source=tools/testbeds/fetch.sh
source "$here/fetch.sh"

have() { docker image inspect "$1" >/dev/null 2>&1; }

apt_settings() { apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' || true; }
apt_sources() { cat /etc/apt/sources.list.d/debian.sources 2>/dev/null || cat /etc/apt/sources.list; }

# The Debian of docker.sh, with the settings of apt of this machine.
make_base() {
  local dir
  have "$base" && return 0
  dir=$(mktemp -d)
  mkdir -p "$dir/apt/apt.conf.d" "$dir/apt/sources.list.d"
  if [[ -e /etc/apt/sources.list.d/debian.sources ]]; then
    apt_sources >"$dir/apt/sources.list.d/debian.sources"
  else
    apt_sources >"$dir/apt/sources.list"
  fi
  apt_settings >"$dir/apt/apt.conf.d/90host"
  printf 'FROM gp-test/debian:bookworm\nCOPY apt/ /etc/apt/\n' >"$dir/Dockerfile"
  DOCKER_BUILDKIT=0 docker build -q -t "$base" "$dir" >&2
  rm -rf "$dir"
}

make_node() {
  local dir cpu
  have "$node_image" && return 0
  cpu=$(node -p process.arch)
  dir=$(mktemp -d)
  (cd "$dir" && npm pack --silent "node-linux-$cpu@$node_version" >&2 && tar -xzf ./*.tgz)
  printf 'FROM gp-test/debian:bookworm\nCOPY package/bin/node /usr/local/bin/node\nRUN node --version\n' >"$dir/Dockerfile"
  DOCKER_BUILDKIT=0 docker build -q -t "$node_image" "$dir" >&2
  rm -rf "$dir"
}

build() { # name, options of images/build.mjs
  local name=$1 started=$SECONDS tries=()
  shift
  # What was done before it failed is not done again.
  [[ " $* " == *' --network host '* ]] && tries=(again)
  "${tries[@]}" node "$root/images/build.mjs" "$name" --org gp-test "$@" >"$cache/build-$name.log" 2>&1 || {
    tail -20 "$cache/build-$name.log" >&2
    fail "the build of gp-test/$name failed: $cache/build-$name.log"
  }
  say "gp-test/$name: $((SECONDS - started)) s"
}

# Changes with what the heavy layers are made from.
heavy_key() {
  (cd "$root" && cat images/{spark,kernel-r,kernel-scala,kernel-spark-py,engine-proxy}/Dockerfile \
    tools/testbeds/spark-constraints.txt && apt_sources && apt_settings &&
    docker image inspect -f '{{.Id}}' gp-test/debian:bookworm) | sha256sum | cut -c1-12
}

build_all() {
  local cached=() spark image tarball key
  mkdir -p "$cache"
  [[ -e $root/apps/cli/dist/main.js ]] || fail 'the gateway is not built: run  npm run build  first'
  key=$(heavy_key)
  tarball=$cache/heavy-$key.tar
  # The tag says that what the engine has was made from the same Dockerfiles.
  if ! have "gp-test/spark:$key" && [[ -s $tarball ]]; then docker load -q -i "$tarball" >&2; fi
  make_base
  make_node
  for image in "${heavy[@]}"; do
    if have "$image"; then cached+=(--cache-from "$image"); fi
  done
  if ! have "gp-test/spark:$key"; then
    spark=$("$here/spark.sh" env)
    eval "$spark"
    build spark --base "$base" --network none --spark-home "$SPARK_HOME" --toree-assembly "$GP_TEST_TOREE_ASSEMBLY"
    docker tag gp-test/spark "gp-test/spark:$key"
  fi
  build kernel-r --base "$base" --network host "${cached[@]}"
  build kernel-scala --base "$base" --network host "${cached[@]}"
  build kernel-spark-py --base gp-test/kernel-py --network host "${cached[@]}"
  build engine-proxy --base "$base" --network host "${cached[@]}"
  build kernel-node --base "$node_image" --network none
  build gateway --base "$node_image" --network none
  if [[ ! -s $tarball ]]; then
    docker save -o "$tarball.new" "gp-test/spark:$key" "$base" "${heavy[@]}"
    mv "$tarball.new" "$tarball"
    find "$cache" -maxdepth 1 -name 'heavy-*.tar' ! -path "$tarball" -delete
  fi
}

locked() { # command…: two suites may ask at the same time
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  "$@"
  exec 9>&-
}

case ${1:-} in
  env)
    exports=$("$here/docker.sh" env)
    eval "$exports"
    locked build_all
    printf '%s\nexport GP_TEST_IMAGES=1\n' "$exports"
    ;;
  remove)
    docker image rm -f "${heavy[@]}" "${light[@]}" "$base" "$node_image" >&2 || true
    rm -f "$cache"/heavy-*.tar
    ;;
  *) fail "usage: $0 env | remove" ;;
esac
