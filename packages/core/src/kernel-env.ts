import { expandTemplate } from './env-template.ts';

/** What kernels inherit of the host's environment, besides `LC_*`: enough to find programs and speak the language. */
const INHERITED: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'TZ',
  'TMPDIR',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
  'LD_LIBRARY_PATH',
];

/** The gateway's own secrets: no kernel gets them, whoever asks. */
const NEVER_PASSED: ReadonlySet<string> = new Set([
  'GP_AUTH_TOKEN',
  'EG_AUTH_TOKEN',
  'KG_AUTH_TOKEN',
  'GP_REMOTE_PWD',
  'EG_REMOTE_PWD',
]);

export interface KernelEnvOptions {
  readonly kernelId: string;
  /** The kernelspec's; `KERNEL_LANGUAGE` is its lower-case form unless kernelspec or request set it. */
  readonly language: string;
  /** Who the kernel belongs to; becomes `KERNEL_USERNAME` whatever kernelspec and request say. */
  readonly username: string;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** Names of host variables that count before the kernelspec's, beyond the usual ones. Default: none. */
  readonly inherited?: readonly string[] | undefined;
  /** `env` of the kernelspec; `$NAME` and `${NAME}` in values are replaced from the request's and the host's variables. */
  readonly specEnv: Readonly<Record<string, string>>;
  /** `env` of the request, checked by {@link checkRequestEnv}. */
  readonly requestEnv?: Readonly<Record<string, string>> | undefined;
  /** Names that a request may set beyond `KERNEL_*`; `*` for all. What is not allowed is left out. Default: none. */
  readonly allowedRequestNames?: readonly string[] | undefined;
}

/**
 * The whole environment of a kernel. Later wins: the usual variables of the host, the kernelspec's `env`, the host's that
 * are listed in `inherited`, the request's, `KERNEL_GATEWAY=1`, `KERNEL_ID` and `KERNEL_USERNAME`. Values of the request are data: nothing in them is
 * replaced. Names and order are those of Enterprise Gateway, except that a request without `env` does not pass the
 * host's whole environment on.
 */
export function buildKernelEnv(options: KernelEnvOptions): Readonly<Record<string, string>> {
  const hostEnv = new Map<string, string>();
  for (const [name, value] of Object.entries(options.hostEnv)) {
    if (value !== undefined && !NEVER_PASSED.has(name)) hostEnv.set(name, value);
  }
  const requestEnv = allowedRequest(options);
  const ours = new Map([
    ['KERNEL_GATEWAY', '1'],
    ['KERNEL_ID', options.kernelId],
    ['KERNEL_USERNAME', options.username],
  ]);
  const lookUp = (name: string): string | undefined => ours.get(name) ?? requestEnv.get(name) ?? hostEnv.get(name);

  const env = new Map<string, string>();
  for (const [name, value] of hostEnv) if (isInherited(name, options.inherited)) env.set(name, value);
  for (const [name, value] of Object.entries(options.specEnv)) {
    if (!NEVER_PASSED.has(name)) env.set(name, expandTemplate(value, lookUp));
  }
  for (const [name, value] of hostEnv) if (options.inherited?.includes(name) === true) env.set(name, value);
  for (const [name, value] of requestEnv) env.set(name, value);
  if (!env.has('KERNEL_LANGUAGE')) env.set('KERNEL_LANGUAGE', options.language.toLowerCase());
  for (const [name, value] of ours) env.set(name, value);
  return Object.fromEntries(env);
}

function isInherited(name: string, more: readonly string[] | undefined): boolean {
  return INHERITED.includes(name) || name.startsWith('LC_') || more?.includes(name) === true;
}

function allowedRequest(options: KernelEnvOptions): ReadonlyMap<string, string> {
  const allowed = new Set(options.allowedRequestNames);
  return new Map(
    Object.entries(options.requestEnv ?? {}).filter(
      ([name]) => !NEVER_PASSED.has(name) && (name.startsWith('KERNEL_') || allowed.has(name) || allowed.has('*')),
    ),
  );
}
