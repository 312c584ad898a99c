#!/usr/bin/env bash
# Remote hosts for the tests of kernels over SSH: each one a set of namespaces of this machine with its own address, host
# name, process table, accounts, /home and /tmp, and its own OpenSSH server on port 22. The rest of the file system is the
# machine's, so that one Python environment serves all; its `python` is the first on their PATH.
#
#   eval "$(tools/testbeds/ssh.sh env)"    brings the hosts up where they are not, prints `export GP_SSH_…=…` lines
#   tools/testbeds/ssh.sh up [N]           N plain hosts (default 2, at most 8) and the special ones below
#   tools/testbeds/ssh.sh status           what runs; exit 0 when every server answers
#   tools/testbeds/ssh.sh down [--purge]   stops all (--purge: keys, homes and the Python environment go too)
#   ssh.sh cut H | heal H                  take host H's link down / up again (partition)
#   ssh.sh loss H PERCENT                  H drops that part of what arrives (0 ends it; 100: a silent black hole)
#   ssh.sh sshd-stop H | sshd-start H      only the listener: running sessions and programs stay
#   ssh.sh power-off H                     everything on H is killed at once and the link taken down
#   ssh.sh boot H                          H comes up again (same keys, same home, empty /tmp)
#   ssh.sh drop-sessions H                 kill H's server-side session processes (connections drop)
#   ssh.sh in H COMMAND...                 run a command on H as root, without ssh
#   ssh.sh ps H                            H's own processes
#
# Hosts: 1..N      10.213.0.11, .12, ...   all ports open
#        nat       10.213.0.31             inbound only port 22; may connect out
#        island    10.213.0.32             inbound only port 22; cannot connect out either
#        inner     10.213.1.11             reachable only through host 1 (a bastion)
# Users: gp (key), gppass (password), gpnofwd (key; forwarding refused), gpnologin (key; no shell),
#        gpnoisy (key; a profile that prints, on both streams), gpdash (key; /bin/dash), root (key),
#        gpalice and gpbob (no login; gp may run /bin/sh as them with sudo, and asks in vain for gpcarol),
#        gpfew (key; three sessions on a connection), gptoor (the number of root, in gp's sudoers)
# Python: `bare` is one with ipykernel and nothing that our launchers could encrypt with.
#
# GP_TESTBED_RUN (default /var/lib/gateway-provisioners-testbeds) is where keys, homes and the Python environment live:
# a folder that the hosts' ordinary users may pass through. Needs root and Debian or Ubuntu. The first time 40 to 60
# seconds, later 4; already up 3.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'ssh.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root"

# shellcheck source=tools/testbeds/fetch.sh
source "$here/fetch.sh"
# shellcheck source=tools/testbeds/ssh-hosts.sh
source "$here/ssh-hosts.sh"

cmd_up() {
  local n=${1:-2} h
  case $n in [1-8]) ;; *) fail "up: 1 to 8 hosts" ;; esac
  apt_install openssh-server openssh-client sudo tini iproute2 iptables util-linux procps openssl
  local had; had=$(cat "$RUN/count" 2>/dev/null || echo 0)
  [ "$had" -gt "$n" ] && n=$had       # never fewer than are up
  echo "$n" >"$RUN/count"
  # Homes outlive `down`; what a suite that was killed left of its kernels shall not.
  [ "$had" = 0 ] && rm -rf "$RUN"/host-*/home/*/.gateway-provisioners/run
  keys
  python_env
  ip link show "$BR" >/dev/null 2>&1 || ip link add "$BR" type bridge
  ip addr replace "$GW/24" dev "$BR"
  ip link set "$BR" up
  guard on
  for h in $(hosts); do boot "$h"; done
  # between hosts, where another testbed has set the FORWARD policy to DROP
  iptables -C FORWARD -i "$BR" -o "$BR" -j ACCEPT 2>/dev/null || iptables -I FORWARD -i "$BR" -o "$BR" -j ACCEPT
  cmd_status >&2
}

cmd_status() {
  local h rc=0 s
  [ -n "$(hosts)" ] || { echo "down"; return 1; }
  for h in $(hosts); do
    s=down
    if init_pid "$h" >/dev/null; then
      s="up, no sshd"
      listens "$h" && s=up
    fi
    [ "$s" = up ] || rc=1
    echo "$h $(addr "$h"):22 $s"
  done
  return $rc
}

cmd_env() {
  local h list=
  cmd_status >/dev/null || cmd_up >&2
  for h in $(hosts); do case $h in [1-8]) list="$list $(addr "$h")" ;; esac; done
  cat <<E
export GP_SSH_HOSTS="${list# }"
export GP_SSH_NAT_HOST=$(addr nat)
export GP_SSH_ISLAND_HOST=$(addr island)
export GP_SSH_INNER_HOST=$(addr inner)
export GP_SSH_BASTION=$(addr 1)
export GP_SSH_GATEWAY_IP=$GW
export GP_SSH_PORT=22
export GP_SSH_USER=gp
export GP_SSH_KEY=$RUN/keys/id_ed25519
export GP_SSH_KEY_RSA=$RUN/keys/id_rsa
export GP_SSH_KEY_ECDSA=$RUN/keys/id_ecdsa
export GP_SSH_KEY_LOCKED=$RUN/keys/id_locked
export GP_SSH_KEY_PASSPHRASE=gp-passphrase
export GP_SSH_KEY_UNKNOWN=$RUN/keys/id_unknown
export GP_SSH_PASSWORD_USER=gppass
export GP_SSH_PASSWORD=$(cat "$RUN/password" 2>/dev/null)
export GP_SSH_KNOWN_HOSTS=$RUN/known_hosts
export GP_SSH_KNOWN_HOSTS_WRONG=$RUN/known_hosts.wrong
export GP_SSH_PYTHON=$PY
export GP_SSH_BARE_PYTHON=$RUN/bare/bin/python
E
}

cmd_down() {
  local h
  for h in 1 2 3 4 5 6 7 8 nat island inner; do
    [ -e "/run/netns/$(ns "$h")" ] || continue
    power_off "$h"
    ip netns del "$(ns "$h")" 2>/dev/null || true
    ip link del "$(veth "$h")" 2>/dev/null || true
  done
  iptables -D FORWARD -i "$BR" -o "$BR" -j ACCEPT 2>/dev/null || true
  guard off
  ip link del "$BR" 2>/dev/null || true
  rm -f "$RUN/count"
  if [ "${1:-}" = --purge ]; then rm -rf "$RUN"; fi
  say "down"
}

mkdir -p "$RUN"
c=${1:-}; [ $# -gt 0 ] && shift
case $c in
  up) cmd_up "$@" ;;
  down) cmd_down "$@" ;;
  status) cmd_status ;;
  env) cmd_env ;;
  cut) set_link "$1" down ;;
  heal) set_link "$1" up ;;
  loss) set_loss "$1" "$2" ;;
  sshd-stop) sshd_stop "$1" ;;
  sshd-start) sshd_start "$1" ;;
  drop-sessions) drop_sessions "$1" ;;
  power-off) power_off "$1" ;;
  boot) boot "$1" ;;
  in) inside "$@" ;;
  ps) inside "$1" ps -eo pid,ppid,user,stat,args ;;
  *) fail "usage: $0 env|up|status|down|cut|heal|loss|sshd-stop|sshd-start|power-off|boot|drop-sessions|in|ps" ;;
esac
