import type { JsonObject, JsonValue } from '@gateway-provisioners/core';
import { ProvisionerError, parsePortRange } from '@gateway-provisioners/core';
import { isKernelSpecName } from '@gateway-provisioners/kernelspec';
import { kernelLanguages } from '../types.ts';
import type { CommonSpecOptions, KernelLanguage } from '../types.ts';

export const DEFAULT_KERNEL_CLASS = 'ipykernel.ipkernel.IPythonKernel';
const DEFAULT_LAUNCH_TIMEOUT_MS = 30_000;
const DEFAULT_UNAUTHORIZED_USERS: readonly string[] = ['root'];

/** `language` as it is written to `kernel.json`. */
const languageKeys: Readonly<Record<KernelLanguage, string>> = { Python: 'python', R: 'R', Scala: 'scala' };

/** What a variant says of itself. */
export interface Variant {
  readonly options: CommonSpecOptions;
  readonly language: KernelLanguage;
  readonly displayName: string;
  readonly argv: readonly (readonly string[])[];
  readonly env?: Readonly<Record<string, string>>;
  readonly provisionerName: string;
  /** Before and after the settings that all variants have; undefined values are left out. */
  readonly configBefore?: JsonObject;
  readonly configAfter?: JsonObject;
  /** Whether the launcher can make CurveZMQ keys: Python's alone can. */
  readonly encrypts?: boolean;
  /** Whether the kernel has a debugger. */
  readonly debugger?: boolean;
}

/** The seven keys of `kernel.json`, in the order in which Jupyter writes them. */
export function kernelJson(variant: Variant): JsonObject {
  const { options } = variant;
  return {
    argv: variant.argv.flat(),
    env: variant.env ?? {},
    display_name: options.displayName ?? variant.displayName,
    language: languageKeys[variant.language],
    interrupt_mode: 'signal',
    metadata: {
      ...(variant.encrypts === true ? { supported_encryption: ['curve'] } : {}),
      ...(variant.debugger === true ? { debugger: true } : {}),
      kernel_provisioner: {
        provisioner_name: variant.provisionerName,
        config: withoutUndefined({
          ...variant.configBefore,
          ...commonConfig(options),
          ...variant.configAfter,
        }),
      },
    },
    kernel_protocol_version: '',
  };
}

/** The name of the folder. Errors: `INVALID_ARGUMENT` when Jupyter would not take it. */
export function folderName(wanted: string | undefined, usual: string): string {
  const name = (wanted ?? usual).replaceAll(' ', '_').toLowerCase();
  if (isKernelSpecName(name)) return name;
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
  throw new ProvisionerError(
    'INVALID_ARGUMENT',
    `kernel name ${shown} cannot be used: names consist of letters, digits, '.', '_' and '-'`,
  );
}

/** The language that was asked for, in any case. */
export function parseLanguage(text: string): KernelLanguage | undefined {
  return kernelLanguages.find((language) => language.toLowerCase() === text.trim().toLowerCase());
}

/** The class of Python kernels. Errors: `INVALID_ARGUMENT` for what is no dotted name. */
export function kernelClass(options: CommonSpecOptions): string {
  const name = options.kernelClass ?? DEFAULT_KERNEL_CLASS;
  if (/^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)+$/u.test(name)) return name;
  throw new ProvisionerError(
    'INVALID_ARGUMENT',
    `kernel class ${JSON.stringify(name)} cannot be used: give the class with its module, as in ${DEFAULT_KERNEL_CLASS}`,
  );
}

function commonConfig(options: CommonSpecOptions): Readonly<Record<string, JsonValue | undefined>> {
  const authorized = sortedNames(options.authorizedUsers ?? []);
  const unauthorized = sortedNames(options.unauthorizedUsers ?? DEFAULT_UNAUTHORIZED_USERS);
  const portRange = options.portRange ?? '0..0';
  const restricted = parsePortRange(portRange) !== undefined;
  const launchTimeoutMs = options.launchTimeoutMs ?? DEFAULT_LAUNCH_TIMEOUT_MS;
  const usual = unauthorized.join() === DEFAULT_UNAUTHORIZED_USERS.join();
  return {
    authorized_users: authorized.length === 0 ? undefined : authorized,
    unauthorized_users: usual ? undefined : unauthorized,
    port_range: restricted ? portRange.trim() : undefined,
    launch_timeout: launchTimeoutMs === 0 ? undefined : Math.max(1, Math.round(launchTimeoutMs / 1000)),
  };
}

function sortedNames(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort();
}

function withoutUndefined(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
