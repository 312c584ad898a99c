import { afterAll, describe, expect, test } from '@jest/globals';
import { provisionerConformance, pythonLanguage } from '@gateway-provisioners/testkit';
import { swarmProvisioner } from './index.ts';
import { serviceName } from './service/service-name.ts';
import { SwarmBenches, hostEnv, overlayPrefix, reachable, swarmSpec } from './testing/swarm-bench.ts';

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

describe('docker-swarm-provisioner conforms', () => {
  const { rendezvous } = benches;
  const cases = provisionerConformance({
    definition: swarmProvisioner,
    config: { ...reachable, mirror_working_dirs: true },
    kernelSpec: swarmSpec(),
    env: {},
    hostEnv,
    language: pythonLanguage,
    cwd: '/tmp',
    concurrency: 4,
    launchTimeoutMs: 120_000,
    hopelessTimeoutMs: 6_000,
    caseTimeoutMs: 280_000,
    rendezvous,
    services: (defaults) => ({ ...defaults, rendezvous }),
    leftovers: async (owner) => await (await benches.view()).leftovers(owner),
  });
  for (const { name, run } of cases) test(name, run, 300_000);
});

/** Names of services resolve in containers on their network alone: this runs where the tests are a task on it. */
if (overlayPrefix !== undefined) {
  describe('a kernel that is reached by name', () => {
    test.each([
      ['dnsrr', ''],
      ['vip', 'tasks.'],
    ])(
      'in endpoint mode %s',
      async (...[mode, prefix]) => {
        await using bench = await benches.open({ config: { ...reachable, discovery: 'name', endpoint_mode: mode } });
        const context = bench.context();
        const kernel = await bench.provisioner.launch(context);
        expect(kernel.connection.current.info.ip).toBe(prefix + serviceName(context));
        const client = await bench.connect(kernel);
        const code = 'kept = 42; print("runs", flush=True)\nimport time; time.sleep(600)';
        const { reply } = await client.begin(code, { timeoutMs: 60_000 });
        await kernel.interrupt();
        expect((await reply).content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

        const attached = await bench.provisioner.attach(kernel.state);
        expect(attached?.connection.current.info).toEqual(kernel.connection.current.info);
        if (attached === undefined) throw new Error('the kernel was not found again');
        const again = await bench.connect(attached);
        expect((await again.execute('print(kept)')).output).toBe('42\n');
        await attached[Symbol.asyncDispose]();
        await kernel.kill();
        expect(await bench.leftovers()).toEqual([]);
      },
      180_000,
    );
  });
}
