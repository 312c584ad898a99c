import { describe, expect, test } from '@jest/globals';
import { PullBench, required } from './testing/pull-bench.ts';
import { SlowProxy } from './testing/slow-proxy.ts';
import { TestSwarm } from './testing/test-swarm.ts';

describe('a swarm', () => {
  test('sends the credentials along with a service, so that nodes can pull', async () => {
    await using swarm = await TestSwarm.open();
    await using proxy = await SlowProxy.open({
      to: required('GP_TEST_REGISTRY_AUTH'),
      host: required('GP_SWARM_HOST_IP'),
    });
    const user = `${required('GP_TEST_REGISTRY_USER')}:${required('GP_TEST_REGISTRY_PASSWORD')}`;
    const config = { auths: { [proxy.address]: { auth: Buffer.from(user).toString('base64') } } };
    await using bench = await PullBench.open({ host: required('GP_SWARM_HOST'), config });
    await using node2 = await PullBench.open({ host: required('GP_DOCKER_NODE2_HOST'), name: bench.name });
    const image = await bench.put([10], { registry: required('GP_TEST_REGISTRY_AUTH'), via: proxy.address });
    const spec = { image, command: ['/none'], constraints: ['node.labels.gp.node==2'] };

    const refused = await swarm.task(await swarm.create(spec), ({ error }) => error !== '');
    expect([refused.state, refused.error]).toEqual(['rejected', expect.stringContaining('No such image')]);
    const id = await bench.engine.services.create(swarm.spec(spec));
    const pulled = await swarm.task(id, ({ error }) => error !== '');
    expect([pulled.state, pulled.error]).toEqual(['failed', expect.stringContaining('/none')]);
    expect(await node2.engine.images.inspect(image)).toBeDefined();
  });
});
