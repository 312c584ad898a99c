import type { LaunchContext } from '@gateway-provisioners/core';

/** A variable that the kernelspec's own `env` sets; undefined where a request says something else. */
export function specVariable(
  { env, kernelSpec }: Pick<LaunchContext, 'env' | 'kernelSpec'>,
  name: string,
): string | undefined {
  const value = kernelSpec.env[name];
  return value === undefined || value === '' || env[name] !== value ? undefined : value;
}
