#!/usr/bin/env bash
# A real Docker swarm of two nodes on this machine, for the integration tests.
#
#   eval "$(tools/testbeds/swarm.sh env)"   swarm and images, made when they are missing; prints exports
#   tools/testbeds/swarm.sh up              starts both nodes and makes the swarm
#   tools/testbeds/swarm.sh images          brings the test images of docker.sh to both nodes
#   tools/testbeds/swarm.sh status          the nodes; exit 0 when both are ready
#   tools/testbeds/swarm.sh node2-kill      power off: engine and containers of node 2 die
#   tools/testbeds/swarm.sh node2-start     brings it back as the same node
#   tools/testbeds/swarm.sh node2-cut       takes its link down; what is on it runs on
#   tools/testbeds/swarm.sh node2-heal      and up again
#   tools/testbeds/swarm.sh down [--purge]  removes all that ran, and the nodes; --purge: their images too
#
# Each node is an engine of Debian's docker.io in a network namespace of its own, with a host name, containerd, data root
# and cgroup of its own: node 1 (10.214.0.11) is the manager, node 2 (10.214.0.12) a worker. The engine of docker.sh is
# no part of the swarm; it is where the images come from. This machine is 10.214.0.1 to both, and reaches
#   - tasks on the network gp-swarm-bridge (scope swarm, driver bridge): 10.215.1.0/24 and 10.215.2.0/24,
#   - tasks on the host's network and ports published with mode=host, at the node's address,
# but no task on the overlay network gp-swarm-overlay. Virtual addresses need IPVS, which a kernel may lack: tasks.NAME
# and endpoint mode dnsrr work everywhere. Nodes have the label gp.node=1 or 2, and node 2 offers two of the generic
# resource gp-gpu. Registries on 10.214.0.0/24 may be without TLS.
#
# Exports: GP_TEST_SWARM=1, GP_SWARM_HOST (the manager's socket, as DOCKER_HOST has it), GP_DOCKER_NODE2_HOST,
# GP_SWARM_HOST_IP, GP_SWARM_NODE1_IP, GP_SWARM_NODE2_IP, GP_SWARM_BRIDGE, GP_SWARM_OVERLAY.
# All else goes to stderr. GP_TESTBED_CACHE and GP_TESTBED_RUN are those of docker.sh.
set -euo pipefail

script=swarm.sh
# shellcheck source=tools/testbeds/docker-engines.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker-engines.sh"
link=gpswarm0
host_address=10.214.0.1
bridge_network=gp-swarm-bridge
overlay_network=gp-swarm-overlay
nodes=(node1 node2)
images=(gp-test/debian:bookworm gp-test/kernel-base gp-test/kernel-gp gp-test/kernel-crash gp-test/kernel-py)

number() { echo "${1#node}"; }
address() { echo "10.214.0.1$(number "$1")"; }
tasks_subnet() { echo "10.215.$(number "$1").0/24"; }
namespace() { echo "gp-$1"; }
on() { local node=$1; shift; docker -H "unix://$(own_socket "$node")" "$@"; }
swarm_state() { on "$1" info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null || true; }

# ---------------------------------------------------------------- network

link_up() { # node
  local name space
  name=$link-$(number "$1")
  space=$(namespace "$1")
  ip link show "$link" >/dev/null 2>&1 || ip link add "$link" type bridge
  [[ $(ip addr show dev "$link") == *"$host_address/24"* ]] || ip addr add "$host_address/24" dev "$link"
  ip link set "$link" up
  [[ -e /run/netns/$space ]] || ip netns add "$space"
  if ! ip link show "$name" >/dev/null 2>&1; then
    ip link add "$name" type veth peer name uplink netns "$space"
    ip link set "$name" master "$link"
    ip -n "$space" addr add "$(address "$1")/24" dev uplink
  fi
  ip link set "$name" up
  ip -n "$space" link set lo up
  ip -n "$space" link set uplink up
  ip -n "$space" route replace default via "$host_address"
  ip netns exec "$space" sysctl -qw net.ipv4.ip_forward=1
  ip route replace "$(tasks_subnet "$1")" via "$(address "$1")"
  # Addresses of the swarm that lead nowhere must not leave the machine by its default route.
  ip route replace unreachable 10.214.0.0/15 metric 9999
  ip route replace unreachable 10.216.0.0/16 metric 9999
  # Name look-ups of nodes leave by this machine's own way out. Without it each hangs until its timeout, and every start of
  # a task waits for one: a swarm tries a pull first.
  rules nat POSTROUTING -s 10.214.0.0/24 ! -o "$link" -j MASQUERADE
  rules filter FORWARD -i "$link" -j ACCEPT
  rules filter FORWARD -o "$link" -j ACCEPT
}

rules() { # table, chain, rule…
  local table=$1 chain=$2
  shift 2
  # Engines that start at the same time change rules as well: their lock is waited for.
  iptables -w 60 -t "$table" -C "$chain" "$@" 2>/dev/null || iptables -w 60 -t "$table" -I "$chain" "$@"
}

network_down() {
  local node
  for node in "${nodes[@]}"; do
    ip link del "$link-$(number "$node")" 2>/dev/null || true
    ip netns del "$(namespace "$node")" 2>/dev/null || true
  done
  ip link del "$link" 2>/dev/null || true
  ip route del unreachable 10.214.0.0/15 metric 9999 2>/dev/null || true
  ip route del unreachable 10.216.0.0/16 metric 9999 2>/dev/null || true
  command -v iptables >/dev/null || return 0
  iptables -w 60 -t nat -D POSTROUTING -s 10.214.0.0/24 ! -o "$link" -j MASQUERADE 2>/dev/null || true
  iptables -w 60 -D FORWARD -i "$link" -j ACCEPT 2>/dev/null || true
  iptables -w 60 -D FORWARD -o "$link" -j ACCEPT 2>/dev/null || true
}

# ---------------------------------------------------------------- nodes

start_node() { # node
  link_up "$1"
  local options=(--label "gp.node=$(number "$1")" --insecure-registry 10.214.0.0/24)
  [[ $1 == node2 ]] && options+=(--node-generic-resource gp-gpu=2)
  # A swarm-scope bridge does not survive a restart of its engine (20.10): later tasks would be rejected with "network …
  # exists". So an engine comes back without its networks.
  alive "$(folder "$1")/dockerd.pid" dockerd || rm -rf "$(folder "$1")/data/network"
  start_engine "$1" "${options[@]}"
  on "$1" network inspect "$bridge_network-config" >/dev/null 2>&1 ||
    on "$1" network create --config-only --subnet "$(tasks_subnet "$1")" "$bridge_network-config" >/dev/null
  # This machine may open connections to its tasks.
  ip netns exec "$(namespace "$1")" iptables -w 60 -C DOCKER-USER -i uplink -j ACCEPT 2>/dev/null ||
    ip netns exec "$(namespace "$1")" iptables -w 60 -I DOCKER-USER -i uplink -j ACCEPT
}

join() {
  local node address_of_manager
  address_of_manager=$(address node1)
  if [[ $(swarm_state node1) != active ]]; then
    on node1 swarm init --advertise-addr "$address_of_manager" --listen-addr "$address_of_manager:2377" \
      --default-addr-pool 10.216.0.0/16 --default-addr-pool-mask-length 24 >/dev/null
  fi
  if [[ $(swarm_state node2) != active ]]; then
    [[ $(swarm_state node2) == inactive ]] || on node2 swarm leave --force >/dev/null 2>&1 || true
    # It goes on in the background when it takes longer than the engine waits, which is 20 s.
    on node2 swarm join --token "$(on node1 swarm join-token -q worker)" --advertise-addr "$(address node2)" \
      --listen-addr "$(address node2):2377" "$address_of_manager:2377" >/dev/null || say 'node 2 has not joined yet'
  fi
  wait_for 90 'node 2' node2_is_ready
  on node1 network inspect "$bridge_network" >/dev/null 2>&1 ||
    on node1 network create -d bridge --scope swarm --attachable --config-from "$bridge_network-config" \
      "$bridge_network" >/dev/null
  on node1 network inspect "$overlay_network" >/dev/null 2>&1 ||
    on node1 network create -d overlay --attachable "$overlay_network" >/dev/null
  # The manager changes its nodes as well while they join, and refuses a change of what it has just changed.
  for node in "${nodes[@]}"; do wait_for 30 "the label of $node" label "$node"; done
}

label() { on node1 node update --label-add "gp.node=$(number "$1")" --availability active "$(node_id "$1")"; }

node_id() { on "$1" info --format '{{.Swarm.NodeID}}'; }
node2_is_ready() { [[ $(on node1 node inspect -f '{{.Status.State}}' "$(node_id node2)") == ready ]]; }

up() {
  local node
  prepare_machine
  for node in "${nodes[@]}"; do start_node "$node"; done
  join
}

down() {
  local node
  ip link set "$link-2" up 2>/dev/null || true
  for node in node2 node1; do
    [[ -d $(folder "$node") ]] || continue
    empty_engine "$node"
    stop_engine "$node"
    # A node starts from nothing next time, but for its images.
    rm -rf "$(folder "$node")/data/network" "$(folder "$node")/data/swarm" "$(folder "$node")/data/volumes"
    [[ -z $(ls -A "$(folder "$node")/data/containers" 2>/dev/null) ]] ||
      rm -rf "$(folder "$node")/data" "$(folder "$node")/containerd"
    [[ $1 == --purge ]] && rm -rf "$(folder "$node")"
  done
  network_down
}

kill_node2() {
  local dir daemon
  dir=$(folder node2)
  for daemon in dockerd containerd; do
    if alive "$dir/$daemon.pid" "$daemon"; then kill -KILL "$(<"$dir/$daemon.pid")"; fi
  done
  sleep 0.3
  stop_engine node2
}

# ---------------------------------------------------------------- images

image_ids() { on "$1" image inspect -f '{{.Id}}' "${images[@]}" 2>/dev/null | sort; }

bring_images() {
  local docker_env main_host wanted node missing=()
  # A caller may have made the manager its engine by now.
  docker_env=$([[ ${DOCKER_HOST:-} == "unix://$(own_socket node1)" ]] && unset DOCKER_HOST; "$here/docker.sh" env)
  main_host=$(eval "$docker_env" && echo "$DOCKER_HOST")
  wanted=$(docker -H "$main_host" image inspect -f '{{.Id}}' "${images[@]}" | sort)
  for node in "${nodes[@]}"; do [[ $(image_ids "$node") == "$wanted" ]] || missing+=("$node"); done
  case ${#missing[@]} in
    0) return 0 ;;
    1) docker -H "$main_host" save "${images[@]}" | on "${missing[0]}" load -q >/dev/null ;;
    *) docker -H "$main_host" save "${images[@]}" | tee >(on node2 load -q >/dev/null) | on node1 load -q >/dev/null ;;
  esac
  # The second one of a pair may end a moment later.
  for node in "${missing[@]}"; do wait_for 300 "images of $node" have_all "$node" "$wanted"; done
}

have_all() { [[ $(image_ids "$1") == "$2" ]]; }

print_env() {
  printf 'export GP_TEST_SWARM=1\n'
  printf 'export GP_SWARM_HOST=%q\n' "unix://$(own_socket node1)"
  printf 'export GP_DOCKER_NODE2_HOST=%q\n' "unix://$(own_socket node2)"
  printf 'export GP_SWARM_HOST_IP=%q\n' "$host_address"
  printf 'export GP_SWARM_NODE1_IP=%q\n' "$(address node1)"
  printf 'export GP_SWARM_NODE2_IP=%q\n' "$(address node2)"
  printf 'export GP_SWARM_BRIDGE=%q\n' "$bridge_network"
  printf 'export GP_SWARM_OVERLAY=%q\n' "$overlay_network"
}

case ${1:-} in
  env)
    locked up >&2
    bring_images >&2
    print_env
    ;;
  up) locked up ;;
  images) bring_images ;;
  status)
    on node1 node ls --format '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}' >&2 || fail 'no manager answers'
    node2_is_ready || fail 'node 2 is not ready'
    ;;
  node2-kill) kill_node2 ;;
  node2-start) locked start_node node2 ;;
  node2-cut) ip link set "$link-2" down ;;
  node2-heal) link_up node2 ;;
  down) down "${2:-}" ;;
  *) fail "usage: $0 env | up | images | status | node2-kill | node2-start | node2-cut | node2-heal | down [--purge]" ;;
esac
