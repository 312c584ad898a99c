import { ProvisionerError, closestNames } from '@gateway-provisioners/core';

// Jupyter's own rule; at least one letter, digit, '_' or '-' is asked for, so that '.' and '..' are no names.
const NAME = /^(?=.*[a-z0-9_-])[a-z0-9._-]+$/i;

/** Whether Jupyter would accept a folder of that name as a kernelspec. */
export function isKernelSpecName(name: string): boolean {
  return name.length <= 255 && NAME.test(name);
}

/** Jupyter's own shorthand: `python` means the Python 3 kernel. */
export const kernelSpecAliases: ReadonlyMap<string, string> = new Map([['python', 'python3']]);

/** The error for a name that no kernelspec has. */
export function kernelSpecNotFound(name: string, names: readonly string[]): ProvisionerError {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
  const close = closestNames(name, names);
  const some = names.slice(0, 10).join(', ');
  const hint =
    close.length > 0
      ? `did you mean ${close.join(', ')}?`
      : names.length === 0
        ? 'there are no kernelspecs at all'
        : `there ${names.length === 1 ? 'is' : 'are'} ${some}${names.length > 10 ? ', …' : ''}`;
  return new ProvisionerError('KERNELSPEC_NOT_FOUND', `no kernelspec is named ${shown}: ${hint}`);
}
