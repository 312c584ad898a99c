import { access, readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { ProvisionerError, errorMessage, suggestion } from '@gateway-provisioners/core';
import type { CallOptions, KernelSpec, ProvisionerRegistry } from '@gateway-provisioners/core';
import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import type { Environment, KernelSpecProblem } from '@gateway-provisioners/kernelspec';
import { checkArgv } from './check-argv.ts';
import type { KernelSpecFinding } from './check-argv.ts';
import { checkConfig } from './check-config.ts';
import { checkImage } from './check-image.ts';
import type { AskForImage } from './check-image.ts';

export type { KernelSpecFinding } from './check-argv.ts';

export interface CheckOptions extends CallOptions {
  readonly env: Environment;
  /** A kernelspec's folder, or one that holds such folders. Default: all that `searchPath` has. */
  readonly folder?: string | undefined;
  /** Folders that hold kernelspecs' folders. Default: Jupyter's search path. */
  readonly searchPath?: readonly string[] | undefined;
  /** The provisioners that there are. */
  readonly registry: ProvisionerRegistry;
  /** Default: images are not asked for. */
  readonly askForImage?: AskForImage | undefined;
}

export interface CheckedKernelSpec {
  readonly name: string;
  /** The `kernel.json`. */
  readonly path: string;
  /** Undefined when `kernel.json` could not be read. */
  readonly provisioner?: string;
  readonly findings: readonly KernelSpecFinding[];
}

export interface KernelSpecReport {
  /** Sorted by name. */
  readonly kernelSpecs: readonly CheckedKernelSpec[];
  /** Folders that cannot be read, names that are none, and the like. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/** Provisioners of Gateway Provisioners and Jupyter; an installation need not have all of them. */
const WELL_KNOWN = [
  'local-provisioner',
  'distributed-provisioner',
  'yarn-provisioner',
  'kubernetes-provisioner',
  'spark-operator-provisioner',
  'docker-provisioner',
  'docker-swarm-provisioner',
  'conductor-provisioner',
];

/**
 * Checks kernelspecs without starting a kernel: Jupyter's, Gateway Provisioners', Enterprise Gateway's.
 * Errors: `INVALID_ARGUMENT` when the folder does not exist. What is wrong with kernelspecs is in the report.
 */
export async function checkKernelSpecs(options: CheckOptions): Promise<KernelSpecReport> {
  const { env, signal } = options;
  const place = options.folder === undefined ? undefined : await placeOf(resolve(options.folder));
  await using kernelSpecs = await createKernelSpecs({ env, searchPath: place?.searchPath ?? options.searchPath });
  const listing = await kernelSpecs.list({ signal });
  const isAsked = (name: string | undefined): boolean => place?.only === undefined || name === place.only;
  const checked: CheckedKernelSpec[] = [];
  const problems: { readonly path: string; readonly message: string }[] = [];
  for (const spec of listing.specs) if (isAsked(spec.name)) checked.push(await checkKernelSpec(spec, options));
  for (const problem of listing.problems) {
    // Of names that are none, the path tells.
    if (!isAsked(problem.name) && problem.path !== place?.folder) continue;
    if (problem.error === undefined || problem.name === undefined) problems.push(problem);
    else checked.push(unreadable(problem, problem.name));
  }
  checked.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { kernelSpecs: checked, problems: problems.map(({ path, message }) => ({ path, message })) };
}

async function checkKernelSpec(spec: KernelSpec, options: CheckOptions): Promise<CheckedKernelSpec> {
  const { provisionerName } = spec.provisioner;
  return {
    name: spec.name,
    path: join(spec.resourceDir ?? '', 'kernel.json'),
    provisioner: provisionerName,
    findings: [
      ...checkFinished(spec),
      ...(await checkProvisioner(spec, options)),
      ...checkArgv(spec),
      ...(await checkProgram(spec)),
      ...checkConfig(spec),
      ...(await checkImage(spec, options)),
    ],
  };
}

/** Whether there is such a provisioner, and whether it takes the settings. */
async function checkProvisioner(spec: KernelSpec, options: CheckOptions): Promise<readonly KernelSpecFinding[]> {
  const { provisionerName, config } = spec.provisioner;
  const where = 'metadata.kernel_provisioner.provisioner_name';
  const known = options.registry.list().map(({ name }) => name);
  if (!known.includes(provisionerName)) {
    if (WELL_KNOWN.includes(provisionerName)) {
      return [{ severity: 'warning', where, message: `${provisionerName} is not part of this installation` }];
    }
    const close = suggestion(provisionerName, [...known, ...WELL_KNOWN]);
    return [
      { severity: 'error', where, message: `there is no provisioner ${JSON.stringify(provisionerName)}${close}` },
    ];
  }
  try {
    const { configSchema } = await options.registry.definitionOf(provisionerName, options);
    const result = await configSchema['~standard'].validate(config);
    return (result.issues ?? []).map(({ path, message }) => ({
      severity: 'error',
      where: [
        'metadata.kernel_provisioner.config',
        ...(path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)),
      ].join('.'),
      message,
    }));
  } catch (error) {
    return [{ severity: 'error', where, message: errorMessage(error) }];
  }
}

/** Gateway Provisioners' installers leave their template behind when they fail half-way. */
function checkFinished({ argv, displayName }: KernelSpec): readonly KernelSpecFinding[] {
  const left = [...argv, displayName].find((text) => /\$\{(install_dir|display_name|spark_init_mode)\}/.test(text));
  if (left === undefined) return [];
  const message = `an installer did not finish: ${JSON.stringify(left)} was to be replaced; install the kernelspec again`;
  return [{ severity: 'error', where: 'kernel.json', message }];
}

/** Whether the program that this machine would run is there, and whether it is a safe one. */
async function checkProgram({ argv, provisioner }: KernelSpec): Promise<readonly KernelSpecFinding[]> {
  const program = argv[0] ?? '';
  if (!isAbsolute(program)) return [];
  const runsHere = ['local-provisioner', 'yarn-provisioner'].includes(provisioner.provisionerName);
  if (runsHere && !(await exists(program))) {
    return [{ severity: 'error', where: 'argv.0', message: `there is no program ${program}` }];
  }
  if (basename(program) !== 'run.sh') return [];
  const text = await readFile(program, 'utf8').catch(() => '');
  if (!/^\s*eval\s+exec\b/m.test(text)) return [];
  const message = `${program} runs what is in variables (eval), such as KERNEL_EXTRA_SPARK_OPTS of a request; install the kernelspec again`;
  return [{ severity: 'warning', where: 'argv.0', message }];
}

function unreadable({ path, message }: KernelSpecProblem, name: string): CheckedKernelSpec {
  // The report says which kernelspec and file it is about.
  const reason = message.replace(/^kernelspec "[^"]*"( \([^)]*\))?: /, '');
  return { name, path, findings: [{ severity: 'error', where: 'kernel.json', message: reason }] };
}

interface Place {
  readonly folder: string;
  readonly searchPath: readonly string[];
  readonly only?: string;
}

/** What to search, and the one name that counts when a kernelspec's own folder was given. */
async function placeOf(folder: string): Promise<Place> {
  if (await exists(join(folder, 'kernel.json'))) {
    return { folder, searchPath: [dirname(folder)], only: basename(folder).toLowerCase() };
  }
  if (await exists(folder)) return { folder, searchPath: [folder] };
  throw new ProvisionerError('INVALID_ARGUMENT', `there is no folder ${folder}`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
