import type { CallOptions, KernelSpec } from '@gateway-provisioners/core';
import { throwIfAborted } from '@gateway-provisioners/core';
import { parseKernelJson } from '../kernel-json.ts';
import { findPython } from '../python-installation.ts';
import type { Environment, KernelSpecProblem, NativeKernelSpecs } from '../types.ts';
import { findDenoBinary } from './deno-binary.ts';
import { findIpykernel } from './ipykernel.ts';

export interface NativeKernelSpecsOptions extends CallOptions {
  readonly env: Environment;
  /** A Deno binary. */
  readonly denoPath?: string | undefined;
  /** Or where to look for one: see {@link findDenoBinary}. Neither: no TypeScript kernel is offered. */
  readonly resolveDenoFrom?: string | URL | undefined;
}

/**
 * The kernels that need no kernelspec folder: `python3` when the Python of this environment can import ipykernel
 * (found without running it), and `deno`, the TypeScript and JavaScript kernel that comes with npm.
 */
export async function nativeKernelSpecs(options: NativeKernelSpecsOptions): Promise<NativeKernelSpecs> {
  throwIfAborted(options.signal);
  const specs: KernelSpec[] = [];
  const problems: KernelSpecProblem[] = [];
  const python = await pythonKernelSpec(options.env);
  if (python !== undefined) specs.push(python);
  let { denoPath } = options;
  if (denoPath === undefined && options.resolveDenoFrom !== undefined) {
    const lookup = await findDenoBinary({ resolveFrom: options.resolveDenoFrom });
    if ('path' in lookup) denoPath = lookup.path;
    else problems.push({ name: 'deno', path: 'npm package deno', message: `no TypeScript kernel: ${lookup.problem}` });
  }
  if (denoPath !== undefined) specs.push(denoKernelSpec(denoPath));
  throwIfAborted(options.signal);
  return { specs, problems };
}

/** Undefined when there is no Python, or one without ipykernel. */
async function pythonKernelSpec(env: Environment): Promise<KernelSpec | undefined> {
  const python = await findPython(env);
  if (python === undefined) return undefined;
  const ipykernel = await findIpykernel(python, env);
  if (ipykernel === undefined) return undefined;
  const encrypts = ipykernel.version !== undefined && isAtLeast(ipykernel.version, [7, 3]);
  return parseKernelJson(
    {
      argv: [python.executable, '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
      display_name: 'Python 3 (ipykernel)',
      language: 'python',
      // What ipykernel's own kernelspec declares.
      metadata: { debugger: true, ...(encrypts ? { supported_encryption: ['curve'] } : {}) },
    },
    { name: 'python3', resourceDir: ipykernel.resourceDir },
  );
}

/** Deno's own kernel. SIGINT would end it, hence `interrupt_mode: message`. */
export function denoKernelSpec(denoPath: string): KernelSpec {
  return parseKernelJson(
    {
      argv: [denoPath, 'jupyter', '--kernel', '--conn', '{connection_file}'],
      env: { DENO_NO_UPDATE_CHECK: '1' },
      display_name: 'Deno (TypeScript)',
      language: 'typescript',
      interrupt_mode: 'message',
    },
    { name: 'deno' },
  );
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [foundMajor = 0, foundMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
