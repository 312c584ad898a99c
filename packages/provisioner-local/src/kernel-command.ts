import { stat } from 'node:fs/promises';
import { KernelFailureError, fillArgv, usesPlaceholder } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { findPrefix, findProgram } from './find-program.ts';
import type { KernelFiles } from './kernel-files.ts';
import type { LocalConfig } from './local-config.ts';

export interface KernelCommandOptions {
  readonly context: LaunchContext;
  readonly config: LocalConfig;
  readonly files: KernelFiles;
  /** The host's environment, for what the kernel's does not say. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}

/**
 * Program and arguments of a kernelspec, placeholders filled. The program is an absolute path unless the kernelspec
 * gives a relative one. Errors: `LAUNCH_FAILED` with what is missing.
 */
export async function kernelCommand(options: KernelCommandOptions): Promise<readonly string[]> {
  const { context, config, files } = options;
  const { argv, resourceDir, name } = context.kernelSpec;
  const [first] = argv;
  if (first === undefined) {
    throw new KernelFailureError('LAUNCH_FAILED', `kernelspec ${JSON.stringify(name)} has an empty \`argv\``);
  }
  if (resourceDir !== undefined && usesPlaceholder(argv, 'resource_dir')) await assertFolder(resourceDir);
  const search = { env: searchEnv(options), interpreterPath: config.interpreter_path };
  const filled = fillArgv(argv, {
    connection_file: files.connectionFile,
    kernel_id: context.kernelId,
    port_range: config.port_range,
    transport_encryption: context.transportEncryption === 'disabled' ? '' : context.transportEncryption,
    resource_dir: resourceDir,
    prefix: usesPlaceholder(argv, 'prefix') ? await findPrefix(search) : undefined,
  });
  const [program = '', ...args] = filled;
  return [await findProgram(program, search), ...args];
}

function searchEnv({ context, hostEnv }: KernelCommandOptions): Readonly<Record<string, string | undefined>> {
  const { PATH: path = hostEnv['PATH'], VIRTUAL_ENV: virtual = hostEnv['VIRTUAL_ENV'] } = context.env;
  const { CONDA_PREFIX: conda = hostEnv['CONDA_PREFIX'] } = context.env;
  return { PATH: path, VIRTUAL_ENV: virtual, CONDA_PREFIX: conda };
}

async function assertFolder(resourceDir: string): Promise<void> {
  const found = await stat(resourceDir).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new KernelFailureError(
    'LAUNCH_FAILED',
    `the kernelspec's folder ${resourceDir} is gone: install the kernelspec again`,
  );
}
