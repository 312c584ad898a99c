import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const script = fileURLToPath(new URL('../../../../packages/launchers/bootstrap/bootstrap-kernel.sh', import.meta.url));

/** In place of a launcher: tells which signals reach it, leaves an orphan, ends with 7 at SIGTERM. */
const LAUNCHER = `
import os, signal, subprocess, sys, time
def say(text):
    print(text, flush=True)
if sys.argv.count("--plain-exit"):
    sys.exit(5)
# An orphan: its parent ends at once, so that process 1 becomes its parent and has to reap it.
subprocess.run(["/bin/sh", "-c", "sleep 0.1 & echo $! > orphan"])
orphan = int(open("orphan").read())
while os.path.exists(f"/proc/{orphan}"):
    time.sleep(0.02)
# Signals are waited for, not handled: the next one may come while the line about the last one is still being written.
signals = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
say(f"reaped {os.getpid() != 1} {signal.getsignal(signal.SIGINT) is signal.default_int_handler}")
while True:
    if signal.sigwait(signals) == signal.SIGTERM:
        say("TERM")
        sys.exit(7)
    say("INT")
`;

let folder = '';
let running: ChildProcessByStdio<null, Readable, null> | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bootstrap-'));
  await mkdir(join(folder, 'python/scripts'), { recursive: true });
  await writeFile(join(folder, 'python/scripts/launch_ipykernel.py'), LAUNCHER);
});
afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the script as process 1 of a process namespace of its own, as a container engine does. */
function startAsProcess1({ args = [], env = {} }: StartOptions = {}): ChildProcessByStdio<null, Readable, null> {
  // Its death takes all of the namespace with it.
  const unshare = ['--user', '--map-root-user', '--pid', '--mount-proc', '--fork', '--kill-child', '--', script];
  running = spawn('unshare', [...unshare, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      KERNEL_LAUNCHERS_DIR: folder,
      KERNEL_LANGUAGE: 'python',
      KERNEL_ID: 'k1',
      RESPONSE_ADDRESS: '127.0.0.1:1',
      PUBLIC_KEY: 'x',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return running;
}

/** unshare is outside of the namespace; its child is process 1. */
async function process1Of(child: ChildProcessByStdio<null, Readable, null>): Promise<number> {
  const { stdout } = spawn('pgrep', ['-P', String(child.pid)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return Number(String((await once(stdout, 'data'))[0]));
}

test('as process 1 the script passes signals on, reaps, and ends with the code of the kernel', async () => {
  const child = startAsProcess1();
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('reaped True True');
  const process1 = await process1Of(child);
  process.kill(process1, 'SIGINT');
  expect((await lines.next()).value).toBe('INT');
  process.kill(process1, 'SIGINT');
  expect((await lines.next()).value).toBe('INT');
  process.kill(process1, 'SIGTERM');
  expect((await lines.next()).value).toBe('TERM');
  expect(await ended).toEqual([7, null]);
});

test('as process 1 the script ends with the code of a launcher that ends at once', async () => {
  expect(await once(startAsProcess1({ args: ['--plain-exit'] }), 'exit')).toEqual([5, null]);
});

test('as process 1 the script loses no signal that comes before it has noted which process is the launcher', async () => {
  // What bash reads before the script: here it stands still until a file is there.
  const hold = `trap '[[ $BASH_COMMAND != "child="* ]] || until [[ -e go ]]; do sleep 0.02; done' DEBUG\n`;
  await writeFile(join(folder, 'hold'), hold);
  const child = startAsProcess1({ env: { BASH_ENV: join(folder, 'hold') } });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('reaped True True');
  process.kill(await process1Of(child), 'SIGTERM');
  await writeFile(join(folder, 'go'), '');
  expect((await lines.next()).value).toBe('TERM');
  expect(await ended).toEqual([7, null]);
});
