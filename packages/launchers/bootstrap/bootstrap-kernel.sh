#!/usr/bin/env bash
# Starts the launcher of a kernel image from the container's environment. The command of the image:
#
#   CMD ["/usr/local/bin/bootstrap-kernel.sh"]
#
# The image sets
#   KERNEL_LANGUAGE       python, r, scala, or javascript, typescript, node; any case
#   KERNEL_LAUNCHERS_DIR  default: kernel-launchers beside this script, else /usr/local/bin/kernel-launchers
# The gateway sets
#   KERNEL_ID, RESPONSE_ADDRESS, PUBLIC_KEY, PORT_RANGE (default 0..0), GP_LAUNCHER_V2,
#   KERNEL_SPARK_CONTEXT_INIT_MODE (default none), KERNEL_CLASS_NAME, TRANSPORT_ENCRYPTION
# of which RESPONSE_ADDRESS, PUBLIC_KEY and PORT_RANGE may also be called EG_RESPONSE_ADDRESS and so on.
# Arguments are given to the launcher, after its own; for Node they are the kernel's command, with {connection_file}.
#
# Ends with the kernel's own exit code, and with 1 and one line on standard error when no kernel can be started.
# The environment is printed nowhere: it holds secrets.

set -u

fail() {
  printf 'bootstrap-kernel.sh: %s\n' "$*" >&2
  exit 1
}

on_path() {
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null 2>&1 && { printf '%s' "$name"; return; }
  done
  return 1
}

launcher_file() {
  [[ -r $launchers/$1 ]] || fail "there is no launcher $launchers/$1: install it (jupyter-image-bootstrap install --languages $2), or set KERNEL_LAUNCHERS_DIR"
  printf '%s' "$launchers/$1"
}

# The one file that matches; two cannot be told apart.
only_jar() {
  local found
  found=$(compgen -G "$launchers/scala/lib/$1") || fail "there is no $launchers/scala/lib/$1"
  [[ $found != *$'\n'* ]] || fail "there are several of $launchers/scala/lib/$1: leave one"
  printf '%s' "$found"
}

kernel_id=${KERNEL_ID:-}
# An empty value is none: that is how a container's settings leave something out. No programs are started for this much:
# each would make the start of every kernel longer.
response_address=${RESPONSE_ADDRESS:-${EG_RESPONSE_ADDRESS:-}}
public_key=${PUBLIC_KEY:-${EG_PUBLIC_KEY:-}}
port_range=${PORT_RANGE:-${EG_PORT_RANGE:-0..0}}
init_mode=${KERNEL_SPARK_CONTEXT_INIT_MODE:-none}
encryption=${TRANSPORT_ENCRYPTION:-}
encryption=${encryption,,}
language=${KERNEL_LANGUAGE:-}

[[ -n $kernel_id ]] || fail 'KERNEL_ID is not set; the gateway sets it when it starts this container'
[[ -n $response_address ]] || fail 'RESPONSE_ADDRESS is not set; the gateway sets it when it starts this container'
[[ -n $public_key || -n ${GP_LAUNCHER_V2:-} ]] ||
  fail 'neither PUBLIC_KEY nor GP_LAUNCHER_V2 is set; the gateway sets them when it starts this container'

launchers=${KERNEL_LAUNCHERS_DIR:-}
if [[ -z $launchers ]]; then
  here=${BASH_SOURCE[0]%/*}
  [[ $here == /* ]] || here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
  launchers=/usr/local/bin/kernel-launchers
  [[ ! -d $here/kernel-launchers ]] || launchers=$here/kernel-launchers
fi

common=(--kernel-id "$kernel_id" --port-range "$port_range" --response-address "$response_address")
[[ -z $public_key ]] || common+=(--public-key "$public_key")
spark=(--spark-context-initialization-mode "$init_mode")

refuse_encryption() {
  [[ $encryption != required ]] ||
    fail "TRANSPORT_ENCRYPTION is required, and $1 cannot encrypt its channels; use auto or disabled for this kernel"
}

# Each branch leaves the whole command in `launch`. Its parts are assigned one by one: `exit` in $(…) ends only that.
case ${language,,} in
  python)
    interpreter=$(on_path python python3) || fail 'there is no python on the PATH of this image'
    program=$(launcher_file python/scripts/launch_ipykernel.py python) || exit 1
    launch=("$interpreter" "$program" "${common[@]}" "${spark[@]}")
    [[ -z ${KERNEL_CLASS_NAME:-} ]] || launch+=(--kernel-class-name "$KERNEL_CLASS_NAME")
    # Older launchers do not know the option.
    case $encryption in auto | required) launch+=(--transport-encryption "$encryption") ;; esac
    launch+=("$@")
    ;;
  r)
    refuse_encryption IRkernel
    interpreter=$(on_path Rscript) || fail 'there is no Rscript on the PATH of this image'
    program=$(launcher_file R/scripts/launch_IRkernel.R r) || exit 1
    launch=("$interpreter" "$program" "${common[@]}" "${spark[@]}" "$@")
    ;;
  scala)
    refuse_encryption 'Apache Toree'
    submit=${SPARK_HOME:-}/bin/spark-submit
    [[ -n ${SPARK_HOME:-} ]] || fail 'SPARK_HOME is not set in this image'
    [[ -x $submit ]] || fail "there is no $submit: set SPARK_HOME to where Spark is in this image"
    assembly=$(only_jar 'toree-assembly-*.jar') || exit 1
    application=$(only_jar 'toree-launcher*.jar') || exit 1
    name=${KERNEL_USERNAME:+$KERNEL_USERNAME-}$kernel_id
    launch=("$submit" --name "$name" --jars "$assembly" --class launcher.ToreeLauncher "$application")
    launch+=(--alternate-sigint USR2 "${common[@]}" "${spark[@]}" "$@")
    ;;
  javascript | typescript | node)
    interpreter=$(on_path node) || fail 'there is no node on the PATH of this image'
    program=$(launcher_file node/launch_kernel.mjs node) || exit 1
    launch=("$interpreter" "$program" "${common[@]}")
    case $encryption in auto | required) launch+=(--transport-encryption "$encryption") ;; esac
    if [[ $# == 0 ]]; then
      deno=$(on_path deno) ||
        fail 'there is no deno on the PATH of this image; give the command of another kernel as arguments, with {connection_file}'
      # SIGINT would end it: it is interrupted by messages.
      launch+=(--interrupt-mode message -- "$deno" jupyter --kernel --conn '{connection_file}')
    else
      launch+=(-- "$@")
    fi
    ;;
  '') fail 'KERNEL_LANGUAGE is not set; set it in the image to python, r, scala or node' ;;
  *) fail "KERNEL_LANGUAGE is '$KERNEL_LANGUAGE'; it must be python, r, scala or node" ;;
esac

# Of another machine: ipykernel would look for this process, and end.
unset JPY_PARENT_PID

[[ $$ == 1 ]] || exec "${launch[@]}"

# As process 1 the launcher would get no signal that it does not handle, and processes whose parents have ended would
# never be reaped. So this shell stays, passes signals on, and reaps.
early=
forward() {
  if [[ -n ${child:-} ]]; then kill -s "$1" "$child" 2>/dev/null; else early+=" $1"; fi
}
for name in HUP INT QUIT TERM USR1 USR2 CONT; do
  # shellcheck disable=SC2064 # the name of now
  trap "forward $name" "$name"
done
# With job control a background process has the usual dispositions; without, SIGINT would be ignored for good.
set -m
"${launch[@]}" &
child=$!
set +m
# What came while the launcher ran already, and its number was not noted yet.
for name in $early; do forward "$name"; done
# A trapped signal ends `wait` early; bash keeps the code of a child that has ended for the last one.
while wait "$child"; kill -0 "$child" 2>/dev/null; do :; done
wait "$child"
exit $?
