import { quote } from './quote.ts';

export interface SudoProgram {
  /** Checked: a plain name. */
  readonly user: string;
  /** A program of /bin/sh. */
  readonly program: Uint8Array;
  /** Begins the line, on the standard error, that says why the program was not run. */
  readonly mark: string;
}

/**
 * A program that runs another one as another user. That one goes to sudo's standard input, by builtins only: nothing of it
 * shows in `ps`, and the command that sudo is asked for is always `/bin/sh` without arguments. `PATH` is that of the account
 * that is logged in, as Enterprise Gateway's scripts do it.
 */
export function sudoProgram({ user, program, mark }: SudoProgram): Uint8Array {
  // A character for each byte, so that all bytes survive the quoting.
  const text = Buffer.from(program).toString('latin1');
  return Buffer.from(
    `gp_user=${quote(user)}
gp_program=${quote(text)}
gp_refuse() { printf '\\n%s %s\\n' ${mark} "$1" >&2; exit 1; }
command -v sudo >/dev/null || gp_refuse 'sudo is not installed there'
gp_uid=$(id -u "$gp_user" 2>/dev/null) || gp_refuse 'there is no such user'
[ "$gp_uid" != 0 ] || gp_refuse 'that user is the superuser'
gp_path=$(printf '%s' "$PATH" | sed "s/'/'\\\\\\\\''/g")
{
  printf "PATH='%s'\\nexport PATH\\n" "$gp_path"
  printf '%s' "$gp_program"
} | sudo -n -H -u "$gp_user" -- /bin/sh
gp_status=$?
[ "$gp_status" != 0 ] || exit 0
sudo -n -H -u "$gp_user" -- /bin/sh </dev/null >/dev/null 2>&1 ||
  gp_refuse 'sudo does not run /bin/sh as that user without a password; see the sudoers line in the guide'
exit "$gp_status"
`,
    'latin1',
  );
}
