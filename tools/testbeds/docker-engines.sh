# Helpers of docker.sh and swarm.sh, which read this file: processes, and engines of their own containerd, data
# root and cgroup. `script` is the name of the script that reads it.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${GP_TESTBED_CACHE:-${HOME:?HOME is not set: set it, or GP_TESTBED_CACHE}/.cache/gateway-provisioners}/docker
run=${GP_TESTBED_RUN:-/var/lib/gateway-provisioners}/docker

say() { printf '%s: %s\n' "$script" "$*" >&2; }
fail() { say "$*"; exit 1; }

# shellcheck source=tools/testbeds/fetch.sh
source "$here/fetch.sh"

# ---------------------------------------------------------------- processes

alive() { # pid file, word of its command line (ids are used again after a reboot)
  local pid
  [[ -s $1 ]] || return 1
  pid=$(<"$1")
  [[ -r /proc/$pid/cmdline ]] || return 1
  case $(ps -o stat= -p "$pid" 2>/dev/null) in Z* | '') return 1 ;; esac
  [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == *"$2"* ]]
}

end_process() { # pid file, word, signal, seconds until SIGKILL
  local pid i
  if alive "$1" "$2"; then
    pid=$(<"$1")
    kill -"$3" "$pid" 2>/dev/null || true
    for ((i = 0; i < $4 * 10; i++)); do alive "$1" "$2" || break; sleep 0.1; done
    if alive "$1" "$2"; then kill -KILL "$pid" || true; sleep 0.5; fi
  fi
  rm -f "$1"
}

wait_for() { # seconds, what, command…
  local seconds=$1 what=$2 i
  shift 2
  for ((i = 0; i < seconds * 10; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  fail "$what not ready in $seconds s"
}

launch() { # engine, pid file, log, command…: in a session of its own
  local engine=$1 pid_file=$2 log=$3 i
  shift 3
  rm -f "$pid_file"
  # A daemon must not keep what this script, or a caller's flock, holds open.
  in_namespaces "$engine" setsid --fork bash -c 'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && [ "$fd" -lt 255 ] && eval "exec $fd>&-"; done
    echo $$ >"$1"; shift; exec "$@"' _ "$pid_file" "$@" </dev/null >>"$log" 2>&1
  for ((i = 0; i < 1200; i++)); do
    # Until the exec the command line is bash's, and holds the same words.
    [[ -s $pid_file && $(readlink "/proc/$(<"$pid_file")/exe") != "$(readlink -f "$BASH")" ]] && return 0
    sleep 0.05
  done
}

locked() { # command…: two suites may ask at the same time
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  "$@"
  exec 9>&-
}

# ---------------------------------------------------------------- engines

folder() { echo "$run/$1"; }
own_socket() { echo "$(folder "$1")/docker.sock"; }
answers() { DOCKER_HOST=$1 timeout 10 docker version >/dev/null 2>&1; }

# An engine that has a network namespace of its own, by its name, has a host name of its own as well. Not `ip netns exec`:
# that lays a new /sys over the cgroup mounts.
in_namespaces() { # engine, command…
  local engine=$1
  shift
  if [[ -e /run/netns/gp-$engine ]]; then
    nsenter --net="/run/netns/gp-$engine" unshare --uts sh -c 'hostname "$0"; exec "$@"' "gp-$engine" "$@"
  else
    "$@"
  fi
}

mount_cgroups() {
  grep -qE ' cgroup2? ' /proc/mounts && return 0
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  local controller
  for controller in $(awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups); do
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
}

prepare_machine() { # what dockerd needs
  [[ $(id -u) = 0 ]] || fail 'starting an engine needs root: start Docker, or set DOCKER_HOST'
  mkdir -p "$cache"
  apt_install docker.io iptables iproute2 procps
  mount_cgroups
  # Before dockerd starts: it would set the FORWARD policy to DROP as well, which cuts off other bridges.
  sysctl -qw net.ipv4.ip_forward=1
}

start_containerd() { # engine
  local dir
  dir=$(folder "$1")
  alive "$dir/containerd.pid" containerd && return 0
  # One of its own: dockerd would otherwise take /run/containerd/containerd.sock where another program's answers.
  cat >"$dir/containerd.toml" <<TOML
version = 2
root = "$dir/containerd/root"
state = "$dir/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$dir/containerd.sock"
TOML
  rm -f "$dir/containerd.sock" "$dir/containerd.sock.ttrpc"
  launch "$1" "$dir/containerd.pid" "$dir/log/containerd.log" containerd --config "$dir/containerd.toml"
  wait_for 90 "containerd of the $1 engine" test -S "$dir/containerd.sock"
}

start_engine() { # engine, dockerd's options…
  local name=$1 dir i
  shift
  dir=$(folder "$name")
  mkdir -p "$dir/containerd" "$dir/log"
  start_containerd "$name"
  alive "$dir/dockerd.pid" dockerd && return 0
  rm -f "$dir/docker.sock" "$dir/dockerd-own.pid"
  launch "$name" "$dir/dockerd.pid" "$dir/log/dockerd.log" dockerd -H "unix://$dir/docker.sock" \
    --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/dockerd-own.pid" \
    --containerd "$dir/containerd.sock" --cgroup-parent "/gp-docker-$name" --shutdown-timeout 5 "$@"
  for ((i = 0; i < 900; i++)); do
    answers "unix://$dir/docker.sock" && return 0
    if ! alive "$dir/dockerd.pid" dockerd; then
      tail -5 "$dir/log/dockerd.log" >&2
      fail "the $name engine ended at once"
    fi
    sleep 0.1
  done
  fail "the $name engine was not ready in 90 s"
}

empty_engine() { # engine: its containers, networks and volumes
  local host=unix://$(own_socket "$1") ids
  answers "$host" || return 0
  ids=$(docker -H "$host" ps -aq)
  # shellcheck disable=SC2086 # a list of ids
  [[ -z $ids ]] || docker -H "$host" rm -f -v $ids >/dev/null 2>&1 || true
  docker -H "$host" network prune -f >/dev/null 2>&1 || true
  docker -H "$host" volume prune -f >/dev/null 2>&1 || true
}

stop_engine() { # engine: daemons, and what outlives them
  local dir pid mount
  dir=$(folder "$1")
  end_process "$dir/dockerd.pid" dockerd TERM 30
  end_process "$dir/containerd.pid" containerd TERM 15
  # Shims outlive a killed engine; each names our containerd's socket on its command line.
  for pid in $(grep -laF "$dir/containerd.sock" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
    case $(cat "/proc/$pid/comm" 2>/dev/null) in containerd-shim*) kill -KILL "$pid" 2>/dev/null || true ;; esac
  done
  find /sys/fs/cgroup -path "*/gp-docker-$1/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u |
    while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
  awk -v prefix="$dir/" 'index($2, prefix) == 1 {print $2}' /proc/mounts | sort -r |
    while read -r mount; do umount -l "$mount" 2>/dev/null || true; done
  find /sys/fs/cgroup -depth -type d -path "*/gp-docker-$1*" -exec rmdir {} + 2>/dev/null || true
  rm -f "$dir/docker.sock" "$dir/containerd.sock" "$dir/containerd.sock.ttrpc" "$dir/dockerd-own.pid"
}
