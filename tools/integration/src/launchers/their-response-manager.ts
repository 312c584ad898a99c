import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ResourceStack, withDeadline } from '@gateway-provisioners/core';
import { freePort } from '@gateway-provisioners/core/testing';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { gatewayProvisionersPython } from './python-launcher-argv.ts';

const ANSWER_MS = 120_000;

/** Gateway Provisioners' own response manager, which waits for one kernel. Disposing of it ends it. */
export interface TheirResponseManager extends AsyncDisposable {
  /** What launchers are told; the key has 1,024 bits. */
  readonly parameters: { readonly kernelId: string; readonly responseAddress: string; readonly publicKey: string };
  /** What it made of the launcher's answer. */
  answer(): Promise<Readonly<Record<string, unknown>>>;
}

export async function startTheirResponseManager(
  scratch: ScratchFolder,
  kernelId: string,
): Promise<TheirResponseManager> {
  await using stack = new ResourceStack();
  const script = join(import.meta.dirname, '../../python/launchers/response_manager.py');
  const extra = { GP_RESPONSE_IP: '127.0.0.1', GP_RESPONSE_PORT: String(await freePort()) };
  const manager = spawn(gatewayProvisionersPython(), [script, kernelId], {
    env: await scratch.environment({ extra }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stack.defer(() => manager.kill('SIGKILL'));
  const lines = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Readonly<Record<string, unknown>>> => {
    const line = await withDeadline({ what: 'the response manager', timeoutMs: ANSWER_MS }, () => lines.next());
    return JSON.parse(String(line.value)) as Record<string, unknown>;
  };
  const { address, key } = await next();
  const owned = stack.move();
  return {
    parameters: { kernelId, responseAddress: String(address), publicKey: String(key) },
    answer: next,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
