import { readFile, readdir } from 'node:fs/promises';
import type { MortalGateway } from './mortal-gateway.ts';

export interface CycleSample {
  readonly openFiles: number;
  readonly rssBytes: number;
}

/** Starts and stops a kernel `cycles` times and notes after each what the gateway's process holds. */
export async function runStartStopCycles(
  gateway: MortalGateway,
  options: { readonly kernelName: string; readonly cycles: number },
): Promise<readonly CycleSample[]> {
  const samples: CycleSample[] = [];
  for (let cycle = 0; cycle < options.cycles; cycle += 1) {
    const body = JSON.stringify({ name: options.kernelName });
    const created = await gateway.request('api/kernels', { method: 'POST', body });
    if (created.status !== 201) throw new Error(`cycle ${cycle}: ${created.status} ${await created.text()}`);
    const { id } = (await created.json()) as { readonly id: string };
    const removed = await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
    if (removed.status !== 204) throw new Error(`cycle ${cycle}: ${removed.status} ${await removed.text()}`);
    samples.push(await sample(gateway.pid));
  }
  return samples;
}

/** Least-squares slope of the resident size, in bytes a cycle. */
export function rssSlopeBytes(samples: readonly CycleSample[]): number {
  const n = samples.length;
  const meanX = (n - 1) / 2;
  const meanY = samples.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / n;
  let covariance = 0;
  let variance = 0;
  for (const [x, { rssBytes }] of samples.entries()) {
    covariance += (x - meanX) * (rssBytes - meanY);
    variance += (x - meanX) ** 2;
  }
  return covariance / variance;
}

async function sample(pid: number): Promise<CycleSample> {
  const [files, status] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')]);
  return { openFiles: files.length, rssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 };
}
