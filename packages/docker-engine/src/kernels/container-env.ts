import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { envElsewhere } from '@gateway-provisioners/core/remote';
import type { ContainerUser } from './access.ts';
import { specVariable } from './spec-variable.ts';

export interface ContainerEnvOptions {
  readonly context: LaunchContext;
  readonly config: {
    readonly mirror_working_dirs?: boolean | undefined;
    readonly executor_image_name?: string | undefined;
  };
  readonly mode: 'docker' | 'swarm';
  readonly parameters: LauncherParameters;
  readonly image: string;
  readonly network: string;
  readonly user: ContainerUser;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  /** Options of the launch script that the kernelspec was made for. */
  readonly scriptOptions: Readonly<Record<string, string>>;
  /** Counts before the kernel's own environment. */
  readonly more?: Readonly<Record<string, string>>;
  /** How values other than those of `more` are to be written. Default: as they are. */
  readonly quote?: (value: string) => string;
}

/** The container's environment: names are those of Gateway Provisioners and of bootstrap-kernel.sh. No secrets. */
export function containerEnv(options: ContainerEnvOptions): Readonly<Record<string, string>> {
  const { context, config, parameters, image, user, scriptOptions } = options;
  const env = envElsewhere(context, options.hostEnv);
  // It would look for that process, and end.
  env.delete('JPY_PARENT_PID');
  if (config.mirror_working_dirs !== true) env.delete('KERNEL_WORKING_DIR');

  const initMode = scriptOptions['spark-context-initialization-mode'] ?? 'none';
  if (!env.has('KERNEL_SPARK_CONTEXT_INIT_MODE')) env.set('KERNEL_SPARK_CONTEXT_INIT_MODE', initMode);
  const className = scriptOptions['kernel-class-name'];
  if (className !== undefined && !env.has('KERNEL_CLASS_NAME')) env.set('KERNEL_CLASS_NAME', className);
  const { responseAddress, publicKey, portRange } = parameters.public;
  const ours = {
    KERNEL_ID: context.kernelId,
    KERNEL_USERNAME: context.owner,
    KERNEL_IMAGE: image,
    KERNEL_EXECUTOR_IMAGE: specVariable(context, 'KERNEL_EXECUTOR_IMAGE') ?? config.executor_image_name ?? image,
    KERNEL_UID: String(user.uid),
    KERNEL_GID: String(user.gid),
    GP_DOCKER_NETWORK: options.network,
    GP_DOCKER_MODE: options.mode,
    PORT_RANGE: portRange,
    RESPONSE_ADDRESS: responseAddress,
    PUBLIC_KEY: publicKey,
    TRANSPORT_ENCRYPTION: context.transportEncryption === 'disabled' ? '' : context.transportEncryption,
  };
  const { quote, more } = options;
  if (quote === undefined) return { ...Object.fromEntries(env), ...more, ...ours };
  const quoted = (values: Iterable<readonly [string, string]>): Readonly<Record<string, string>> =>
    Object.fromEntries([...values].map(([name, value]) => [name, quote(value)]));
  return { ...quoted(env), ...more, ...quoted(Object.entries(ours)) };
}
