import { ProvisionerError, suggestion } from '@gateway-provisioners/core';
import type { KernelSpec, ProvisionerStanza } from '@gateway-provisioners/core';
import type { KernelSpecSource } from './options.ts';

/** A kernelspec made in code; what is left out is as in a `kernel.json` that leaves it out. */
export interface KernelSpecInCode
  extends
    Partial<Pick<KernelSpec, 'argv' | 'env' | 'displayName' | 'language' | 'interruptMode' | 'metadata'>>,
    Partial<Pick<ProvisionerStanza, 'config'>> {
  /** Name of the provisioner that runs it: `docker-provisioner`. */
  readonly provisioner: string;
}

/**
 * Kernelspecs made in code, by their names; the first is the default.
 *
 * ```ts
 * kernelSpecsOf({ python: { provisioner: 'docker-provisioner', language: 'python', config: { image_name: 'kernel-py' } } })
 * ```
 */
export function kernelSpecsOf(given: Readonly<Record<string, KernelSpecInCode>>): KernelSpecSource {
  const specs = Object.entries(given).map(([name, spec]) => toKernelSpec(name.toLowerCase(), spec));
  const names = specs.map(({ name }) => name);
  return {
    list: () => Promise.resolve({ specs }),
    find: (name) => {
      const spec = specs.find((each) => each.name === name.toLowerCase());
      return spec === undefined ? Promise.reject(notFound(name, names)) : Promise.resolve(spec);
    },
    defaultName: () => {
      const [first] = names;
      return first === undefined ? Promise.reject(notFound('', names)) : Promise.resolve(first);
    },
  };
}

function toKernelSpec(name: string, { provisioner, config = {}, ...spec }: KernelSpecInCode): KernelSpec {
  return {
    argv: [],
    env: {},
    displayName: name,
    language: '',
    interruptMode: 'signal',
    metadata: {},
    ...spec,
    name,
    extra: {},
    provisioner: { provisionerName: provisioner, config },
  };
}

function notFound(name: string, names: readonly string[]): ProvisionerError {
  const what = name === '' ? 'there is no kernelspec' : `there is no kernelspec ${JSON.stringify(name)}`;
  return new ProvisionerError('KERNELSPEC_NOT_FOUND', `${what}${suggestion(name, names)}`);
}
