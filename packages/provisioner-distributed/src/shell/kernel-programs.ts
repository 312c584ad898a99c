import type { ShellProgram } from './run-program.ts';
import { exportLines, quote } from './quote.ts';

/** Which kernel of which folder a program is about. */
export interface KernelPlace {
  /** Folder on the host for all that is ours; may begin with `~/`. */
  readonly remoteDir: string;
  /** The kernel's own folder, below. */
  readonly name: string;
  /** What marks its processes. */
  readonly owner: string;
}

/** Shared by all programs. Nothing but POSIX; `/proc` where there is one. */
const PRELUDE = `
case $gp_dir in '~/'*) gp_base=$HOME/\${gp_dir#'~/'} ;; *) gp_base=$gp_dir ;; esac
gp_run=$gp_base/run/$(uname -n)
gp_kernel=$gp_run/$gp_name
gp_fail() { printf '%s\\n' "$1" >&2; exit 1; }
`;

/** When a process began, so that a recycled number is not mistaken for it. */
const START_OF = `
gp_start_of() {
  if [ -r "/proc/$1/stat" ]; then
    read -r gp_boot </proc/sys/kernel/random/boot_id || gp_boot=
    read -r gp_stat <"/proc/$1/stat" || return 1
    gp_stat=\${gp_stat##*) }
    case $gp_stat in [ZXx]*) return 1 ;; esac
    set -- $gp_stat
    shift 19
    printf '%s/%s' "$gp_boot" "$1"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' _
  fi
}
`;

const FIND = `${START_OF}
gp_alive() {
  gp_pid= gp_started=
  [ -s "$gp_kernel/pid" ] || return 1
  read -r gp_pid gp_started <"$gp_kernel/pid" || return 1
  kill -0 "$gp_pid" 2>/dev/null && [ "$(gp_start_of "$gp_pid")" = "$gp_started" ]
}
gp_members() {
  ps -A -o pid= -o pgid= -o stat= 2>/dev/null | while read -r gp_p gp_g gp_s; do
    case $gp_g/$gp_s in "$1"/Z*) ;; "$1"/*) printf '%s\\n' "$gp_p" ;; esac
  done
}
gp_marked() {
  [ -d /proc/self ] || return 0
  set +f
  grep -lazxF "GATEWAY_PROVISIONERS_OWNER=$gp_owner" /proc/[0-9]*/environ 2>/dev/null | sed 's|^/proc/||; s|/environ$||'
  set -f
}
gp_end() {
  gp_round=0 gp_looked=
  while :; do
    gp_left=
    if gp_alive; then gp_left=1; kill -s KILL -- "-$gp_pid" 2>/dev/null; fi
    for gp_p in $(gp_marked); do
      if [ -n "$(gp_start_of "$gp_p")" ]; then gp_left=1; kill -9 "$gp_p" 2>/dev/null; fi
    done
    # A process that is starting a program has no environment for a moment: two looks must find none.
    if [ -z "$gp_left" ]; then [ -z "$gp_looked" ] || break; gp_looked=1; continue; fi
    gp_looked=
    gp_round=$((gp_round + 1))
    [ "$gp_round" -le 100 ] || gp_fail 'processes of the kernel do not end'
    sleep 0.1
  done
  rm -rf -- "$gp_kernel"
}
`;

/**
 * Runs the kernel and writes down how it ended. Leads the session and the process group; signals to the group reach the
 * kernel and are survived here. Builtins only: the environment is the kernel's.
 */
const SUPERVISOR = `${START_OF}
trap : HUP INT QUIT TERM USR1 USR2
gp_kernel=$1
shift
printf '%s %s\\n' "$$" "$(gp_start_of "$$")" >"$gp_kernel/pid"
"$@"
gp_status=$?
printf '%s\\n' "$gp_status" >"$gp_kernel/exit"
`;

export interface StartProgram extends KernelPlace {
  readonly argv: readonly KernelWord[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** Folder of the log; the kernel's own when undefined. */
  readonly logDir: string | undefined;
  readonly kernelId: string;
}

/** A word of the kernel's command. */
export interface KernelWord {
  readonly text: string;
  /** What takes its place when it is a path that does not exist on the host, or in any case. */
  readonly staged?: { readonly bundle: string; readonly path: string; readonly always: boolean };
}

/** Prints `stage <bundle>` for each bundle that must be copied first, else `started <pid> <start>`. */
export function startProgram(start: StartProgram): ShellProgram {
  const words = start.argv.map(({ text, staged }) => {
    if (staged === undefined) return `set -- "$@" ${quote(text)}\n`;
    const copy = `gp_need ${quote(staged.bundle)}; set -- "$@" "$gp_base/launchers/"${quote(`${staged.bundle}/${staged.path}`)}`;
    if (staged.always) return `${copy}\n`;
    return `if [ -e ${quote(text)} ]; then set -- "$@" ${quote(text)}; else ${copy}; fi\n`;
  });
  const body = `${PRELUDE}${FIND}
gp_supervisor=${quote(SUPERVISOR)}
gp_need() { [ -d "$gp_base/launchers/$1" ] || gp_missing="$gp_missing $1"; }
gp_main() (
  gp_missing=
  set --
  ${words.join('  ')}
  mkdir -p -- "$gp_run" "$gp_base/launchers" || gp_fail "cannot make $gp_run"
  if [ -n "$gp_missing" ]; then printf 'stage%s\\n' "$gp_missing"; exit 0; fi
  [ ! -e "$gp_kernel" ] || gp_end
  mkdir -- "$gp_kernel" || gp_fail "cannot make $gp_kernel"
  printf '%s\\n' "$gp_owner" >"$gp_kernel/owner" || { rm -rf -- "$gp_kernel"; gp_fail "no room in $gp_kernel"; }
  gp_log=$gp_kernel/kernel.log
  if [ -n "$gp_log_dir" ]; then
    case $gp_log_dir in '~/'*) gp_log_dir=$HOME/\${gp_log_dir#'~/'} ;; esac
    gp_kept=$gp_log_dir/kernel-$gp_id.log
    mkdir -p -- "$gp_log_dir" && [ ! -L "$gp_kept" ] && { [ ! -e "$gp_kept" ] || [ -O "$gp_kept" ]; } &&
      : >>"$gp_kept" && ln -s -- "$gp_kept" "$gp_log" || { rm -rf -- "$gp_kernel"; gp_fail "cannot write $gp_kept"; }
  fi
  : >>"$gp_log" || { rm -rf -- "$gp_kernel"; gp_fail "cannot write $gp_log"; }
  (
    if [ -n "$gp_cwd" ]; then
      cd -- "$gp_cwd" || { printf 'the working directory is not on this host; using %s instead\\n' "$HOME"; cd; }
    else
      cd
    fi
    umask "$gp_umask"
    set +f
${exportLines(start.env)}
    if command -v setsid >/dev/null; then
      exec setsid /bin/sh -c "$gp_supervisor" gp-kernel "$gp_kernel" "$@"
    fi
    set -m
    /bin/sh -c "$gp_supervisor" gp-kernel "$gp_kernel" "$@" &
  ) </dev/null >>"$gp_log" 2>&1 &
  gp_round=0
  until [ -s "$gp_kernel/pid" ]; do
    gp_round=$((gp_round + 1))
    [ "$gp_round" -le 200 ] || { gp_end; gp_fail 'the kernel could not be started'; }
    sleep 0.05
  done
  read -r gp_pid gp_started <"$gp_kernel/pid"
  printf 'started %s %s\\n' "$gp_pid" "$gp_started"
)
`;
  return {
    body,
    variables: {
      ...placeVariables(start),
      gp_cwd: start.cwd ?? '',
      gp_log_dir: start.logDir ?? '',
      gp_id: start.kernelId,
    },
  };
}

/** Prints `alive`, `exit <status>` or `gone`, then the log's last bytes. */
export function inspectProgram(place: KernelPlace, maxLogBytes: number): ShellProgram {
  const body = `${PRELUDE}${FIND}
gp_main() (
  if [ -s "$gp_kernel/exit" ]; then read -r gp_status <"$gp_kernel/exit"; printf 'exit %s\\n' "$gp_status"
  elif gp_alive; then printf 'alive\\n'
  elif [ -s "$gp_kernel/exit" ]; then read -r gp_status <"$gp_kernel/exit"; printf 'exit %s\\n' "$gp_status"
  else printf 'gone\\n'; fi
  [ ! -f "$gp_kernel/kernel.log" ] || tail -c "$gp_max" "$gp_kernel/kernel.log"
)
`;
  return { body, variables: { ...placeVariables(place), gp_max: String(maxLogBytes) } };
}

/**
 * Delivers a signal to the kernel's group. SIGKILL spares the leader, which then writes down that it happened.
 */
export function signalProgram(place: KernelPlace, signum: number): ShellProgram {
  const body = `${PRELUDE}${FIND}
gp_main() (
  gp_alive || exit 0
  if [ "$gp_signum" = 9 ]; then
    for gp_p in $(gp_members "$gp_pid"); do
      [ "$gp_p" = "$gp_pid" ] || kill -9 "$gp_p" 2>/dev/null
    done
  else
    kill -s "$gp_signum" -- "-$gp_pid" 2>/dev/null
  fi
  exit 0
)
`;
  return { body, variables: { ...placeVariables(place), gp_signum: String(signum) } };
}

/** Ends every process of the kernel and removes its folder. Removing what is gone succeeds. */
export function removeProgram(place: KernelPlace): ShellProgram {
  return { body: `${PRELUDE}${FIND}\ngp_main() ( gp_end )\n`, variables: placeVariables(place) };
}

/** Keeps a copy of the state in the kernel's folder, where \`list\` finds it. */
export function saveStateProgram(place: KernelPlace, state: string): ShellProgram {
  const body = `${PRELUDE}
gp_main() (
  [ -d "$gp_kernel" ] || exit 0
  printf '%s' "$gp_state" >"$gp_kernel/state.new" && mv -- "$gp_kernel/state.new" "$gp_kernel/state"
)
`;
  return { body, variables: { ...placeVariables(place), gp_state: state } };
}

/**
 * Makes a folder with which the account that is logged in remembers a kernel that runs as another user: it can look into
 * neither that one's files nor its processes' environment.
 */
export function recordProgram(place: KernelPlace, user: string): ShellProgram {
  const body = `${PRELUDE}
gp_main() (
  mkdir -p -- "$gp_run" || gp_fail "cannot make $gp_run"
  rm -rf -- "$gp_kernel"
  mkdir -- "$gp_kernel" || gp_fail "cannot make $gp_kernel"
  printf '%s\\n' "$gp_user" >"$gp_kernel/user" && printf '%s\\n' "$gp_owner" >"$gp_kernel/owner" ||
    { rm -rf -- "$gp_kernel"; gp_fail "no room in $gp_kernel"; }
)
`;
  return { body, variables: { ...placeVariables(place), gp_user: user } };
}

/** Adds to such a folder the process that was started: its number and when it began. */
export function noteProcessProgram(place: KernelPlace, process: string): ShellProgram {
  const body = `${PRELUDE}
gp_main() ( printf '%s\\n' "$gp_process" >"$gp_kernel/pid" )
`;
  return { body, variables: { ...placeVariables(place), gp_process: process } };
}

/**
 * Prints, for each kernel's folder, a line with its name, its owner and the user that it runs as, if that is another one,
 * and a line with its state, which may be empty.
 */
export function listProgram(remoteDir: string): ShellProgram {
  const body = `${PRELUDE}
gp_main() (
  set +f
  for gp_kernel in "$gp_run"/kernel-*; do
    [ -s "$gp_kernel/owner" ] || continue
    read -r gp_owner <"$gp_kernel/owner" || continue
    gp_user=
    [ ! -s "$gp_kernel/user" ] || read -r gp_user <"$gp_kernel/user"
    printf '%s %s %s\\n' "\${gp_kernel##*/}" "$gp_owner" "$gp_user"
    if [ -s "$gp_kernel/state" ]; then cat "$gp_kernel/state"; fi
    printf '\\n'
  done
)
`;
  return { body, variables: { gp_dir: remoteDir, gp_name: '' } };
}

/**
 * Prints the name of each kernel's folder whose kernel has ended, once, as long as the session that it runs in is there.
 * One for all kernels of a host, instead of asking for each.
 */
export function watchProgram(remoteDir: string, mark: string): string {
  const assignments = `gp_dir=${quote(remoteDir)}\ngp_name=\n`;
  return `${assignments}${PRELUDE}
gp_main() {
  gp_told=' ' gp_round=0
  while kill -0 "$PPID" 2>/dev/null; do
    gp_now=' '
    for gp_kernel in "$gp_run"/kernel-*; do
      [ -s "$gp_kernel/pid" ] || continue
      gp_name=\${gp_kernel##*/}
      if [ ! -s "$gp_kernel/exit" ]; then
        read -r gp_pid gp_started <"$gp_kernel/pid" || continue
        kill -0 "$gp_pid" 2>/dev/null && continue
        # Another user's process cannot be signalled.
        if [ -s "$gp_kernel/user" ]; then
          if [ -d /proc/self ]; then gp_seen="/proc/$gp_pid"; [ -d "$gp_seen" ] && continue
          else ps -p "$gp_pid" >/dev/null && continue; fi
        fi
      fi
      gp_now="$gp_now$gp_name "
      case $gp_told in *" $gp_name "*) ;; *) printf '%s %s\\n' ${mark} "$gp_name" ;; esac
    done
    gp_told=$gp_now
    gp_round=$(((gp_round + 1) % 5))
    # Where nobody reads any more, this ends the program.
    [ "$gp_round" != 0 ] || printf '.\\n' || exit 0
    sleep 1
  done
}
gp_main </dev/null 2>/dev/null
exit 0
`;
}

/** Prints the number of processors and the load of the last minute. */
export const loadProgram: ShellProgram = {
  body: `
gp_main() (
  getconf _NPROCESSORS_ONLN 2>/dev/null || printf '1\\n'
  if [ -r /proc/loadavg ]; then cat /proc/loadavg; else uptime | sed 's/.*averages*: *//; s/,/ /g'; fi
)
`,
  variables: {},
};

function placeVariables({ remoteDir, name, owner }: KernelPlace): Readonly<Record<string, string>> {
  return { gp_dir: remoteDir, gp_name: name, gp_owner: owner };
}
