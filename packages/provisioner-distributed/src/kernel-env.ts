import { OWNER_VARIABLE, formatOwner } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { envElsewhere } from '@gateway-provisioners/core/remote';
import type { KernelHost } from './hosts/kernel-host.ts';

const IMPERSONATION_VARIABLES: readonly string[] = ['GP_IMPERSONATION_ENABLED', 'EG_IMPERSONATION_ENABLED'];

/** The environment that a kernel is started with on a host. */
export function kernelEnvironment(options: {
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters;
  readonly host: Pick<KernelHost, 'isLocal' | 'user'>;
  /** The gateway's own environment. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}): Readonly<Record<string, string>> {
  const { context, parameters, host, hostEnv } = options;
  const isOurAccount = host.isLocal && host.user === undefined;
  const env = envElsewhere(context, isOurAccount ? {} : hostEnv);
  const { launcherV2 } = parameters.secret;
  if (launcherV2 !== '') env.set('GP_LAUNCHER_V2', launcherV2);
  // Scripts of kernelspecs that would go through sudo are that user's already.
  if (host.user !== undefined) for (const name of IMPERSONATION_VARIABLES) env.set(name, 'False');
  env.set(OWNER_VARIABLE, formatOwner(context));
  return Object.fromEntries(env);
}
