/**
 * Asks one address over and over, 5 ms after each answer, until it is told to stop; a process of its own, so that it
 * measures the server and not whoever keeps the server busy. Run with a URL and a token by `fork`; sends its figures.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Probe } from './measure/probe.ts';
import { percentile } from './statistics.ts';

const PAUSE_MS = 5;
const [url = '', token = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const answers: number[] = [];
const wakeUps: number[] = [];
const stop = new AbortController();

process.once('message', () => {
  stop.abort();
});
process.send?.('started');
while (!stop.signal.aborted) {
  const askedAt = performance.now();
  const asking = request(url, { agent, headers: { Authorization: `token ${token}` } }).end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
  const pausedAt = performance.now();
  answers.push(pausedAt - askedAt);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  wakeUps.push(Math.max(0, performance.now() - pausedAt - PAUSE_MS));
}
const figures: Probe = {
  count: answers.length,
  p50Ms: percentile(answers, 0.5),
  p99Ms: percentile(answers, 0.99),
  wakeUpP99Ms: percentile(wakeUps, 0.99),
};
process.send?.(figures);
process.disconnect();
agent.destroy();
