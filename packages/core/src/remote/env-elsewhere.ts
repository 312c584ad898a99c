import type { LaunchContext } from '../provisioner.ts';

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

/**
 * The kernel's environment without what it inherited of the description of the host's machine; what kernelspec or
 * request set stays. The launcher is told not to stay after its kernel, because these backends keep exit code and log.
 */
export function envElsewhere(
  { env, kernelSpec }: Pick<LaunchContext, 'env' | 'kernelSpec'>,
  hostEnv: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const left = new Map(Object.entries(env));
  for (const name of OF_THIS_MACHINE) {
    const isInherited = left.get(name) === hostEnv[name] && !Object.hasOwn(kernelSpec.env, name);
    if (isInherited) left.delete(name);
  }
  if (!left.has('GP_LAUNCHER_LINGER_SECONDS')) left.set('GP_LAUNCHER_LINGER_SECONDS', '0');
  return left;
}
