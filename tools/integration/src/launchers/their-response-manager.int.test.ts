import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { launcherPath } from '@gateway-provisioners/launchers';
import { parseConnectionInfo } from '@gateway-provisioners/wire';
import { testPython, testR } from '../support/test-environment.ts';
import { LauncherBench } from './launcher-bench.ts';
import type { LaunchOptions } from './launcher-bench.ts';
import { pythonLauncherArgv } from './python-launcher-argv.ts';
import { startTheirResponseManager } from './their-response-manager.ts';

let bench: LauncherBench;
beforeAll(async () => {
  bench = await LauncherBench.start();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

const MEMBERS = [
  ...['comm_port', 'control_port', 'hb_port', 'iopub_port', 'ip', 'kernel_id', 'kernel_name', 'key', 'pgid', 'pid'],
  ...['shell_port', 'signature_scheme', 'stdin_port', 'transport'],
];

/** Each launcher's program, what it is told beyond the parameters, and code with what it prints. */
const launchers = {
  python: () => [[testPython(), launcherPath('python')], [], 'print(6 * 7)'],
  r: () => [[testR(), launcherPath('r')], [], 'cat(6 * 7, "\\n", sep = "")'],
  node: () => [
    [process.execPath, launcherPath('node')],
    ['--', testPython(), '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
    'print(6 * 7)',
  ],
} as const satisfies Record<string, () => readonly [readonly [string, string], readonly string[], string]>;

test.each(['python', 'r', 'node'] as const)(
  'Gateway Provisioners’ own response manager takes the answer of the launcher for %s, and it takes orders',
  async (name) => {
    const [program, more, code] = launchers[name]();
    const kernelId = randomUUID();
    await using manager = await startTheirResponseManager(bench.scratch, kernelId);
    const { responseAddress, publicKey } = manager.parameters;
    const argv: LaunchOptions['argv'] = ({ portRange }) => [
      ...program,
      ...['--kernel-id', kernelId, '--response-address', responseAddress],
      ...['--public-key', publicKey, '--port-range', portRange],
      ...more,
    ];
    const launched = await bench.launch({ protocol: 1, argv, python: testPython() });
    const info = await manager.answer();
    expect(info).toMatchObject({ kernel_id: kernelId, transport: 'tcp', signature_scheme: 'hmac-sha256' });
    // To the name: what reads it may know no others.
    expect(Object.keys(info).toSorted()).toEqual(MEMBERS);
    const client = await launched.connect({ connection: { ...parseConnectionInfo(info) }, version: 1 });
    expect((await client.execute(code)).output).toBe('42\n');
    const port = Number(info['comm_port']);
    const comm = await bench.listener.openComm({ version: 1, kernelId, host: '127.0.0.1', port });
    expect(await comm.isAlive()).toBe(true);
    expect(await comm.signal(15)).toBe(true);
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  },
);

test('Gateway Provisioners’ own response manager takes the keys of CurveZMQ, with which the kernel is reached', async () => {
  const kernelId = randomUUID();
  await using manager = await startTheirResponseManager(bench.scratch, kernelId);
  const { responseAddress, publicKey } = manager.parameters;
  const launched = await bench.launch({
    protocol: 1,
    argv: ({ portRange }) =>
      pythonLauncherArgv(
        testPython(),
        '--transport-encryption',
        'required',
      )({ kernelId, responseAddress, publicKey, portRange }),
  });
  const info = await manager.answer();
  expect(Object.keys(info).toSorted()).toEqual([...MEMBERS, 'curve_publickey', 'curve_secretkey'].toSorted());
  const connection = parseConnectionInfo(info);
  expect(connection.curve_publickey).toHaveLength(40);
  const client = await launched.connect({ connection: { ...connection }, version: 1 });
  expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
  const port = Number(info['comm_port']);
  const comm = await bench.listener.openComm({ version: 1, kernelId, host: '127.0.0.1', port });
  expect(await comm.signal(15)).toBe(true);
  expect(await launched.end()).toEqual({ code: 143, signal: null });
  await launched.nothingLeft();
});
