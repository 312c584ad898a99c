import { ProvisionerError } from './errors.ts';
import type { KernelProvisioner } from './provisioner.ts';

const METHODS = ['launch', 'attach', 'list', 'reap', Symbol.asyncDispose] as const;

/** Whether something that a stranger gave has the methods of a provisioner. Throws what a getter of it throws. */
export function isProvisioner(value: unknown): value is KernelProvisioner {
  return missingMethods(value).length === 0;
}

/** What is told of something that {@link isProvisioner} says no to. */
export function notAProvisioner(name: string, created: unknown): ProvisionerError {
  return new ProvisionerError(
    'PROVISIONER_CREATE_FAILED',
    `create of ${name} gave no provisioner; what it gave lacks these methods: ${missingMethods(created).join(', ')}`,
  );
}

function missingMethods(value: unknown): readonly string[] {
  const has = (key: PropertyKey): boolean =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, key) === 'function';
  return METHODS.filter((key) => !has(key)).map((key) => (typeof key === 'symbol' ? 'Symbol.asyncDispose' : key));
}
