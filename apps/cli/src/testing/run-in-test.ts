import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliContext, ExitCode } from '../cli-context.ts';
import { runCli } from '../run-cli.ts';

export interface CliResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestCli extends AsyncDisposable {
  readonly folder: string;
  /** Runs a command line in the folder, with an environment that holds nothing but folders. */
  run(
    args: readonly string[],
    more?: Partial<CliContext> & {
      readonly onText?: (text: string) => void;
      /** Default: `gateway-provisioners`. */
      readonly program?: (context: CliContext) => Promise<ExitCode>;
    },
  ): Promise<CliResult>;
}

/** A folder of its own for one test. */
export async function testCli(): Promise<TestCli> {
  const folder = await mkdtemp(join(tmpdir(), 'cli-test-'));
  return {
    folder,
    async run(args, more = {}) {
      let stdout = '';
      let stderr = '';
      const exitCode = await (more.program ?? runCli)({
        args,
        // No PATH and no engine: nothing but Node may be needed.
        env: { HOME: folder, TMPDIR: folder, XDG_RUNTIME_DIR: folder, DOCKER_HOST: 'unix:///nowhere/docker.sock' },
        cwd: folder,
        stdout: {
          write: (text) => {
            stdout += text;
            more.onText?.(text);
          },
        },
        stderr: {
          write: (text) => {
            stderr += text;
            more.onText?.(text);
          },
        },
        signal: new AbortController().signal,
        now: () => Date.now(),
        ...more,
      });
      return { exitCode, stdout, stderr };
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
}
