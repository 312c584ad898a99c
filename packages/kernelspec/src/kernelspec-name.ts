import { ProvisionerError } from '@gateway-provisioners/core';

// Jupyter's own rule; at least one letter, digit, '_' or '-' is asked for, so that '.' and '..' are no names.
const NAME = /^(?=.*[a-z0-9_-])[a-z0-9._-]+$/i;

/** Whether Jupyter would accept a folder of that name as a kernelspec. */
export function isKernelSpecName(name: string): boolean {
  return name.length <= 255 && NAME.test(name);
}

/** Jupyter's own shorthand: `python` means the Python 3 kernel. */
export const kernelSpecAliases: ReadonlyMap<string, string> = new Map([['python', 'python3']]);

/** Up to `limit` of `names` that a person who typed `name` may have meant, best first. */
export function closeKernelSpecNames(name: string, names: readonly string[], limit = 3): string[] {
  const wanted = name.toLowerCase().slice(0, 64);
  return names
    .map((candidate) => ({ candidate, distance: distanceBetween(wanted, candidate.toLowerCase()) }))
    .filter(
      ({ candidate, distance }) => distance <= Math.max(2, Math.ceil(candidate.length / 3)) || near(wanted, candidate),
    )
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** The error for a name that no kernelspec has. */
export function kernelSpecNotFound(name: string, names: readonly string[]): ProvisionerError {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
  const close = closeKernelSpecNames(name, names);
  const some = names.slice(0, 10).join(', ');
  const hint =
    close.length > 0
      ? `did you mean ${close.join(', ')}?`
      : names.length === 0
        ? 'there are no kernelspecs at all'
        : `there ${names.length === 1 ? 'is' : 'are'} ${some}${names.length > 10 ? ', …' : ''}`;
  return new ProvisionerError('KERNELSPEC_NOT_FOUND', `no kernelspec is named ${shown}: ${hint}`);
}

function near(wanted: string, candidate: string): boolean {
  const other = candidate.toLowerCase();
  return wanted.length >= 3 && (other.includes(wanted) || wanted.includes(other));
}

/** Levenshtein's distance. */
function distanceBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
