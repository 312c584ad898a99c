import { ProvisionerError, fillArgv, usesPlaceholder } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { launcherPlaceholders } from '@gateway-provisioners/core/remote';

/** Scripts of Gateway Provisioners and Enterprise Gateway that create a container: what we do ourselves. */
const LAUNCH_SCRIPTS: ReadonlySet<string> = new Set([
  'launch_docker.py',
  'launch_kubernetes.py',
  'launch_custom_resource.py',
]);

export interface KernelCommand {
  /** Absent: the image's own, which is bootstrap-kernel.sh in images of kernels. */
  readonly command?: readonly string[];
  /** Of the launch script, without dashes and `RemoteProcessProxy.`. */
  readonly scriptOptions: Readonly<Record<string, string>>;
}

/**
 * What runs in the container: the kernelspec's `argv` with its placeholders filled in; nothing, the image's own command,
 * where it is empty or one of the launch scripts. Errors: `KERNELSPEC_INVALID` for a kernelspec of local kernels.
 */
export function kernelCommand({
  context,
  parameters,
}: {
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters;
}): KernelCommand {
  const { kernelSpec } = context;
  const { argv } = kernelSpec;
  const script = argv.findIndex((argument) => LAUNCH_SCRIPTS.has(argument.slice(argument.lastIndexOf('/') + 1)));
  if (argv.length === 0) return { scriptOptions: {} };
  if (script >= 0) return { scriptOptions: optionsOf(argv.slice(script + 1)) };
  if (usesPlaceholder(argv, 'connection_file')) {
    throw new ProvisionerError(
      'KERNELSPEC_INVALID',
      `the argv of kernelspec ${kernelSpec.name} has {connection_file}, which a kernel in a container does not get: ` +
        'leave argv empty to run the bootstrap of the image, or run a launcher with {kernel_id} and {response_address}',
    );
  }
  return { command: fillArgv(argv, launcherPlaceholders(context, parameters)), scriptOptions: {} };
}

/** `--name value` and `--name=value`; values that are placeholders are ours to give. */
function optionsOf(argv: readonly string[]): Readonly<Record<string, string>> {
  const options: [string, string][] = [];
  argv.forEach((argument, index) => {
    const [, name = '', , value = argv[index + 1] ?? ''] =
      /^--(?:RemoteProcessProxy\.)?([\w-]+)(=(.*))?$/s.exec(argument) ?? [];
    if (name !== '' && value !== '' && !value.startsWith('--') && !/\{\w+\}/.test(value)) options.push([name, value]);
  });
  return Object.fromEntries(options);
}
