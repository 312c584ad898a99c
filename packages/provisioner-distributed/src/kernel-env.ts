import { OWNER_VARIABLE, formatOwner } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';

/** Variables that describe the machine they come from, and mean nothing or harm on another one. */
const OF_THIS_MACHINE: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'TMPDIR',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
  'LD_LIBRARY_PATH',
];

/** The environment that a kernel is started with on a host. */
export function kernelEnvironment(options: {
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters;
  readonly isLocal: boolean;
  /** The gateway's own environment. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}): Readonly<Record<string, string>> {
  const { context, parameters, isLocal, hostEnv } = options;
  const env: Record<string, string> = { ...context.env };
  if (!isLocal) {
    for (const name of OF_THIS_MACHINE) {
      const isInherited = env[name] === hostEnv[name] && !Object.hasOwn(context.kernelSpec.env, name);
      if (isInherited) Reflect.deleteProperty(env, name);
    }
  }
  const { launcherV2 } = parameters.secret;
  if (launcherV2 !== '') env['GP_LAUNCHER_V2'] = launcherV2;
  // The host keeps the exit code and the log; the launcher need not stay to tell them.
  env['GP_LAUNCHER_LINGER_SECONDS'] ??= '0';
  env[OWNER_VARIABLE] = formatOwner(context);
  return env;
}
