#!/usr/bin/env bash
# A real Docker Engine, with images of kernels, for the integration tests.
#
#   eval "$(tools/testbeds/docker.sh env)"        engine and images, made when they are missing; prints exports
#   tools/testbeds/docker.sh up [main|spare]      starts the engine
#   tools/testbeds/docker.sh images [main|spare]  builds the test images, or loads them from the cache
#   tools/testbeds/docker.sh status               what runs; exit 0 when the engine answers
#   tools/testbeds/docker.sh kill-engine          SIGKILL to the spare engine's daemon; its containers run on
#   tools/testbeds/docker.sh stop-engine          SIGTERM to it: it stops its containers first
#   tools/testbeds/docker.sh start-engine         starts it again (GP_DOCKER_LIVE_RESTORE=1: adopting its containers)
#   tools/testbeds/docker.sh down-spare           removes the containers of the spare engine and stops it
#   tools/testbeds/docker.sh up small             a third engine, on a disk of GP_DOCKER_SMALL_MB (default 64) in memory;
#                                                 GP_DOCKER_TLS_DIR, GP_DOCKER_TLS_PORT: on that port of 127.0.0.1 as
#                                                 well, with the folder's ca.pem, server-cert.pem and server-key.pem
#   tools/testbeds/docker.sh down-small           ends it
#   tools/testbeds/docker.sh down [--purge]       removes all containers, stops all engines; --purge: images too
#
# An engine that answers at DOCKER_HOST, or at /var/run/docker.sock, is used as it is, and never stopped. Otherwise one
# is installed from Debian's docker.io and started, without systemd, as root. The spare engine is there to be killed: it
# has its own containerd, data root and bridge (10.218.0.0/24), so that nothing of the main one is disturbed.
#
# No image registry is needed: the base image is made by debootstrap. GP_TESTBED_CACHE (default
# ~/.cache/gateway-provisioners) keeps tarballs over runs, GP_TESTBED_RUN (default /var/lib/gateway-provisioners) holds
# data roots, sockets, pid files and logs. All but `env`'s exports goes to stderr.
set -euo pipefail

script=docker.sh
# shellcheck source=tools/testbeds/docker-engines.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker-engines.sh"
socket=/var/run/docker.sock
suite=bookworm
base_image=gp-test/debian:$suite
test_images=(gp-test/kernel-base gp-test/kernel-gp gp-test/kernel-crash)
spare_bridge=gpd-spare
spare_address=10.218.0.1

# ---------------------------------------------------------------- engines

engine() { local name=$1; shift; DOCKER_HOST="$(host_of "$name")" docker "$@"; }

# The engine that was there before us; nothing when it is ours.
foreign_host() {
  local candidate
  for candidate in "${DOCKER_HOST:-}" "unix://$socket"; do
    [[ -n $candidate ]] || continue
    [[ $candidate == "unix://$socket" || $candidate == "unix://$(own_socket main)" ]] &&
      alive "$(folder main)/dockerd.pid" dockerd && continue
    if command -v docker >/dev/null && answers "$candidate"; then echo "$candidate"; return 0; fi
  done
}

host_of() {
  if [[ $1 != main ]]; then echo "unix://$(own_socket "$1")"; return; fi
  local foreign
  foreign=$(foreign_host)
  echo "${foreign:-unix://$socket}"
}

up() { # engine
  local foreign
  foreign=$(foreign_host)
  if [[ $1 == main && -n $foreign ]]; then
    mkdir -p "$cache"
    say "using the engine at $foreign"
    return 0
  fi
  prepare_machine
  if [[ $1 == main ]]; then
    alive "$(folder main)/dockerd.pid" dockerd || rm -f "$socket"
    start_engine main -H "unix://$socket"
    return 0
  fi
  if [[ $1 == small ]]; then up_small; return 0; fi
  ip link show "$spare_bridge" >/dev/null 2>&1 || ip link add "$spare_bridge" type bridge
  [[ $(ip addr show dev "$spare_bridge") == *"$spare_address/24"* ]] || ip addr add "$spare_address/24" dev "$spare_bridge"
  ip link set "$spare_bridge" up
  # Its containers and this machine reach each other over the bridge; the main engine's rules stay as they are.
  local options=(--bridge "$spare_bridge" --iptables=false --ip-masq=false)
  [[ ${GP_DOCKER_LIVE_RESTORE:-} == 1 ]] && options+=(--live-restore)
  start_engine spare "${options[@]}"
}

up_small() {
  # Not `--bridge none`: with that a daemon deletes docker0, which is the main engine's.
  ip link show gpd-small >/dev/null 2>&1 || ip link add gpd-small type bridge
  [[ $(ip addr show dev gpd-small) == *10.219.0.1/24* ]] || ip addr add 10.219.0.1/24 dev gpd-small
  ip link set gpd-small up
  local data options=(--bridge gpd-small --iptables=false --ip-masq=false)
  data=$(folder small)/data
  mkdir -p "$data"
  mountpoint -q "$data" || mount -t tmpfs -o "size=${GP_DOCKER_SMALL_MB:-64}m" gp-small "$data"
  if [[ -n ${GP_DOCKER_TLS_DIR:-} ]]; then
    options+=(-H "tcp://127.0.0.1:$GP_DOCKER_TLS_PORT" --tlsverify --tlscacert "$GP_DOCKER_TLS_DIR/ca.pem"
      --tlscert "$GP_DOCKER_TLS_DIR/server-cert.pem" --tlskey "$GP_DOCKER_TLS_DIR/server-key.pem")
  fi
  start_engine small "${options[@]}"
}

tear_down() { # engine
  [[ -d $(folder "$1") ]] || return 0
  empty_engine "$1"
  stop_engine "$1"
  case $1 in
    main)
      rm -f "$socket"
      ip link del docker0 2>/dev/null || true
      ;;
    spare) ip link del "$spare_bridge" 2>/dev/null || true ;;
    small)
      rm -rf "$(folder small)"
      ip link del gpd-small 2>/dev/null || true
      ;;
  esac
}

# ---------------------------------------------------------------- images

contexts() { # folder: one context below it for each image
  mkdir -p "$1/kernel-base" "$1/kernel-gp" "$1/kernel-crash"
  cat >"$1/kernel-base/Dockerfile" <<DOCKERFILE
FROM $base_image
COPY apt/ /etc/apt/
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
      python3 python3-ipykernel python3-nacl python3-pycryptodome procps \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
RUN useradd --uid 1000 --gid 100 --create-home --shell /bin/bash jovyan && ln -sf python3 /usr/bin/python
ENV HOME=/home/jovyan PYTHONUNBUFFERED=1
WORKDIR /home/jovyan
USER 1000:100
CMD ["python3"]
DOCKERFILE
  # The launchers and the bootstrap of the Python package gateway_provisioners, as its own image build installs them.
  cat >"$1/kernel-gp/Dockerfile" <<'DOCKERFILE'
FROM gp-test/kernel-base
COPY site/ /usr/local/lib/python3.11/dist-packages/
COPY kernel-launchers/ /usr/local/bin/kernel-launchers/
COPY bootstrap-kernel.sh /usr/local/bin/bootstrap-kernel.sh
ENV KERNEL_LANGUAGE=python KERNEL_LAUNCHERS_DIR=/usr/local/bin/kernel-launchers
CMD ["/usr/local/bin/bootstrap-kernel.sh"]
DOCKERFILE
  cat >"$1/kernel-crash/Dockerfile" <<DOCKERFILE
FROM $base_image
ENTRYPOINT ["/bin/sh", "-c", "echo 'kernel-crash: fatal: this image always fails' >&2; exit 3"]
DOCKERFILE
}

images_key() { # changes with the Dockerfiles
  local dir
  dir=$(mktemp -d)
  contexts "$dir"
  (cd "$dir" && find . -type f | sort | xargs sha256sum | sha256sum | cut -c1-12)
  rm -rf "$dir"
}

have_images() { # engine, key
  local image
  for image in "${test_images[@]}"; do
    [[ $(engine "$1" image inspect -f '{{index .Config.Labels "gp.test.key"}}' "$image" 2>/dev/null) == "$2" ]] || return 1
  done
}

bootstrap() { # folder, mirror
  # From nothing: it does not go on with what it left.
  rm -rf --one-file-system "${1:?}"
  debootstrap --variant=minbase "$suite" "$1" "$2" >"$cache/debootstrap.log" 2>&1
}

make_base() { # engine
  engine "$1" image inspect "$base_image" >/dev/null 2>&1 && return 0
  local tarball=$cache/debian-$suite.tar
  if [[ ! -s $tarball ]]; then
    apt_install debootstrap
    local mirror root
    mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
    [[ -n $mirror ]] || mirror=$(awk '$1 == "deb" {print $(NF > 3 && $2 ~ /^\[/ ? 3 : 2); exit}' /etc/apt/sources.list)
    [[ -n $mirror ]] || fail 'no Debian package source is configured'
    root=$(mktemp -d "$cache/debootstrap.XXXX")
    say "debootstrap $suite"
    again bootstrap "$root" "$mirror" || {
      tail -5 "$cache/debootstrap.log" >&2
      fail "debootstrap failed: $cache/debootstrap.log"
    }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    tar -C "$root" --numeric-owner --one-file-system -cf "$tarball.new" .
    mv "$tarball.new" "$tarball"
    rm -rf "$root"
  fi
  engine "$1" import --change 'CMD ["bash"]' "$tarball" "$base_image" >/dev/null
}

fill_contexts() { # folder
  # apt-get in the build asks what apt-get here asks.
  mkdir -p "$1/kernel-base/apt/apt.conf.d" "$1/kernel-base/apt/sources.list.d" "$1/kernel-gp/site"
  cp /etc/apt/sources.list.d/debian.sources "$1/kernel-base/apt/sources.list.d/" 2>/dev/null ||
    cp /etc/apt/sources.list "$1/kernel-base/apt/sources.list"
  apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$1/kernel-base/apt/apt.conf.d/90host" || true
  # Debian names the module Cryptodome, PyPI's wheel Crypto; the launchers want either.
  again python3 -m pip -q download --no-deps --only-binary=:all: --python-version 3.11 --implementation cp --abi abi3 \
    --platform manylinux2014_x86_64 -d "$1/wheels" pycryptodome >&2
  again python3 -m pip -q download --no-deps --only-binary=:all: -d "$1/gp" gateway_provisioners==0.5.0 >&2
  (cd "$1/kernel-gp/site" && python3 -m zipfile -e "$1"/wheels/*.whl .)
  python3 -m zipfile -e "$1"/gp/*.whl "$1/gp/unpacked"
  cp -R "$1/gp/unpacked/gateway_provisioners/kernel-launchers" "$1/kernel-gp/kernel-launchers"
  # What `jupyter image-bootstrap install` does.
  cp "$1/kernel-gp/kernel-launchers/shared/scripts/server_listener.py" "$1/kernel-gp/kernel-launchers/python/scripts/"
  cp "$1/gp/unpacked/gateway_provisioners/kernel-launchers/bootstrap/bootstrap-kernel.sh" "$1/kernel-gp/"
  chmod -R a+rX "$1/kernel-gp/kernel-launchers"
  chmod 755 "$1/kernel-gp/bootstrap-kernel.sh"
}

build_image() { # engine, options of docker build…: what a build did before it failed is not done again
  local name=$1
  shift
  DOCKER_BUILDKIT=0 engine "$name" build --network host --force-rm "$@"
}

build_images() { # engine, key
  local dir image name
  make_base "$1"
  dir=$(mktemp -d "$cache/contexts.XXXX")
  contexts "$dir"
  fill_contexts "$dir"
  for image in "${test_images[@]}"; do
    name=${image#gp-test/}
    say "building $image"
    again build_image "$1" --label "gp.test.key=$2" -t "$image" "$dir/$name" >"$cache/build-$name.log" 2>&1 || {
      tail -15 "$cache/build-$name.log" >&2
      fail "the build of $image failed: $cache/build-$name.log"
    }
  done
  rm -rf "$dir"
}

images() { # engine
  local key tarball
  key=$(images_key)
  tarball=$cache/images-$key.tar
  if ! have_images "$1" "$key"; then
    if [[ -s $tarball ]]; then engine "$1" load -q -i "$tarball" >/dev/null; else build_images "$1" "$key"; fi
    have_images "$1" "$key" || fail 'the images are not what was built'
  fi
  if [[ ! -s $tarball ]]; then
    engine "$1" save -o "$tarball.new" "$base_image" "${test_images[@]}"
    mv "$tarball.new" "$tarball"
    find "$cache" -maxdepth 1 -name 'images-*.tar' ! -name "images-$key.tar" -delete
  fi
  # Our own, of the launchers as they are now; nothing is done where they have not changed.
  DOCKER_HOST=$(host_of "$1") node "$here/../../images/build.mjs" kernel-py --org gp-test --base gp-test/kernel-base \
    --build-arg PIP_PACKAGES= --network none >"$cache/build-kernel-py.log" 2>&1 || {
    tail -15 "$cache/build-kernel-py.log" >&2
    fail "the build of gp-test/kernel-py failed: $cache/build-kernel-py.log"
  }
}

which_engine() {
  case ${1:-main} in main | spare | small) echo "${1:-main}" ;; *) fail "no engine $1: main, spare or small" ;; esac
}

print_env() {
  up main >&2
  images main >&2
  printf 'export DOCKER_HOST=%q\n' "$(host_of main)"
  printf 'export GP_TEST_DOCKER=1\n'
  # Where a container on the default bridge reaches this machine.
  printf 'export GP_TEST_DOCKER_GATEWAY=%q\n' "$(engine main network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}')"
}

case ${1:-} in
  env) locked print_env ;;
  up) locked up "$(which_engine "${2:-}")" ;;
  images) locked images "$(which_engine "${2:-}")" ;;
  status)
    answers "$(host_of main)" || fail 'no engine answers'
    say "main: $(host_of main), $(engine main version -f '{{.Server.Version}}'), $(engine main ps -q | wc -l) containers"
    ;;
  kill-engine) end_process "$(folder spare)/dockerd.pid" dockerd KILL 5 ;;
  stop-engine) end_process "$(folder spare)/dockerd.pid" dockerd TERM 30 ;;
  start-engine) locked up spare ;;
  down-spare) tear_down spare ;;
  down-small) tear_down small ;;
  down)
    for name in small spare main; do tear_down "$name"; done
    if [[ ${2:-} == --purge ]]; then rm -rf "$run"; fi
    ;;
  *) fail "usage: $0 env | up | images | status | kill-engine | stop-engine | start-engine | down-spare | down-small | down" ;;
esac
