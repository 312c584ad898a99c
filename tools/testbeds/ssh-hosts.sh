# Helpers of ssh.sh, which reads this file: keys, accounts and Python of the hosts, their namespaces, links and servers.
# shellcheck shell=bash

RUN=${GP_TESTBED_RUN:-/var/lib/gateway-provisioners-testbeds}/ssh
BR=gpssh0
GW=10.213.0.1
PY=$RUN/venv/bin/python
constraints=$here/python-constraints.txt

hosts() { local n; n=$(cat "$RUN/count" 2>/dev/null || echo 0); seq 1 "$n"; [ "$n" = 0 ] || echo nat island inner | tr ' ' '\n'; }
addr() {
  case $1 in
    [1-8]) echo "10.213.0.1$1" ;;
    nat) echo 10.213.0.31 ;; island) echo 10.213.0.32 ;; inner) echo 10.213.1.11 ;;
    *) fail "no host '$1'" ;;
  esac
}
ns() { echo "gp-ssh-$1"; }
veth() { echo "gps-$1"; }

init_pid() { # of a running host, else nothing
  local pid
  pid=$(cat "$RUN/host-$1/init.pid" 2>/dev/null) || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = tini ] || return 1
  grep -q 'State:.[^Z]' "/proc/$pid/status" 2>/dev/null && echo "$pid"
}
inside() { # host, command...: in all of its namespaces
  local pid h=$1; shift
  pid=$(init_pid "$h") || fail "host $h is not up"
  nsenter -t "$pid" --net --uts --mount --pid -- "$@"
}

# ---------------------------------------------------------------- keys, accounts, Python

keys() {
  mkdir -p "$RUN/keys"
  chmod 755 "$RUN" ; chmod 711 "$RUN/keys"
  local k
  [ -s "$RUN/keys/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C gp-test -f "$RUN/keys/id_ed25519"
  [ -s "$RUN/keys/id_rsa" ] || ssh-keygen -q -t rsa -b 3072 -N '' -C gp-test -f "$RUN/keys/id_rsa"
  [ -s "$RUN/keys/id_ecdsa" ] || ssh-keygen -q -t ecdsa -b 256 -N '' -C gp-test -f "$RUN/keys/id_ecdsa"
  [ -s "$RUN/keys/id_locked" ] || ssh-keygen -q -t ed25519 -N 'gp-passphrase' -C gp-test -f "$RUN/keys/id_locked"
  [ -s "$RUN/keys/id_unknown" ] || ssh-keygen -q -t ed25519 -N '' -C gp-unknown -f "$RUN/keys/id_unknown"
  cat "$RUN"/keys/id_ed25519.pub "$RUN"/keys/id_rsa.pub "$RUN"/keys/id_ecdsa.pub "$RUN"/keys/id_locked.pub >"$RUN/authorized_keys"
  chmod 644 "$RUN/authorized_keys"
  [ -s "$RUN/password" ] || (umask 077; head -c 12 /dev/urandom | base64 | tr -d '+/=' >"$RUN/password")
  local h
  for h in $(hosts); do
    mkdir -p "$RUN/host-$h/etc"
    for k in ed25519 rsa ecdsa; do
      [ -s "$RUN/host-$h/etc/ssh_host_${k}_key" ] ||
        ssh-keygen -q -t $k -N '' -C "host-$h" -f "$RUN/host-$h/etc/ssh_host_${k}_key"
    done
  done
  : >"$RUN/known_hosts"; : >"$RUN/known_hosts.wrong"
  for h in $(hosts); do
    for k in ed25519 rsa ecdsa; do
      echo "$(addr "$h") $(cut -d' ' -f1,2 "$RUN/host-$h/etc/ssh_host_${k}_key.pub")" >>"$RUN/known_hosts"
    done
    # right type, other key
    echo "$(addr "$h") $(cut -d' ' -f1,2 "$RUN/keys/id_unknown.pub")" >>"$RUN/known_hosts.wrong"
  done
}

accounts() { # host: its own passwd, shadow and group, over the machine's
  local e=$RUN/host-$1/etc hash u i=0
  hash=$(openssl passwd -6 "$(cat "$RUN/password")")
  grep -vE '^gp[a-z]*:' /etc/passwd >"$e/passwd"
  grep -vE '^gp[a-z]*:' /etc/shadow >"$e/shadow"
  grep -vE '^gp:' /etc/group >"$e/group"
  echo 'gp:x:2100:' >>"$e/group"
  for u in gp gppass gpnofwd gpnologin gpnoisy gpdash gpalice gpbob gpcarol gpfew; do
    local sh=/bin/bash
    [ $u = gpnologin ] && sh=/usr/sbin/nologin
    [ $u = gpdash ] && sh=/bin/dash
    echo "$u:x:$((2100 + i)):2100::/home/$u:$sh" >>"$e/passwd"
    echo "$u:$hash:19000:0:99999:7:::" >>"$e/shadow"
    mkdir -p "$RUN/host-$1/home/$u"
    chown $((2100 + i)):2100 "$RUN/host-$1/home/$u"
    i=$((i + 1))
  done
  echo "gptoor:x:0:0::/home/gp:/bin/bash" >>"$e/passwd"
  echo "gptoor:*:19000:0:99999:7:::" >>"$e/shadow"
  chmod 700 "$RUN/host-$1"/home/gp{alice,bob,carol}
  # As Debian ships it, and the line of the guide.
  cat >"$e/sudoers" <<'CONF'
Defaults env_reset
Defaults use_pty
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
gp ALL=(gpalice,gpbob,gptoor) NOPASSWD: /bin/sh ""
CONF
  chmod 440 "$e/sudoers"
  # sudo looks its own host up.
  printf '127.0.0.1 localhost gp-ssh-%s\n' "$1" >"$e/hosts"
  # bash reads this one for commands over ssh too
  printf 'echo Welcome to the noisy host\necho "and its standard error" >&2\nprintf "no end of line"\n' \
    >"$RUN/host-$1/home/gpnoisy/.bashrc"
  chmod 640 "$e/shadow"; chgrp shadow "$e/shadow" 2>/dev/null || true
  mkdir -p "$RUN/host-$1/tmp"; chmod 1777 "$RUN/host-$1/tmp"
  cat >"$e/sshd_config" <<CONF
Port 22
ListenAddress 0.0.0.0
HostKey $e/ssh_host_ed25519_key
HostKey $e/ssh_host_rsa_key
HostKey $e/ssh_host_ecdsa_key
PidFile $RUN/host-$1/sshd.pid
AuthorizedKeysFile $RUN/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
X11Forwarding no
AllowTcpForwarding yes
GatewayPorts clientspecified
SetEnv PATH=$RUN/venv/bin:/usr/local/bin:/usr/bin:/bin
Subsystem sftp /usr/lib/openssh/sftp-server
Match User gppass
  PubkeyAuthentication no
  PasswordAuthentication yes
Match User gpnofwd
  AllowTcpForwarding no
Match User gpfew
  MaxSessions 3
CONF
}

python_env() {
  if ! { [ -x "$PY" ] && "$PY" -c 'import ipykernel' 2>/dev/null; }; then make_python; fi
  [ -x "$RUN/bare/bin/python" ] || make_bare
}

# The same files, without the two packages.
make_bare() {
  local site
  site=$("$PY" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  rm -rf "$RUN/bare.new"
  cp -al "$RUN/venv" "$RUN/bare.new"
  site=$RUN/bare.new/${site#"$RUN/venv/"}
  rm -rf "$site"/Crypto "$site"/nacl "$site"/pycryptodome-* "$site"/[Pp]y[Nn]a[Cc]l-*
  mv "$RUN/bare.new" "$RUN/bare"
}

make_python() {
  # Debian's Python: the hosts' ordinary users can run it wherever the machine's own one lives.
  apt_install python3 python3-venv
  rm -rf "$RUN/venv" "$RUN/bare"
  /usr/bin/python3 -m venv "$RUN/venv"
  pip_install "$PY" --constraint "$constraints" ipykernel pycryptodome pynacl || fail 'pip failed (its reason is above)'
}

# ---------------------------------------------------------------- hosts

link() { # host
  local h=$1 n v; n=$(ns "$h"); v=$(veth "$h")
  [[ -e /run/netns/$n ]] || ip netns add "$n"
  ip -n "$n" link set lo up
  if ! ip -n "$n" link show eth0 >/dev/null 2>&1; then
    if [ "$h" = inner ]; then
      ip -n "$(ns 1)" link add "$v" type veth peer name eth0 netns "$n"
      ip -n "$(ns 1)" addr add 10.213.1.1/24 dev "$v"
    else
      ip link add "$v" type veth peer name eth0 netns "$n"
      ip link set "$v" master "$BR"
    fi
    ip -n "$n" addr add "$(addr "$h")/24" dev eth0
  fi
  if [ "$h" = inner ]; then
    ip -n "$(ns 1)" link set "$v" up
    ip -n "$n" link set eth0 up
    ip -n "$n" route replace default via 10.213.1.1
  else
    ip link set "$v" up
    ip -n "$n" link set eth0 up
    ip -n "$n" route replace default via "$GW"
  fi
  case $h in nat|island)
    ip netns exec "$n" iptables -F
    ip netns exec "$n" iptables -P INPUT DROP
    ip netns exec "$n" iptables -A INPUT -i lo -j ACCEPT
    ip netns exec "$n" iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
    ip netns exec "$n" iptables -A INPUT -p tcp --dport 22 -j ACCEPT
    if [ "$h" = island ]; then
      ip netns exec "$n" iptables -P OUTPUT DROP
      ip netns exec "$n" iptables -A OUTPUT -o lo -j ACCEPT
      ip netns exec "$n" iptables -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
      # Also to a client that is gone: what it sent last may have been lost, and then nothing but its answer to a
      # repetition ends the server's side of the connection.
      ip netns exec "$n" iptables -A OUTPUT -p tcp --sport 22 -j ACCEPT
    fi ;;
  esac
}

boot() { # host
  local h=$1 d i p; d=$RUN/host-$h
  link "$h"
  accounts "$h"
  if ! init_pid "$h" >/dev/null; then
    rm -rf "$d/tmp"; mkdir -p "$d/tmp"; chmod 1777 "$d/tmp"
    rm -f "$d/init.pid" "$d/sshd.pid"
    # tini is the first process of the host's process table: it reaps what loses its parent.
    nsenter --net="/run/netns/$(ns "$h")" setsid --fork \
      unshare --uts --mount --pid --fork --kill-child --mount-proc --propagation private \
      bash -c '
        set -e; d=$1 h=$2
        hostname "gp-ssh-$h"
        mount --bind "$d/etc/passwd" /etc/passwd
        mount --bind "$d/etc/shadow" /etc/shadow
        mount --bind "$d/etc/group" /etc/group
        mount --bind "$d/etc/sudoers" /etc/sudoers
        mount --bind "$d/etc/hosts" /etc/hosts
        mount --bind "$d/home" /home
        mount --bind "$d/tmp" /tmp
        cd /
        exec tini -g -- sleep infinity' _ "$d" "$h" </dev/null >>"$d/log" 2>&1
    for ((i = 0; i < 400; i++)); do
      p=$(find_init "$h") && { echo "$p" >"$d/init.pid"; break; }
      sleep 0.05
    done
    init_pid "$h" >/dev/null || { tail -3 "$d/log" >&2; fail "host $h did not come up"; }
  fi
  sshd_start "$h"
}

find_init() { # host: pid, in this machine's table, of the tini whose network is the host's
  local want p
  want=$(stat -Lc %i "/run/netns/$(ns "$1")")
  for p in $(grep -lx tini /proc/[0-9]*/comm 2>/dev/null | cut -d/ -f3); do
    [ "$(stat -Lc %i "/proc/$p/ns/net" 2>/dev/null)" = "$want" ] && { echo "$p"; return 0; }
  done
  return 1
}

sshd_pids() { inside "$1" sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = sshd ] && echo "${p#/proc/} $(tr "\0" " " <$p/cmdline)"; done; true'; }

# grep reads to the end: with -q the writer could die of SIGPIPE, which pipefail takes for "no".
listens() { sshd_pids "$1" | grep listener >/dev/null; }

sshd_start() { # host
  local h=$1 d i p; d=$RUN/host-$h
  mkdir -p /run/sshd; chmod 755 /run/sshd
  listens "$h" && return 0
  inside "$h" /usr/sbin/sshd -f "$d/etc/sshd_config" -E "$d/sshd.log"
  for ((i = 0; i < 400; i++)); do
    listens "$h" && return 0
    sleep 0.05
  done
  tail -3 "$d/sshd.log" >&2
  fail "sshd of host $h did not start"
}

sshd_stop() { # host: returns when nobody listens any more, so that a start that follows starts another
  local i p
  for p in $(sshd_pids "$1" | awk '/listener/ {print $1}'); do inside "$1" kill -TERM "$p" 2>/dev/null || true; done
  for ((i = 0; i < 400; i++)); do
    listens "$1" || return 0
    sleep 0.05
  done
  fail "sshd of host $1 did not stop"
}
drop_sessions() { local p; for p in $(sshd_pids "$1" | awk '!/listener/ {print $1}'); do inside "$1" kill -KILL "$p" 2>/dev/null || true; done; }

power_off() { # host: its first process dies, and so the kernel kills all others in its table
  local pid
  ip link set "$(veth "$1")" down 2>/dev/null || ip -n "$(ns 1)" link set "$(veth "$1")" down 2>/dev/null || true
  pid=$(init_pid "$1") || return 0
  kill -KILL "$pid" 2>/dev/null || true
  for _ in $(seq 400); do init_pid "$1" >/dev/null || break; sleep 0.05; done
  rm -f "$RUN/host-$1/init.pid" "$RUN/host-$1/sshd.pid"
}

set_link() { # host, up|down
  if [ "$1" = inner ]; then ip -n "$(ns 1)" link set "$(veth "$1")" "$2"; else ip link set "$(veth "$1")" "$2"; fi
  [ "$2" = up ] && link "$1" || true
}

set_loss() { # host, percent
  local n; n=$(ns "$1")
  ip netns exec "$n" iptables -D INPUT ! -i lo -j GP-LOSS 2>/dev/null || true
  ip netns exec "$n" iptables -F GP-LOSS 2>/dev/null || ip netns exec "$n" iptables -N GP-LOSS
  [ "$2" = 0 ] && return 0
  if [ "$2" = 100 ]; then ip netns exec "$n" iptables -A GP-LOSS -j DROP
  else ip netns exec "$n" iptables -A GP-LOSS -m statistic --mode random --probability "$(awk "BEGIN{print $2/100}")" -j DROP; fi
  ip netns exec "$n" iptables -I INPUT ! -i lo -j GP-LOSS
}

# Addresses of this testbed that no longer (or not from here) lead anywhere must not leave the
# machine by its default route: refuse them at once.
guard() { # on|off
  local dev t ch=GP-SSH-GUARD
  command -v iptables >/dev/null || return 0
  for t in OUTPUT FORWARD; do while iptables -D $t -j $ch 2>/dev/null; do :; done; done
  iptables -F $ch 2>/dev/null && iptables -X $ch 2>/dev/null || true
  [ "$1" = on ] || return 0
  dev=$(ip route show default | awk '{for (i = 1; i < NF; i++) if ($i == "dev") {print $(i + 1); exit}}')
  [ -n "$dev" ] || return 0
  iptables -N $ch
  for t in 10.213.0.0/16; do  # shellcheck disable=SC2043
    iptables -A $ch -o "$dev" -d "$t" -j REJECT --reject-with icmp-host-unreachable
  done
  iptables -I OUTPUT -j $ch
  iptables -I FORWARD -j $ch
}
