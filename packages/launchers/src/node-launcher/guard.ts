import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

// Ends what we leave when we are killed: it waits for the end of its input, which comes with our death. It is told the
// process group on that input, so that no kernel runs unguarded, and is in a session of its own, so that whoever kills
// our group does not kill it too.
const SCRIPT = `
trap '' HUP INT TERM
read -r group || exit 0
while read -r _; do :; done
kill -s TERM -- "-$group" 2>/dev/null
tries=0
while [ "$tries" -lt 50 ] && kill -s 0 -- "-$group" 2>/dev/null; do
  sleep 0.1 2>/dev/null || sleep 1
  tries=$((tries + 1))
done
kill -s KILL -- "-$group" 2>/dev/null
rm -rf -- "$1"
`;

/** A process that outlives the launcher only to clean up after it. */
export class Guard {
  readonly #child: ChildProcess;

  /** `folder` is removed when the launcher is killed. */
  constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'gp-guard', folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      env,
    });
    // Without a shell there is no guard, and all else works.
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
  }

  watch(group: number): void {
    this.#child.stdin?.write(`${String(group)}\n`);
  }

  /** For a launcher that has cleaned up itself. */
  dismiss(): void {
    this.#child.kill('SIGKILL');
  }
}
