import assert from 'node:assert/strict';
import { isProvisionerError, systemClock } from '@gateway-provisioners/core';
import type { LaunchProgress } from '@gateway-provisioners/core';
import type { ConformanceBench } from './conformance-bench.ts';

export type CaseBody = (bench: ConformanceBench) => Promise<void>;

/** Texts that a shell, a template or a line-based protocol would change. */
const awkwardValues: Readonly<Record<string, string>> = {
  GP_TEST_NEWLINES: 'first\nsecond\r\n\tthird\n',
  GP_TEST_COMMAND: '$(echo injected) `echo injected` ${HOME} $HOME $$',
  GP_TEST_QUOTES: `'single' "double" \\ back\\slash '"'`,
  GP_TEST_EQUALS: '=a=b==',
  GP_TEST_TEMPLATE: '{kernel_id} {connection_file} {{x}} {{ y }} %s %(z)s',
  GP_TEST_UNICODE: 'žluťoučký 日本語 🎈',
  GP_TEST_EMPTY: '',
  GP_TEST_SPACES: '  leading and trailing  ',
  GP_TEST_YAML: '- a: &b !!null # "no"',
};

/** What `launch` promises when all goes well. */
export const launchCases: Readonly<Record<string, CaseBody>> = {
  async 'launch: the connection answers kernel_info and runs code'(bench) {
    const client = await bench.connect(await bench.launch(await bench.provisioner()));
    const reply = await client.request('kernel_info_request');
    assert.equal(typeof reply.content['protocol_version'], 'string');
    await client.execute(bench.language.setVariable('answer', '42'));
    const { content, output } = await client.execute(bench.language.printVariable('answer'));
    assert.equal(content['status'], 'ok');
    assert.equal(output.trim(), '42');
  },

  async 'launch: env arrives unchanged, as data'(bench) {
    const env = { ...bench.options.env, ...awkwardValues };
    const kernel = await bench.launch(await bench.provisioner(), bench.context({ env }).context);
    const client = await bench.connect(kernel);
    for (const [name, value] of Object.entries(awkwardValues)) {
      const { output } = await client.execute(bench.language.printEnv(name));
      assert.deepEqual(JSON.parse(output), value, `value of ${name}`);
    }
  },

  async 'launch: env says nothing to the launcher: where it calls home is not for a request to choose'(bench) {
    const misleading = {
      RESPONSE_ADDRESS: '203.0.113.1:1',
      PUBLIC_KEY: 'bm90IGEga2V5',
      PORT_RANGE: '1..2',
      GP_LAUNCHER_V2: 'bm90IGEga2V5',
    };
    const { context } = bench.context({ env: { ...bench.options.env, ...misleading } });
    await bench.connect(await bench.launch(await bench.provisioner(), context));
  },

  async 'launch: the kernel sees nothing of the host environment that its env does not name'(bench) {
    const services = bench.services();
    const name = 'GP_TEST_HOST_ONLY';
    const provisioner = await bench.options.definition.createChecked(
      { ...services, env: { ...services.env, [name]: 'secret' } },
      bench.options.config ?? {},
    );
    await using owned = provisioner;
    const client = await bench.connect(await bench.launch(owned));
    const { output } = await client.execute(bench.language.printEnv(name));
    assert.equal(JSON.parse(output), null);
  },

  async 'launch: the working directory is the one asked for'(bench) {
    const cwd = bench.options.cwd ?? (await bench.makeFolder(`a folder's $(name) "ü" {kernel_id}`));
    const kernel = await bench.launch(await bench.provisioner(), bench.context({ cwd }).context);
    const { output } = await (await bench.connect(kernel)).execute(bench.language.printCwd());
    assert.equal(JSON.parse(output), cwd);
  },

  async 'launch: state was checkpointed before it returned, and is what the kernel carries'(bench) {
    const { context, checkpoints } = bench.context();
    const kernel = await bench.launch(await bench.provisioner(), context);
    assert.ok(checkpoints.length > 0, 'launch returned without a checkpoint');
    assert.deepEqual(checkpoints.at(-1), kernel.state);
    assert.deepEqual(JSON.parse(JSON.stringify(kernel.state)), kernel.state, 'state must survive JSON');
  },

  async 'launch: progress begins before the end of the launch and never says failed'(bench) {
    const seen: LaunchProgress[] = [];
    const progress = (event: LaunchProgress): void => void seen.push(event);
    await bench.launch(await bench.provisioner(), bench.context().context, { signal: bench.signal, progress });
    assert.ok(seen.length > 0, 'no progress was reported');
    assert.ok(!seen.some((event) => event.phase === 'failed'));
  },

  async 'launch: many at once get distinct connections and all answer'(bench) {
    const provisioner = await bench.provisioner();
    const count = bench.options.concurrency ?? 10;
    const deadline = systemClock.now() + bench.launchTimeoutMs * Math.ceil(count / 4);
    const kernels = await Promise.all(
      Array.from({ length: count }, () => bench.launch(provisioner, bench.context({ deadline }).context)),
    );
    const places = kernels.map(({ connection: { current } }) => `${current.info.ip}:${current.info.shell_port}`);
    assert.equal(new Set(places).size, count, `connections: ${places.join(' ')}`);
    const keys = new Set(kernels.map(({ connection }) => connection.current.info.key));
    assert.equal(keys.size, count, 'two kernels share a key');
    const clients = await Promise.all(kernels.map((kernel) => bench.connect(kernel)));
    await Promise.all(
      clients.map(async (client, index) => {
        await client.execute(bench.language.setVariable('mine', String(index)));
      }),
    );
    for (const [index, client] of clients.entries()) {
      const { output } = await client.execute(bench.language.printVariable('mine'));
      assert.equal(output.trim(), String(index));
    }
  },

  async 'launch: the next incarnation of a kernel replaces it without a trace of the first'(bench) {
    const provisioner = await bench.provisioner();
    const first = bench.context();
    const kernel = await bench.launch(provisioner, first.context);
    await kernel.kill();
    const next = bench.context({ kernelId: first.context.kernelId, incarnation: 2 });
    await bench.connect(await bench.launch(provisioner, next.context));
    const { resources } = await provisioner.list();
    assert.deepEqual(
      resources.map(({ kernelId, incarnation }) => ({ kernelId, incarnation })),
      [{ kernelId: first.context.kernelId, incarnation: 2 }],
    );
  },

  async 'launch: a context of another instance is refused or owned by that instance'(bench) {
    const provisioner = await bench.provisioner();
    const { context } = bench.context({ instanceId: `${bench.instanceId}-other` });
    try {
      await bench.launch(provisioner, context);
    } catch (error) {
      assert.ok(isProvisionerError(error, 'INVALID_ARGUMENT'), String(error));
      return;
    }
    const { resources } = await provisioner.list();
    assert.deepEqual(resources, []);
  },
};
