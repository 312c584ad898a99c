import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerV2 } from './answer-v2.ts';
import { LauncherError } from './launcher-error.ts';
import type { LauncherV2 } from './launcher-v2.ts';
import type { ResponseAddress } from './options.ts';
import { MAX_LINE_BYTES } from './sealed-line.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Where the answer may also be posted, a firewall that swallows packets must not cost the launch ten seconds. */
const CONNECT_TIMEOUT_BEFORE_HTTP_MS = 3_000;
const REPLY_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

export interface DeliveryOptions {
  /** Undefined where there is only HTTP. */
  readonly address: ResponseAddress | undefined;
  /** For how long attempts are made. */
  readonly timeoutMs: number;
  /** Aborted when the launcher ends for another reason. */
  readonly signal: AbortSignal;
}

/** Sends version 1's answer, which nobody acknowledges. Errors: {@link LauncherError} when nobody can be reached. */
export async function deliverVersion1(payload: string, options: DeliveryOptions): Promise<void> {
  await attempt(options, async () => {
    await exchange(payload, { ...options, expected: 'nothing', connectTimeoutMs: CONNECT_TIMEOUT_MS });
    return true;
  });
}

/** Sends version 2's answer until it is taken. Errors: {@link LauncherError} when it is refused, or nobody is there. */
export async function deliverVersion2(
  answer: AnswerV2,
  http: LauncherV2['http'],
  options: DeliveryOptions,
): Promise<void> {
  const connectTimeoutMs = http === undefined ? CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_BEFORE_HTTP_MS;
  // The gateway may have it although no reply came.
  let mayHaveArrived = false;
  const isTaken = (reply: string): boolean => {
    const read = answer.read(reply);
    if (read.outcome === 'taken' || (read.outcome === 'answered-before' && mayHaveArrived)) return true;
    if (read.outcome === 'answered-before') throw new LauncherError('the gateway has another answer for this kernel');
    if (read.outcome === 'refused') throw new LauncherError(`the gateway refused the answer: ${read.message}`);
    return false;
  };
  const ways = [
    ...(options.address === undefined
      ? []
      : [async () => await exchange(answer.line, { ...options, expected: 'line', connectTimeoutMs })]),
    ...(http === undefined ? [] : [async () => await post(http, answer.line, options.signal)]),
  ];
  await attempt(options, async () => {
    let failure: Error = new LauncherError('--response-address is missing');
    for (const way of ways) {
      try {
        if (isTaken(await way())) return true;
        mayHaveArrived = true;
        failure = new Error('what answered there is no response listener');
      } catch (error) {
        if (error instanceof LauncherError) throw error;
        mayHaveArrived ||= !isNeverSent(error);
        failure = error instanceof Error ? error : new Error(String(error));
      }
    }
    throw failure;
  });
}

const NEVER_SENT =
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|CONNECT_TIMEOUT)$/;

/** True for the failure of a connection that was never made. `fetch` tells why in the cause. */
function isNeverSent(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('code' in error && typeof error.code === 'string' && NEVER_SENT.test(error.code)) return true;
  return 'cause' in error && isNeverSent(error.cause);
}

/** Calls until it succeeds, with longer and longer pauses. A {@link LauncherError} ends it. */
async function attempt({ address, timeoutMs, signal }: DeliveryOptions, once: () => Promise<true>): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      await once();
      return;
    } catch (error) {
      if (error instanceof LauncherError || signal.aborted) throw error;
      if (performance.now() + pauseMs > end) throw unreachable(address, timeoutMs, error);
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

function unreachable(address: ResponseAddress | undefined, timeoutMs: number, cause: unknown): LauncherError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const { host = 'over HTTP', port } = address ?? {};
  const where = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
  return new LauncherError(
    `the response address ${where} was not reached within ${String(Math.round(timeoutMs / 1000))} s: ${reason}`,
  );
}

interface ExchangeOptions extends DeliveryOptions {
  readonly expected: 'line' | 'nothing';
  readonly connectTimeoutMs: number;
}

/** Writes a text; resolves with the line that comes back, or, when nothing is expected, when the text is on its way. */
async function exchange(
  text: string,
  { address, signal, expected, connectTimeoutMs }: ExchangeOptions,
): Promise<string> {
  if (address === undefined) throw new LauncherError('--response-address is missing');
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, signal });
    let timer = setTimeout(() => {
      const message = `no connection within ${String(connectTimeoutMs / 1000)} s`;
      socket.destroy(Object.assign(new Error(message), { code: 'CONNECT_TIMEOUT' }));
    }, connectTimeoutMs);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(0x0a);
      if (end >= 0) {
        resolve(received.toString('utf8', 0, end));
        socket.destroy();
      } else if (received.length > MAX_LINE_BYTES) socket.destroy(new Error('the answer is too long'));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      if (expected === 'nothing') resolve('');
      else reject(new Error('the connection was closed without an answer'));
    });
    socket.on('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        socket.destroy(new Error(`no answer within ${String(REPLY_TIMEOUT_MS / 1000)} s`));
      }, REPLY_TIMEOUT_MS);
      if (expected === 'nothing') socket.end(text);
      else socket.write(text);
    });
  });
}

async function post(
  http: { readonly url: string; readonly token: string },
  line: string,
  signal: AbortSignal,
): Promise<string> {
  const deadline = new AbortController();
  const abort = (): void => {
    deadline.abort();
  };
  const timer = setTimeout(abort, REPLY_TIMEOUT_MS);
  signal.addEventListener('abort', abort, { once: true });
  try {
    const headers = { Authorization: `token ${http.token}`, 'Content-Type': 'application/json' };
    const response = await fetch(http.url, { method: 'POST', headers, body: line, signal: deadline.signal });
    const text = await response.text();
    // A refusal without words is the gateway's; a proxy's has a page, which is no reply, and may pass.
    if (response.status === 403 && text === '') {
      throw new LauncherError('the gateway refused the answer: it does not wait for this launch (any more)');
    }
    return text.trimEnd();
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
