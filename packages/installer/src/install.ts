import { readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import type { CallOptions } from '@gateway-provisioners/core';
import {
  createKernelSpecs,
  destinationFolder,
  findPython,
  kernelSpecFolders,
  parseKernelJson,
} from '@gateway-provisioners/kernelspec';
import type { Environment, KernelSpecDestination } from '@gateway-provisioners/kernelspec';
import { launchersDir } from '@gateway-provisioners/launchers';
import { ownFiles } from './assets.ts';
import type { SpecFiles } from './assets.ts';
import { findPy4j } from './find-py4j.ts';
import { findToreeAssembly } from './find-toree-assembly.ts';
import { readLauncherFiles } from './launcher-folder.ts';
import type { LauncherFiles } from './launcher-folder.ts';
import { renderKernelSpec } from './render.ts';
import type { LauncherFile, RenderedKernelSpec, SpecOptions } from './types.ts';
import { TOREE_ASSEMBLY } from './variants/launcher-files.ts';
import { DEFAULT_SPARK_HOME } from './variants/spark.ts';

export interface PlanOptions {
  /** One kernelspec each; their names must differ. */
  readonly specs: readonly SpecOptions[];
  readonly destination: KernelSpecDestination;
  /** Says where Jupyter looks for kernelspecs, for destinations that are not paths. */
  readonly env: Environment;
  /**
   * A folder with launchers, laid out as in kernel images (`python/scripts/launch_ipykernel.py`, …). Default: the
   * launchers of `@gateway-provisioners/launchers`.
   */
  readonly launchersDir?: string | undefined;
}

/** A kernelspec as it is about to be written. */
export interface PlannedKernelSpec extends RenderedKernelSpec {
  /** Absolute path of its folder. */
  readonly folder: string;
  readonly files: SpecFiles;
  readonly missingLaunchers: readonly LauncherFile[];
}

export interface InstallPlan {
  readonly kernelSpecs: readonly PlannedKernelSpec[];
  /** The folder that will hold the kernelspecs' folders. */
  readonly parent: string;
  /** Whether Jupyter, and this gateway, would find kernelspecs there. */
  readonly onSearchPath: boolean;
}

/**
 * Puts together what {@link installKernelSpecs} writes; nothing is written.
 * Errors: `INVALID_ARGUMENT`, `INVALID_PORT_RANGE`, `KERNELSPEC_INVALID`.
 */
export async function planKernelSpecs(options: PlanOptions): Promise<InstallPlan> {
  const folders = await kernelSpecFolders({ env: options.env });
  const parent = destinationFolder(options.destination, folders);
  const kernelSpecs: PlannedKernelSpec[] = [];
  for (const asked of options.specs) {
    const spec = await withMachineDefaults(asked, options.env);
    const rendered = renderKernelSpec(spec, { folder: (name) => join(parent, name) });
    const { name } = rendered;
    parseKernelJson(rendered.kernelJson, { name });
    if (kernelSpecs.some((other) => other.name === name)) {
      throw new ProvisionerError('INVALID_ARGUMENT', `two kernelspecs would be called ${name}`);
    }
    const inFolder = await readLauncherFiles(rendered.launcherFiles, options.launchersDir ?? launchersDir);
    const launchers = await withToreeAssembly(inFolder, options.env);
    const files = { ...(await ownFiles(rendered)), ...launchers.files };
    kernelSpecs.push({ ...rendered, folder: join(parent, name), files, missingLaunchers: launchers.missing });
  }
  return { kernelSpecs, parent, onSearchPath: folders.searchPath.includes(parent) };
}

/** Toree is not ours to ship: where it is installed here, its jar goes along, as Gateway Provisioners has it. */
async function withToreeAssembly({ files, missing }: LauncherFiles, env: Environment): Promise<LauncherFiles> {
  const wanted = missing.find(({ path }) => path === TOREE_ASSEMBLY);
  const assembly = wanted === undefined ? undefined : await findToreeAssembly(env);
  if (assembly === undefined) return { files, missing };
  const data = await readFile(assembly);
  return {
    files: { ...files, [`lib/${basename(assembly)}`]: { data } },
    missing: missing.filter((file) => file !== wanted),
  };
}

/** What this machine suggests for options that were left out. */
async function withMachineDefaults(spec: SpecOptions, env: Environment): Promise<SpecOptions> {
  if (spec.backend !== 'yarn' && spec.backend !== 'ssh') return spec;
  const py4j = spec.py4j ?? (await findPy4j(spec.sparkHome ?? DEFAULT_SPARK_HOME));
  if (spec.backend === 'ssh') return { ...spec, py4j };
  // Nodes of a YARN cluster have the same Python at the same place; hosts over SSH are other machines.
  return { ...spec, py4j, pythonRoot: spec.pythonRoot ?? (await findPython(env))?.prefix };
}

export interface InstallOptions extends CallOptions {
  readonly env: Environment;
  /** Whether kernelspecs of the same names are replaced. Default false. */
  readonly replace?: boolean | undefined;
}

/**
 * Writes the kernelspecs of a plan, each put together first and then renamed. Nothing is written when one of the names is
 * taken and may not be replaced; when writing fails half-way, those that are new are removed again, and those that were
 * replaced before stay as they are now.
 * Errors: `INVALID_STATE` when a name is taken; `FORBIDDEN` without permission; as {@link planKernelSpecs}.
 */
export async function installKernelSpecs(plan: InstallPlan, options: InstallOptions): Promise<void> {
  const taken = await namesIn(plan.parent);
  const conflicts = plan.kernelSpecs.filter(({ name }) => taken.has(name)).map(({ folder }) => folder);
  if (conflicts.length > 0 && options.replace !== true) {
    throw new ProvisionerError('INVALID_STATE', `there is a kernelspec already: ${conflicts.join(', ')}`);
  }
  await using kernelSpecs = await createKernelSpecs({ env: options.env });
  const written: PlannedKernelSpec[] = [];
  try {
    for (const planned of plan.kernelSpecs) {
      await kernelSpecs.write({
        name: planned.name,
        spec: planned.kernelJson,
        files: planned.files,
        destination: { to: 'path', path: plan.parent },
        replace: options.replace,
        signal: options.signal,
      });
      written.push(planned);
    }
  } catch (error) {
    for (const { name, folder } of written) if (!taken.has(name)) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Names of what is in a folder, in lower case; none when there is no such folder. */
async function namesIn(folder: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await readdir(folder)).map((name) => name.toLowerCase()));
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === 'ENOENT') return new Set();
    const denied = code === 'EACCES' || code === 'EPERM';
    const message = `${folder} cannot be read: ${errorMessage(cause)}`;
    throw new ProvisionerError(denied ? 'FORBIDDEN' : 'INVALID_ARGUMENT', message, { cause });
  }
}
