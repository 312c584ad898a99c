import { chmod, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { errorMessage } from '@gateway-provisioners/core';
import { isExecutable } from '../python-installation.ts';

export interface FindDenoOptions {
  /** A file or `file:` URL from whose place the npm package `deno` is resolved: `import.meta.url` of the app. */
  readonly resolveFrom: string | URL;
  /** Default: this machine. */
  readonly platform?: NodeJS.Platform | undefined;
  readonly arch?: string | undefined;
}

/** The binary, or why there is none. */
export type DenoLookup = { readonly path: string } | { readonly problem: string };

// The package for Linux is linked against glibc; musl's has none.
const glibcLoaders: Readonly<Record<string, string>> = {
  x64: '/lib64/ld-linux-x86-64.so.2',
  arm64: '/lib/ld-linux-aarch64.so.1',
};

/**
 * The platform's Deno binary from the npm package `deno`. The binary is in a package of its own
 * (`@deno/linux-x64-glibc`, …), complete without any install script, so this works after `npm ci --ignore-scripts`.
 */
export async function findDenoBinary(options: FindDenoOptions): Promise<DenoLookup> {
  const platform = options.platform ?? process.platform;
  const arch = options.arch ?? process.arch;
  if (platform === 'linux') {
    const loader = glibcLoaders[arch];
    const exists =
      loader !== undefined &&
      (await stat(loader).then(
        () => true,
        () => false,
      ));
    if (!exists) return { problem: `the npm package deno has no binary for Linux on ${arch} without glibc` };
  }
  const target = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`;
  let path: string;
  try {
    const launcher = createRequire(options.resolveFrom).resolve('deno/package.json');
    path = join(dirname(createRequire(launcher).resolve(`${target}/package.json`)), 'deno');
  } catch {
    return { problem: `the npm packages deno and ${target} are not installed (or do not exist for this platform)` };
  }
  if (await isExecutable(path)) return { path };
  try {
    // Some package managers drop the executable bit.
    await chmod(path, 0o755);
    return { path };
  } catch (error) {
    return { problem: `${path} cannot be run: ${errorMessage(error)}` };
  }
}
