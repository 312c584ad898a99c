import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import type { Environment } from '@gateway-provisioners/kernelspec';
import { launchersDir } from '@gateway-provisioners/launchers';
import { findToreeAssembly } from '../find-toree-assembly.ts';
import { languageFiles } from './image-languages.ts';
import type { ImageLanguage, LauncherSource } from './image-languages.ts';

/** The folder whose files images run: the bootstrap script, and `kernel-launchers` beside it. */
export const DEFAULT_IMAGE_FOLDER = '/usr/local/bin';

export interface PlanImageOptions {
  /** Default: Python. */
  readonly languages?: readonly ImageLanguage[] | undefined;
  /** Without `bootstrap-kernel.sh`. */
  readonly launchersOnly?: boolean | undefined;
  /** Default {@link DEFAULT_IMAGE_FOLDER}. */
  readonly folder?: string | undefined;
  /** Where launchers are copied from. Default: the package `@gateway-provisioners/launchers`. */
  readonly launchersDir?: string | undefined;
  /** Apache Toree's assembly, for Scala. Default: that of the Python environment in `env`, if it has one. */
  readonly toreeAssembly?: string | undefined;
  readonly env: Environment;
}

export interface ImageFile {
  /** Below the folder. */
  readonly path: string;
  readonly data: Buffer;
  readonly executable: boolean;
  readonly sha256: string;
}

export interface ImagePlan {
  /** Absolute. */
  readonly folder: string;
  readonly languages: readonly ImageLanguage[];
  readonly files: readonly ImageFile[];
  /** One sentence for each thing that the image needs besides. */
  readonly warnings: readonly string[];
}

/**
 * Reads what {@link installImageBootstrap} writes; nothing is written.
 * Errors: `INVALID_ARGUMENT` when a launcher or the given assembly is not there.
 */
export async function planImageBootstrap(options: PlanImageOptions): Promise<ImagePlan> {
  const languages = [...new Set<ImageLanguage>(options.languages ?? ['python'])];
  const from = options.launchersDir ?? launchersDir;
  const files: ImageFile[] = [];
  const warnings: string[] = [];
  for (const language of languages) {
    for (const source of languageFiles[language]) files.push(await readLauncher(source, from));
    if (language !== 'scala') continue;
    const assembly = options.toreeAssembly ?? (await findToreeAssembly(options.env));
    if (assembly === undefined) {
      warnings.push(
        'scala needs kernel-launchers/scala/lib/toree-assembly-*.jar: install Apache Toree first, or copy it there',
      );
    } else files.push(imageFile(`scala/lib/${basename(assembly)}`, await read(assembly)));
  }
  const launchers = files.map((file) => ({ ...file, path: `kernel-launchers/${file.path}` }));
  const script = await read(join(from, 'bootstrap/bootstrap-kernel.sh'));
  const bootstrap = options.launchersOnly === true ? [] : [imageFile('bootstrap-kernel.sh', script, true)];
  const folder = resolve(options.folder ?? DEFAULT_IMAGE_FOLDER);
  return { folder, languages, files: [...launchers, ...bootstrap], warnings };
}

async function readLauncher({ path, source, executable }: LauncherSource, from: string): Promise<ImageFile> {
  if (!source.includes('*')) return imageFile(path, await read(join(from, source)), executable);
  const folder = join(from, dirname(source));
  const [begin = '', end = ''] = basename(source).split('*');
  const names = await readdir(folder).catch(() => []);
  const found = names.filter((name) => name.startsWith(begin) && name.endsWith(end));
  const [name] = found;
  if (name !== undefined && found.length === 1) {
    return imageFile(join(dirname(path), name), await read(join(folder, name)), executable);
  }
  const problem = name === undefined ? 'there is none' : `there are several: ${found.join(', ')}`;
  throw new ProvisionerError('INVALID_ARGUMENT', `one launcher ${join(from, source)} is needed, and ${problem}`);
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const message =
      systemErrorCode(cause) === 'ENOENT' ? `there is no ${path}` : `${path} cannot be read: ${errorMessage(cause)}`;
    throw new ProvisionerError('INVALID_ARGUMENT', message, { cause });
  }
}

function imageFile(path: string, data: Buffer, executable = false): ImageFile {
  return { path, data, executable, sha256: createHash('sha256').update(data).digest('hex') };
}
