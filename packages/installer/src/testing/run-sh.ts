import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runScriptText } from '../run-script/run-script.ts';
import type { RunScript } from '../run-script/run-script.ts';

export interface ShellResult {
  readonly exitCode: number;
  /** What the program was started with. */
  readonly words: readonly string[];
  readonly stderr: string;
}

/** A kernelspec's folder with a `bin/run.sh`, and programs that print what they are started with. */
export interface RunShellFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string): Promise<void>;
  run(
    script: RunScript,
    options: { readonly args?: readonly string[]; readonly env: NodeJS.ProcessEnv },
  ): Promise<ShellResult>;
}

/** Prints its own path and its arguments, each with a NUL behind it. */
export const PRINT_WORDS = '#!/bin/sh\nprintf \'%s\\0\' "$0" "$@"\n';

export async function runShellFolder(): Promise<RunShellFolder> {
  const path = await mkdtemp(join(tmpdir(), 'run sh-'));
  const functions = await readFile(new URL('../../assets/run-functions.sh', import.meta.url), 'utf8');
  const write = async (name: string, text: string): Promise<void> => {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
    await chmod(join(path, name), 0o755);
  };
  return {
    path,
    write,
    async run(script, { args = [], env }) {
      await write('bin/run.sh', runScriptText(script, functions));
      return await execute('/bin/sh', [join(path, 'bin/run.sh'), ...args], env);
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** Standard output is words, each with a NUL behind it. */
export async function execute(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<ShellResult> {
  return await new Promise((resolve) => {
    execFile(program, args, { env, encoding: 'utf8' }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ exitCode, words: stdout.split('\0').slice(0, -1), stderr });
    });
  });
}
