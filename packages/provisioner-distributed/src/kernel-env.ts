import { OWNER_VARIABLE, formatOwner } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { envElsewhere } from '@gateway-provisioners/core/remote';

/** The environment that a kernel is started with on a host. */
export function kernelEnvironment(options: {
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters;
  readonly isLocal: boolean;
  /** The gateway's own environment. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}): Readonly<Record<string, string>> {
  const { context, parameters, isLocal, hostEnv } = options;
  const env = envElsewhere(context, isLocal ? {} : hostEnv);
  const { launcherV2 } = parameters.secret;
  if (launcherV2 !== '') env.set('GP_LAUNCHER_V2', launcherV2);
  env.set(OWNER_VARIABLE, formatOwner(context));
  return Object.fromEntries(env);
}
