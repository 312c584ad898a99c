import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { executeCode, isMessage } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { suiteServer } from '../support/suite-server.ts';
import { requiredVariable } from '../support/test-environment.ts';
import { until } from '../support/until.ts';

const script = 'tools/testbeds/images.sh';

/** What each image of a kernel computes, and which user it does it as. */
const images = [
  { image: 'kernel-py', language: 'python', code: 'import os; print(os.getuid(), 6 * 7)' },
  { image: 'kernel-r', language: 'R', code: 'cat(system("id -u", intern = TRUE), 6 * 7)' },
  { image: 'kernel-node', language: 'typescript', code: 'const answer: number = 6 * 7; `${Deno.uid()} ${answer}`' },
  {
    image: 'kernel-scala',
    language: 'scala',
    mode: 'lazy',
    code: 'import sys.process._; println("id -u".!!.trim + " " + sc.parallelize(Seq(20, 22)).reduce(_ + _))',
  },
  {
    image: 'kernel-spark-py',
    language: 'python',
    mode: 'lazy',
    code: 'import os; print(os.getuid(), spark.range(42).count())',
  },
] as const;

const resources = new ResourceStack();
afterAll(async () => {
  await resources[Symbol.asyncDispose]();
});

async function gateway(): Promise<RunningServer> {
  requiredVariable({ variable: 'GP_TEST_IMAGES', script });
  const scratch = resources.use(await createScratchFolder());
  for (const { image, language, ...rest } of images) {
    const config = { image_name: `gp-test/${image}` };
    const spec = {
      argv: [],
      display_name: image,
      language,
      env: 'mode' in rest ? { KERNEL_SPARK_CONTEXT_INIT_MODE: rest.mode } : {},
      metadata: { kernel_provisioner: { provisioner_name: 'docker-provisioner', config } },
    };
    await mkdir(join(scratch.path, 'kernels', image), { recursive: true });
    await writeFile(join(scratch.path, 'kernels', image, 'kernel.json'), JSON.stringify(spec));
  }
  const env = {
    JUPYTER_PATH: scratch.path,
    DOCKER_HOST: requiredVariable({ variable: 'DOCKER_HOST', script }),
    GP_RESPONSE_IP: requiredVariable({ variable: 'GP_TEST_DOCKER_GATEWAY', script }),
    GP_LAUNCH_TIMEOUT: '180',
  };
  return await startServer({ definition: { ...gatewayDefinition(), env } });
}

const server = suiteServer(gateway);
const suite = servicesSuite({ server, framing: 'v1' });

test.each(images)(
  'a kernel of the image $image computes, not as root, and leaves no container',
  async ({ image, code }) => {
    const engine = resources.use(openDockerEngine(await configFromEnv(process.env)));
    const kernel = await suite.start(image);
    const containers = async () => await engine.containers.list({ labels: [`kernel_id=${kernel.id}`] });
    expect(await containers()).toHaveLength(1);
    let printed = '';
    const { reply } = await executeCode(kernel, code, {
      timeoutMs: 180_000,
      onMessage: (message) => {
        if (isMessage(message, 'stream')) printed += message.content.text;
        else if (isMessage(message, 'execute_result')) printed += JSON.stringify(message.content.data);
      },
    });
    expect(reply.content).toMatchObject({ status: 'ok' });
    // Deno quotes a text and colours it.
    expect(printed).toContain('1000 42');
    await kernel.shutdown();
    await until({ what: 'the container to go', timeoutMs: 60_000 }, async () => (await containers()).length === 0);
  },
  400_000,
);
