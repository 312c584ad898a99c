import type { Bundle } from '../hosts/kernel-host.ts';
import { quote } from './quote.ts';
import type { ShellProgram } from './run-program.ts';

/** Removes what was begun, also when the other side is at its last file still. */
export function discardProgram(unfinished: string): ShellProgram {
  const body = `
gp_main() (
  cd || exit 1
  rm -rf -- "$gp_unfinished" 2>/dev/null || { sleep 1; rm -rf -- "$gp_unfinished"; }
)
`;
  return { body, variables: { gp_unfinished: unfinished } };
}

/** Writes a bundle that stands in the program itself, complete or not at all. Needs `base64` on the host. */
export function unpackProgram(
  bundle: Bundle,
  paths: { readonly unfinished: string; readonly target: string },
): ShellProgram {
  const lines = bundle.files.flatMap(({ path, content, isExecutable }) => {
    const name = quote(path);
    const slash = path.lastIndexOf('/');
    return [
      ...(slash === -1 ? [] : [`mkdir -p -- ${quote(path.slice(0, slash))} || exit 1`]),
      `printf %s ${quote(Buffer.from(content).toString('base64'))} | base64 -d >${name} || exit 1`,
      `chmod ${isExecutable ? '755' : '644'} ${name}`,
    ];
  });
  const body = `
gp_main() (
  cd && rm -rf -- "$gp_unfinished"
  [ ! -d "$gp_target" ] || exit 0
  gp_fail() { printf 'cannot write %s; check that the folder is writable and has room\\n' "$gp_target" >&2; exit 1; }
  mkdir -- "$gp_unfinished" || gp_fail
  if (
    cd -- "$gp_unfinished" || exit 1
    ${lines.join('\n    ')}
  ); then
    [ -d "$gp_target" ] || mv -- "$gp_unfinished" "$gp_target"
    rm -rf -- "$gp_unfinished"
  else
    rm -rf -- "$gp_unfinished"
    gp_fail
  fi
)
`;
  return { body, variables: { gp_unfinished: paths.unfinished, gp_target: paths.target } };
}
