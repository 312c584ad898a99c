import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { executeCode, streamText } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { runProgram } from '../support/run-program.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { suiteServer } from '../support/suite-server.ts';
import { requiredVariable, workspaceFolder } from '../support/test-environment.ts';
import { until } from '../support/until.ts';

const script = 'tools/testbeds/images.sh';
/** What a build that installs packages may take on a busy machine, in milliseconds. */
const timeoutMs = 600_000;

const page = await readFile(join(workspaceFolder, 'docs/guides/kernel-images.md'), 'utf8');

/** The first code block of a kind that has a text in it. */
function block(kind: 'sh' | 'bash' | 'dockerfile', has: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text);
  const found = blocks.find((text) => text.includes(has));
  if (found === undefined) throw new Error(`docs/guides/kernel-images.md has no ${kind} block with ${has}`);
  return found;
}

const prepare = block('sh', 'jupyter-image-bootstrap install');
// The one whose packages are all Debian's: the engine of the testbed has a base for it, and no registry.
const dockerfile = block('dockerfile', 'KERNEL_LANGUAGE=r');
const build = block('bash', '--language R');
const [, base = ''] = /^FROM (\S+)$/m.exec(dockerfile) ?? [];
const [, image = ''] = /--tag (\S+)/.exec(build) ?? [];
const [, kernelName = ''] = /--kernel-name (\S+)/.exec(build) ?? [];

// Ends last: after the gateway and its containers.
const resources = new ResourceStack();
afterAll(async () => {
  await resources[Symbol.asyncDispose]();
}, timeoutMs);

const dockerHost = () => requiredVariable({ variable: 'DOCKER_HOST', script });

/** Runs `docker`; returns what it printed. Errors: it fails. */
async function docker(args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'] ?? '', DOCKER_HOST: dockerHost() };
  const result = await runProgram({ command: ['docker', ...args], cwd: '/', env, timeoutMs });
  if (result.exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${result.stderr}`);
  return result.stdout.trim();
}

let readersData = '';

/** Everything that the page says, in a folder of its own. */
beforeAll(async () => {
  requiredVariable({ variable: 'GP_TEST_IMAGES', script });
  const scratch = resources.use(await createScratchFolder());
  const programs = await scratch.folder('programs');
  for (const name of ['jupyter-image-bootstrap', 'jupyter-docker-spec']) {
    const built = join(workspaceFolder, `apps/cli/dist/bin/${name}.js`);
    await writeFile(join(programs, name), `#!/bin/sh\nexec '${process.execPath}' '${built}' "$@"\n`);
    await chmod(join(programs, name), 0o755);
  }
  const env = await scratch.environment({ extra: { DOCKER_HOST: dockerHost(), KERNEL_LAUNCH_TIMEOUT: '180' } });
  env['PATH'] = `${programs}${delimiter}${env['PATH'] ?? ''}`;
  readersData = env['JUPYTER_DATA_DIR'] ?? '';
  const cwd = await scratch.folder('page');
  const run = async (text: string) =>
    await runProgram({ command: ['/bin/bash', '-e', '-c', text], cwd, env, timeoutMs });

  expect(await run(prepare)).toMatchObject({ exitCode: 0 });
  await writeFile(join(cwd, 'Dockerfile'), dockerfile);
  if ((await docker(['images', '--quiet', base])) === '') {
    await docker(['tag', 'gp-test/debian-apt', base]);
    resources.defer(async () => await docker(['image', 'rm', base]));
  }
  resources.defer(async () => await docker(['image', 'rm', '--force', image]));
  expect(await run(build)).toMatchObject({ exitCode: 0 });
}, 2 * timeoutMs);

/** A gateway that reads the kernelspecs of whoever did what the page says. */
async function gatewayOfTheReader(): Promise<RunningServer> {
  const env = {
    JUPYTER_DATA_DIR: readersData,
    DOCKER_HOST: dockerHost(),
    GP_RESPONSE_IP: requiredVariable({ variable: 'GP_TEST_DOCKER_GATEWAY', script }),
  };
  return await startServer({ definition: { ...gatewayDefinition(), env } });
}

const server = suiteServer(gatewayOfTheReader);
const suite = servicesSuite({ server, framing: 'v1' });

test('an image made and registered as the page says is a kernel of the gateway', async () => {
  const engine = resources.use(openDockerEngine(await configFromEnv(process.env)));
  const specs = await (await server.current.request('api/kernelspecs')).json();
  expect(specs).toMatchObject({ kernelspecs: { [kernelName]: { spec: { display_name: 'My R' } } } });
  const kernel = await suite.start(kernelName);
  const containers = async () => await engine.containers.list({ labels: [`kernel_id=${kernel.id}`] });
  expect(await containers()).toHaveLength(1);
  const code = 'cat(system("id -un", intern = TRUE), getwd(), 6 * 7)';
  const { reply, messages } = await executeCode(kernel, code, { timeoutMs: 180_000 });
  expect(reply.content).toMatchObject({ status: 'ok' });
  expect(streamText(messages)).toBe('jovyan /home/jovyan 42');
  await kernel.shutdown();
  await until({ what: 'the container to go', timeoutMs: 60_000 }, async () => (await containers()).length === 0);
}, 400_000);
