import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { launcherPath } from '../launcher-paths.ts';

export interface BootstrapResult {
  readonly exitCode: number;
  /** What the launcher was started with. */
  readonly words: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
}

/** An image's `/usr/local/bin` in a folder of its own, and a PATH on which only what a test writes is found. */
export interface BootstrapFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file, executable, below the folder. */
  write(name: string, text?: string): Promise<void>;
  run(env: NodeJS.ProcessEnv, args?: readonly string[]): Promise<BootstrapResult>;
}

/** Prints its own name and its arguments, each with a NUL behind it. */
export const PRINT_WORDS = '#!/bin/sh\nprintf \'%s\\0\' "$(basename "$0")" "$@"\n';

// What the script itself needs, and nothing that could be an interpreter.
const TOOLS = ['bash', 'sh', 'basename', 'dirname', 'tr', 'env'];

export async function bootstrapFolder(): Promise<BootstrapFolder> {
  const path = await mkdtemp(join(tmpdir(), 'bootstrap kernel-'));
  const script = join(path, 'bootstrap-kernel.sh');
  await copyFile(launcherPath('bootstrap'), script);
  await mkdir(join(path, 'tools'));
  for (const tool of TOOLS) await symlink(await findTool(tool), join(path, 'tools', tool));
  const write = async (name: string, text = ''): Promise<void> => {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
    await chmod(join(path, name), 0o755);
  };
  return {
    path,
    write,
    async run(env, args = []) {
      const all = { PATH: `${join(path, 'bin')}:${join(path, 'tools')}`, ...env };
      return await new Promise((resolve) => {
        execFile(script, args, { env: all, encoding: 'utf8' }, (error, stdout, stderr) => {
          const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ exitCode, words: stdout.split('\0').slice(0, -1), stdout, stderr });
        });
      });
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function findTool(name: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }, (error, stdout) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(`there is no ${name} on this machine`, { cause: error }));
    });
  });
}
