import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { launcherPath } from '@gateway-provisioners/launchers';
import { requiredFile } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { LauncherBench } from './launcher-bench.ts';

let bench: LauncherBench;

beforeEach(async () => {
  bench = await LauncherBench.start();
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

/** What each kernelspec of tslab's has for a command, and a cell in its language. */
const kernels = [
  { name: 'TypeScript', argv: ['kernel', '--config-path', '{connection_file}'], cell: 'const n: number = 6; n * 7' },
  { name: 'JavaScript', argv: ['kernel', '--config-path', '{connection_file}', '--js'], cell: 'const n = 6; n * 7' },
];

/** Code that does not end by itself, in the two ways in which such a kernel can be busy. */
const endless = {
  'a loop': 'while (true) {}',
  'a promise': 'await new Promise(() => {})',
};

/** Node's module, in a way that needs no declarations of types: a cell of TypeScript is checked before it is run. */
const fs = 'eval("process").getBuiltinModule("fs")';

test.each(kernels)('tslab for $name executes, is interrupted by SIGINT, and ends', async ({ argv, cell }) => {
  const tslab = requiredFile({ variable: 'GP_TEST_TSLAB', script: 'tools/testbeds/tslab.sh' });
  const launched = await bench.launch({
    argv: ({ kernelId, responseAddress, publicKey, portRange }) => [
      ...([process.execPath, launcherPath('node')] as const),
      ...['--kernel-id', kernelId, '--response-address', responseAddress],
      ...['--public-key', publicKey, '--port-range', portRange],
      ...['--', process.execPath, tslab, ...argv],
    ],
  });
  const answer = await launched.answer();
  const { comm } = answer;
  const client = await launched.connect(answer);
  const reply = await client.execute(cell);
  expect({ status: reply.content['status'], output: reply.output.trim() }).toEqual({ status: 'ok', output: '42' });

  for (const busy of Object.values(endless)) {
    const { reply: interrupted } = await launched.executeEndless(
      client,
      (file) => `${fs}.writeFileSync(${JSON.stringify(file)}, "");\n${busy}`,
    );
    expect(await comm?.signal(2)).toBe(true);
    expect((await interrupted).content).toMatchObject({ status: 'error' });
    // After an error it aborts, for a fifth of a second, whatever it is asked.
    const what = 'a cell that is not aborted';
    await until({ what }, async () => (await client.execute('0')).content['status'] === 'ok');
  }
  // It has forgotten nothing.
  expect((await client.execute('n + 1')).output.trim()).toBe('7');

  await comm?.shutdown();
  expect(await launched.end()).toEqual({ code: 143, signal: null });
  await launched.nothingLeft();
  expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
});
