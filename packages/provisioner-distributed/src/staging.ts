import { createHash } from 'node:crypto';
import { lstat, readFile, readdir } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import { launchersDir } from '@gateway-provisioners/launchers';
import type { Bundle, BundleFile } from './hosts/kernel-host.ts';
import type { KernelWord } from './shell/kernel-programs.ts';

export interface StagedCommand {
  readonly argv: readonly KernelWord[];
  /** By hash. */
  readonly bundles: ReadonlyMap<string, Bundle>;
}

export interface StagingOptions {
  /** With its placeholders filled. */
  readonly argv: readonly string[];
  /** Where the kernelspec is on this machine. */
  readonly resourceDir: string | undefined;
  readonly staging: 'auto' | 'always' | 'never';
}

interface Source {
  readonly folder: string;
  /** Those below it that are needed; all of it when undefined. */
  readonly parts?: readonly string[];
  readonly path: string;
}

/** Launchers of ours by the names that kernelspecs give them, and what each needs of their folder. */
const LAUNCHERS: Readonly<Record<string, Omit<Source, 'folder'>>> = {
  'launch_ipykernel.py': { parts: ['python/scripts'], path: 'python/scripts/launch_ipykernel.py' },
  // Its listener is a program of the other one, where that is beside it.
  'launch_IRkernel.R': { parts: ['R/scripts', 'python/scripts'], path: 'R/scripts/launch_IRkernel.R' },
  'launch_kernel.mjs': { parts: ['node'], path: 'node/launch_kernel.mjs' },
};
const MAX_FILES = 1000;
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Finds what a kernel's command needs of this machine's files: those of the kernelspec's own folder, and our launchers,
 * where the command names a path to one. Errors: `INVALID_CONFIG` for a folder that
 * cannot be read or is too large.
 */
export async function stageCommand(options: StagingOptions): Promise<StagedCommand> {
  const { argv, resourceDir, staging } = options;
  const bundles = new Map<string, Bundle>();
  if (staging === 'never') return { argv: argv.map((text) => ({ text })), bundles };
  const always = staging === 'always';
  const words: KernelWord[] = [];
  for (const text of argv) {
    const source = await sourceOf(text, resourceDir);
    if (source === undefined) {
      words.push({ text });
      continue;
    }
    const bundle = await readBundle(source);
    bundles.set(bundle.hash, bundle);
    words.push({ text, staged: { bundle: bundle.hash, path: source.path, always } });
  }
  return { argv: words, bundles };
}

async function sourceOf(text: string, resourceDir: string | undefined): Promise<Source | undefined> {
  const inFolder = resourceDir === undefined ? undefined : pathWithin(text, resourceDir);
  if (resourceDir !== undefined && inFolder !== undefined) {
    const isFile = await lstat(join(resourceDir, inFolder)).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (isFile) return { folder: resourceDir, path: inFolder };
  }
  const name = basename(text);
  const launcher = Object.hasOwn(LAUNCHERS, name) ? LAUNCHERS[name] : undefined;
  if (launcher === undefined || !text.includes('/')) return undefined;
  return { folder: launchersDir, ...launcher };
}

/**
 * A file of the kernelspec, as a path within its folder. Kernelspecs that were made for /usr/local/share/jupyter/kernels/<name>
 * name their files there, wherever they were put.
 */
function pathWithin(text: string, resourceDir: string): string | undefined {
  if (text.split('/').includes('..')) return undefined;
  if (text.startsWith(resourceDir + sep)) return text.slice(resourceDir.length + 1);
  const [, name, path] = /^\/.*\/kernels\/([^/]+)\/(.+)$/.exec(text) ?? [];
  return name === basename(resourceDir) ? path : undefined;
}

/** All regular files of a folder, or of those parts; links are not followed. */
async function readBundle({ folder, parts = [''] }: Source): Promise<Bundle> {
  const files: BundleFile[] = [];
  let bytes = 0;
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const below = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== '__pycache__') await visit(below);
      if (!entry.isFile()) continue;
      const content = await readFile(join(folder, below));
      const { mode } = await lstat(join(folder, below));
      bytes += content.length;
      files.push({ path: below, content, isExecutable: (mode & 0o100) !== 0 });
      if (files.length > MAX_FILES || bytes > MAX_BYTES) {
        throw new ProvisionerError(
          'INVALID_CONFIG',
          `${folder} is too large to be copied to another host for each launch`,
        );
      }
    }
  };
  try {
    for (const part of parts) await visit(part);
  } catch (error) {
    if (error instanceof ProvisionerError) throw error;
    throw new ProvisionerError('INVALID_CONFIG', `cannot read ${folder}: ${errorMessage(error)}`, { cause: error });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash('sha256');
  for (const { path, content, isExecutable } of files) {
    hash.update(JSON.stringify([path, content.length, isExecutable])).update(content);
  }
  return { hash: hash.digest('hex').slice(0, 32), files };
}
