import { expect, test } from '@jest/globals';
import { observed } from '../observed.ts';
import type { LaunchedKernel } from '../provisioner.ts';
import { HeldKernels } from './held-kernels.ts';

const info = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5, ip: '127.0.0.1', key: '' };

function kernelThatTells(name: string, told: string[]): LaunchedKernel {
  const nothing = () => Promise.resolve();
  return {
    connection: observed({ info: { ...info, transport: 'tcp', signature_scheme: 'hmac-sha256' } }),
    exited: new Promise(() => undefined),
    state: {},
    liveness: () => Promise.resolve('alive'),
    interrupt: nothing,
    signal: nothing,
    terminate: nothing,
    kill: nothing,
    logs: () => Promise.resolve(''),
    endpoint: () => Promise.resolve(undefined),
    [Symbol.asyncDispose]: () => Promise.resolve(void told.push(name)),
  };
}

test('lets go of what it holds, not of what was released, however early', async () => {
  const told: string[] = [];
  const kernels = new HeldKernels();
  const holds = ['held', 'released', 'released early', 'never there'].map((name) => ({ name, hold: kernels.hold() }));
  const [held, released, early, never] = holds.map(({ hold }) => hold);
  early?.release();
  for (const { name, hold } of holds.slice(0, 3)) hold.take(kernelThatTells(name, told));
  released?.release();
  never?.release();
  expect(told).toEqual([]);
  await kernels[Symbol.asyncDispose]();
  expect(told).toEqual(['held']);
  held?.release();
  await kernels[Symbol.asyncDispose]();
  expect(told).toEqual(['held']);
});
