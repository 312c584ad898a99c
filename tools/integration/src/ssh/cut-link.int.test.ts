import { expect, test } from '@jest/globals';
import { delay } from '@gateway-provisioners/core';
import { openRawClient } from '../clients/raw-client.ts';
import type { RawMessage } from '../clients/raw-client.ts';
import { startMortalGateway } from '../robustness/mortal-gateway.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { kernelsOn, ssh, sshKernelSpec, sshVariable, startKernel } from './ssh-hosts.ts';

/** Longer than the connection's keepalive bears. 120,000 with the default keepalive is the same by hand. */
const CUT_MS = Number(process.env['GP_TEST_SSH_CUT_MS'] ?? 10_000);
const KEEPALIVE =
  CUT_MS > 90_000 ? {} : { keepalive_interval_ms: 1_000, keepalive_count_max: 3, connect_timeout_ms: 10_000 };

interface Piece {
  readonly text: string;
  readonly isNotice: boolean;
}

function pieceOf({ content }: RawMessage): Piece {
  const text = String(content['text']);
  return { text, isNotice: text.includes('the connection to the kernel was lost for') };
}

function numbers(part: readonly Piece[]): readonly number[] {
  const text = part.map((piece) => piece.text).join('');
  return [...text.matchAll(/<(\d+)>/g)].map(([, n]) => Number(n));
}

interface Cut {
  /** Its name in the testbed. */
  readonly host: string;
  readonly spec: ReturnType<typeof sshKernelSpec>;
  /** Whether the connection is given up meanwhile. */
  readonly isLost: boolean;
}

async function cutLink({ host, spec: makingSpec, isLost }: Cut): Promise<void> {
  await using scratch = await createScratchFolder();
  await using spec = await makingSpec;
  await using gateway = await startMortalGateway({ scratch, env: spec.env });
  const id = await startKernel(gateway, 'python3');
  try {
    await using client = await openRawClient({ server: gateway, kernelId: id });
    const execute = (code: string): string => {
      const options = { silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
      return client.send('shell', 'execute_request', { code, ...options });
    };
    const answerTo = async (cell: string): Promise<RawMessage> => {
      const isAnswer = ({ channel, parent_header: parent }: RawMessage): boolean =>
        channel === 'shell' && parent.msg_id === cell;
      await until({ what: 'the answer', timeoutMs: CUT_MS + 120_000 }, () => client.messages.some(isAnswer));
      return await client.message(isAnswer, 'the answer');
    };
    await answerTo(execute('kept = 41'));
    const stop = `/tmp/stop-${id}`;
    const cell = execute(`
import itertools, os, time
for n in itertools.count():
    print(f'<{n}>', flush=True)
    time.sleep(0.1)
    if os.path.exists('${stop}'): break
`);
    await client.message(({ content }) => String(content['text']).includes('<3>'), 'some output');
    await ssh('cut', host);
    try {
      await delay(CUT_MS);
    } finally {
      await ssh('heal', host);
    }
    const pieces = (): readonly Piece[] =>
      client.messages
        .filter(({ header, parent_header: parent }) => header.msg_type === 'stream' && parent.msg_id === cell)
        .map(pieceOf);
    const noticeAt = (): number => pieces().findIndex(({ isNotice }) => isNotice);
    // Ten numbers are printed in a second.
    const isBack = (): boolean =>
      isLost ? noticeAt() !== -1 && pieces().length > noticeAt() + 5 : numbers(pieces()).length > CUT_MS / 100 + 20;
    await until({ what: 'output after the cut', timeoutMs: CUT_MS + 120_000 }, isBack);
    await ssh('in', host, 'touch', stop);
    expect((await answerTo(cell)).content['status']).toBe('ok');

    const all = pieces();
    const at = isLost ? noticeAt() : 0;
    expect(all.filter(({ isNotice }) => isNotice)).toHaveLength(isLost ? 1 : 0);
    const before = numbers(all.slice(0, at));
    const after = numbers(all.slice(at));
    // Complete but for one gap, and the notice stands there.
    expect(before).toEqual(Array.from({ length: before.length }, (_, n) => n));
    const [first = 0] = after;
    expect(after).toEqual(Array.from({ length: after.length }, (_, n) => first + n));
    if (isLost) expect(first).toBeGreaterThan(before.length);
    else expect(first).toBe(0);

    const last = execute('print(kept + 1)');
    await answerTo(last);
    await client.message(
      ({ parent_header: parent, content }) => parent.msg_id === last && content['text'] === '42\n',
      '42',
    );
  } finally {
    await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
  }
  await until({ what: 'nothing left', timeoutMs: 30_000 }, async () => (await kernelsOn(host)).length === 0);
}

test(
  `links that are cut for ${CUT_MS / 1000} s: kernels live, what is lost is made anew, and clients see where output is missing`,
  async () => {
    const [host1 = ''] = sshVariable('GP_SSH_HOSTS').split(' ');
    const cuts: readonly Cut[] = [
      {
        host: 'island',
        spec: sshKernelSpec([sshVariable('GP_SSH_ISLAND_HOST')], { tunneling: true, ...KEEPALIVE }),
        isLost: true,
      },
      // Channels of their own bear a minute, whatever becomes of the SSH connection.
      { host: '1', spec: sshKernelSpec([host1], KEEPALIVE), isLost: CUT_MS > 90_000 },
    ];
    const outcomes = await Promise.allSettled(cuts.map(cutLink));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  },
  CUT_MS + 300_000,
);
