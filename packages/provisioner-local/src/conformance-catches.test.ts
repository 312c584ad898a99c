import { afterEach, describe, expect, test } from '@jest/globals';
import {
  OWNER_VARIABLE,
  defineProvisioner,
  endMarkedProcesses,
  formatOwner,
  isProvisionerError,
} from '@gateway-provisioners/core';
import type {
  KernelProvisioner,
  LaunchedKernel,
  ProvisionerDefinition,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { fakeKernelSpec, provisionerConformance } from '@gateway-provisioners/testkit';
import { LocalProvisioner, localConfigSchema, localProvisioner } from './index.ts';
import { testEnv } from './testing/local-bench.ts';

/** A suite that passes whatever a provisioner does is worth nothing: each defect here must be caught. */
interface Defect {
  readonly what: string;
  /** Beginning of the name of a case that must fail. */
  readonly caughtBy: string;
  readonly provisioner?: Partial<KernelProvisioner> | ((inner: KernelProvisioner) => Partial<KernelProvisioner>);
  readonly kernel?: (inner: LaunchedKernel) => Partial<LaunchedKernel>;
}

const defects: readonly Defect[] = [
  {
    what: 'env is lost',
    caughtBy: 'launch: env arrives',
    provisioner: (inner) => ({
      launch: (context, options) => inner.launch({ ...context, env: testEnv }, options),
    }),
  },
  {
    what: 'cwd is lost',
    caughtBy: 'launch: the working directory',
    provisioner: (inner) => ({
      launch: (context, options) => inner.launch({ ...context, cwd: '/' }, options),
    }),
  },
  {
    what: 'nothing is checkpointed',
    caughtBy: 'launch: state was checkpointed',
    provisioner: (inner) => ({
      launch: (context, options) => inner.launch({ ...context, checkpoint: () => Promise.resolve() }, options),
    }),
  },
  {
    what: 'abort is ignored and the kernel is lost',
    caughtBy: 'failure: abort some time after',
    provisioner: (inner) => ({
      async launch(context, options) {
        const kernel = await inner.launch(context, { ...options, signal: undefined });
        if (options?.signal?.aborted === true) throw new Error('aborted');
        return kernel;
      },
    }),
  },
  {
    what: 'the reason of a failed launch is lost',
    caughtBy: 'failure: what exits at once',
    provisioner: (inner) => ({
      launch: (context, options) =>
        inner.launch(context, options).catch((error: unknown) => {
          throw isProvisionerError(error, 'LAUNCH_FAILED') ? new Error('it did not work') : error;
        }),
    }),
  },
  { what: 'list is empty', caughtBy: 'list: shows each', provisioner: { list: () => Promise.resolve(nothing) } },
  { what: 'reap does nothing', caughtBy: 'reap: removes', provisioner: { reap: () => Promise.resolve() } },
  {
    what: 'attach finds nothing',
    caughtBy: 'attach: by a new',
    provisioner: { attach: () => Promise.resolve(undefined) },
  },
  { what: 'interrupt does nothing', caughtBy: 'interrupt:', kernel: () => ({ interrupt: () => Promise.resolve() }) },
  {
    what: 'kill ends the process and leaves the files',
    caughtBy: 'kill: ends',
    kernel: (inner) => ({ kill: () => inner.signal(9) }),
  },
  {
    what: 'exited never settles',
    caughtBy: 'exited: tells',
    kernel: () => ({ exited: new Promise(() => undefined) }),
  },
  { what: 'logs are empty', caughtBy: 'logs:', kernel: () => ({ logs: () => Promise.resolve('') }) },
  { what: 'liveness is a guess', caughtBy: 'liveness:', kernel: () => ({ liveness: () => Promise.resolve('alive') }) },
];

const nothing = { resources: [], unreachable: [] };

// A defective provisioner cannot be trusted to clean up after the case that it fails.
const launched: ResourceOwner[] = [];
afterEach(async () => {
  for (const owner of launched.splice(0)) await endMarkedProcesses({ name: OWNER_VARIABLE, value: formatOwner(owner) });
});

describe('the conformance suite catches', () => {
  test.each(defects)('$what', async (defect) => {
    const cases = provisionerConformance({
      definition: withDefect(defect),
      kernelSpec: fakeKernelSpec(),
      env: testEnv,
      caseTimeoutMs: 4_000,
    });
    const chosen = cases.filter(({ name }) => name.startsWith(defect.caughtBy));
    expect(chosen).toHaveLength(1);
    for (const { run } of chosen) await expect(run()).rejects.toThrow();
  });
});

test('the conformance suite catches that settings of users are lost', async () => {
  const cases = provisionerConformance({
    definition: {
      ...localProvisioner,
      createChecked: (services) => localProvisioner.createChecked(services, {}),
    },
    kernelSpec: fakeKernelSpec(),
    env: testEnv,
  });
  const chosen = cases.filter(({ name }) => name.startsWith('users: root'));
  expect(chosen).toHaveLength(1);
  for (const { run } of chosen) await expect(run()).rejects.toThrow(/not FORBIDDEN/);
});

function withDefect(defect: Defect): ProvisionerDefinition {
  return defineProvisioner({
    name: 'defective-provisioner',
    apiVersion: 1,
    configSchema: localConfigSchema,
    create(services, config) {
      const inner = new LocalProvisioner(services, config);
      const overrides = typeof defect.provisioner === 'function' ? defect.provisioner(inner) : defect.provisioner;
      const spoil = (kernel: LaunchedKernel) => overlay(kernel, defect.kernel?.(kernel) ?? {});
      const launch = overrides?.launch ?? inner.launch.bind(inner);
      return overlay<KernelProvisioner>(inner, {
        ...overrides,
        launch: async (context, options) => {
          launched.push(context);
          return spoil(await launch(context, options));
        },
      });
    },
  });
}

/** `inner` with some members replaced. */
function overlay<T extends object>(inner: T, members: Partial<T>): T {
  return new Proxy(inner, {
    get(target, key) {
      const source: object = key in members ? members : target;
      const value: unknown = Reflect.get(source, key, source);
      if (typeof value !== 'function') return value;
      const bound: unknown = value.bind(source);
      return bound;
    },
  });
}
