import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import fc from 'fast-check';
import { ClientHub } from './client-hub.ts';
import type { ClientHubOptions, HubClient } from './client-hub.ts';

const output = (id: string, size = 0) =>
  createMessage({ channel: 'iopub', msgType: 'stream', content: { text: 'x'.repeat(size) }, session: 'k', msgId: id });
const status = (id: string) =>
  createMessage({ channel: 'iopub', msgType: 'status', content: { execution_state: 'idle' }, session: 'k', msgId: id });
const reply = (id: string) => createMessage({ channel: 'shell', msgType: 'execute_reply', session: 'k', msgId: id });

function setUp(options: Partial<ClientHubOptions> = {}) {
  const clock = new ManualClock();
  const forgotten: string[] = [];
  const hub = new ClientHub({
    clock,
    logger: silentLogger,
    journal: { maxMessages: 1_000, maxBytes: 1e7, maxAgeMs: 60_000 },
    clientQueueBytes: 1e6,
    onConnections: () => undefined,
    onMembers: () => undefined,
    onForgotten: (key) => forgotten.push(key),
    ...options,
  });
  const publish = (...messages: KernelMessage[]) => {
    hub.deliver(messages.map((message) => ({ message, route: { to: 'all' } })));
  };
  const answer = (message: KernelMessage, clientKey: string) => {
    hub.deliver([{ message, route: { to: 'client', clientKey } }]);
  };
  return { hub, clock, forgotten, publish, answer };
}

class Reader {
  readonly ids: string[] = [];
  readonly messages: KernelMessage[] = [];
  readonly ends: string[] = [];
  takes = true;
  writes = 0;
  onEnd: () => void = () => undefined;

  write(batch: readonly KernelMessage[]): boolean {
    this.writes += 1;
    this.messages.push(...batch);
    this.ids.push(...batch.map(({ header }) => header.msg_id));
    return this.takes;
  }

  end(reason: string): void {
    this.ends.push(reason);
    this.onEnd();
  }
}

function join(hub: ClientHub, sessionId?: string, maxQueuedBytes?: number): { reader: Reader; client: HubClient } {
  const reader = new Reader();
  return { reader, client: hub.join({ sink: reader, sessionId, maxQueuedBytes }) };
}

describe('ClientHub', () => {
  it('gives iopub to all, answers to the one who asked, and a batch in one write', () => {
    const { hub, publish, answer } = setUp();
    const a = join(hub, 'a');
    const b = join(hub);
    publish(output('1'), output('2'));
    answer(reply('3'), b.client.clientKey);
    expect(a.reader.ids).toEqual(['1', '2']);
    expect(b.reader.ids).toEqual(['1', '2', '3']);
    expect(a.reader.writes).toBe(1);
    expect(hub.connections).toBe(2);
  });

  it('lets a slow client wait without slowing the other, then marks what it missed', () => {
    const { hub, publish, answer } = setUp();
    const slow = join(hub, 'slow', 20_000);
    const fast = join(hub, 'fast');
    slow.reader.takes = false;
    for (let n = 0; n < 1_000; n += 1) publish(output(`o${String(n)}`, 100));
    answer(reply('r'), 'slow');
    publish(status('end'));
    expect(fast.reader.ids).toHaveLength(1_001);
    expect(slow.reader.ids).toEqual(['o0']);
    expect(slow.client.queuedBytes).toBeLessThanOrEqual(20_000 + 2_500);
    slow.reader.takes = true;
    slow.client.resume();
    const marker = slow.reader.messages[1]?.parseMetadata()['gateway_provisioners'];
    expect(marker).toEqual({
      dropped_messages: slow.client.dropped.messages,
      dropped_bytes: slow.client.dropped.bytes,
    });
    expect(slow.client.dropped.messages).toBeGreaterThan(900);
    expect(slow.reader.ids.slice(-2)).toEqual(['r', 'end']);
    expect(slow.reader.messages).toHaveLength(1 + 1 + (999 - slow.client.dropped.messages) + 2);
    expect(fast.client.dropped.messages).toBe(0);
  });

  it('ends a client whose answers pile up, and keeps them for its return', async () => {
    const { hub, answer } = setUp({ journal: { maxMessages: 1e6, maxBytes: 1e9, maxAgeMs: 1e9 } });
    const slow = join(hub, 's', 1_000);
    slow.reader.takes = false;
    let sent = 0;
    while (slow.client.isOpen && sent < 100_000) {
      answer(reply(String(sent)), 's');
      sent += 1;
    }
    expect(slow.reader.ends).toEqual(['overflow']);
    const back = join(hub, 's', 1e9);
    await settle();
    expect([...slow.reader.ids, ...back.reader.ids]).toEqual(Array.from({ length: sent }, (_, n) => String(n)));
  });

  it('keeps what is being handed out for a client that another one makes leave', async () => {
    const { hub, publish } = setUp();
    const first = join(hub, 'first');
    const second = join(hub, 'second');
    const write = first.reader.write.bind(first.reader);
    first.reader.write = (batch) => {
      second.client.close();
      return write(batch);
    };
    publish(output('1'));
    const back = join(hub, 'second');
    await settle();
    expect([...second.reader.ids, ...back.reader.ids]).toEqual(['1']);
  });

  it('gives a client that returns what it missed, and nothing to one without a session id', async () => {
    const { hub, publish, answer } = setUp();
    const first = join(hub, 's');
    const anonymous = join(hub);
    publish(output('1'));
    first.client.close();
    anonymous.client.close();
    publish(output('2'));
    answer(reply('3'), 's');
    answer(reply('not mine'), 'other');
    const second = join(hub, 's');
    publish(output('4'));
    await settle();
    expect(first.reader.ids).toEqual(['1']);
    expect(second.reader.ids).toEqual(['2', '3', '4']);
    expect(join(hub).reader.ids).toEqual([]);
  });

  it('replays what a sink took and could not deliver', async () => {
    const { hub, publish } = setUp();
    const first = join(hub, 's');
    publish(output('1'), output('2'), output('3'));
    first.client.close({ undelivered: first.reader.messages.slice(1) });
    publish(output('4'));
    const second = join(hub, 's');
    await settle();
    expect(second.reader.ids).toEqual(['2', '3', '4']);
  });

  it('replaces an earlier connection of the same session, which may give back what it has', async () => {
    const { hub, publish } = setUp();
    const first = join(hub, 's');
    publish(output('1'), output('2'));
    first.reader.onEnd = () => {
      first.client.close({ undelivered: first.reader.messages.slice(1) });
    };
    const second = join(hub, 's');
    publish(output('3'));
    await settle();
    expect(first.reader.ends).toEqual(['replaced']);
    expect(second.reader.ids).toEqual(['2', '3']);
    expect(hub.connections).toBe(1);
    first.client.close();
    expect(hub.connections).toBe(1);
  });

  it('marks what exceeded the bounds while somebody was away', async () => {
    const { hub, publish } = setUp({ journal: { maxMessages: 5, maxBytes: 1e9, maxAgeMs: 1e9 } });
    join(hub, 's').client.close();
    for (let n = 0; n < 20; n += 1) publish(output(String(n)));
    const { reader } = join(hub, 's');
    await settle();
    expect(reader.messages[0]?.parseMetadata()).toEqual({
      gateway_provisioners: expect.objectContaining({ dropped_messages: 15 }),
    });
    expect(reader.ids.slice(1)).toEqual(['15', '16', '17', '18', '19']);
  });

  it('forgets sessions that are away for too long, or are too many', async () => {
    const { hub, clock, forgotten, publish } = setUp();
    join(hub, 'old').client.close();
    await clock.advance(30_000);
    join(hub, 'young').client.close();
    publish(output('1'));
    await clock.advance(30_000);
    expect(forgotten).toEqual(['old']);
    const { reader } = join(hub, 'old');
    await settle();
    expect(reader.ids).toEqual([]);
    for (let n = 0; n < 40; n += 1) join(hub, `n${String(n)}`).client.close();
    expect(forgotten).toContain('young');
    expect(forgotten).not.toContain('n39');
    hub.end('closed');
    expect(clock.pending).toBe(0);
  });

  it('is not harmed by a sink that throws', () => {
    const { hub, publish } = setUp();
    const bad = hub.join({
      sink: {
        write: () => {
          throw new Error('broken');
        },
      },
    });
    const good = join(hub);
    publish(output('1'));
    expect(bad.isOpen).toBe(false);
    expect(good.reader.ids).toEqual(['1']);
  });

  it('takes a sink that resumes within its write', () => {
    const { hub, publish } = setUp();
    const reader = new Reader();
    const client = hub.join({ sink: reader });
    reader.takes = false;
    publish(output('1'));
    publish(output('2'), output('3'));
    const write = reader.write.bind(reader);
    reader.write = (batch) => {
      write(batch);
      client.resume();
      return true;
    };
    client.resume();
    expect(reader.ids).toEqual(['1', '2', '3']);
  });

  it('replays exactly: over any comings and goings each session sees every message once, in order', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('publish' as const) },
      { weight: 2, arbitrary: fc.constant('answer' as const) },
      { weight: 2, arbitrary: fc.constantFrom('leave' as const, 'leave with undelivered' as const) },
      { weight: 2, arbitrary: fc.constant('join' as const) },
      { weight: 1, arbitrary: fc.constantFrom('block' as const, 'read' as const, 'turn' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const { hub, publish, answer } = setUp();
        const delivered: string[] = [];
        const expected: string[] = [];
        let current = join(hub, 's');
        const leave = (undelivered: readonly KernelMessage[]) => {
          const { client, reader } = current;
          if (!client.isOpen) return;
          client.close({ undelivered });
          delivered.push(...reader.ids.slice(0, reader.ids.length - undelivered.length));
        };
        let next = 0;
        for (const what of steps) {
          const id = String(next);
          if (what === 'publish' || what === 'answer') {
            next += 1;
            expected.push(id);
            if (what === 'publish') publish(output(id));
            else answer(reply(id), 's');
          } else if (what === 'leave') leave([]);
          else if (what === 'leave with undelivered') leave(current.reader.messages.slice(-2));
          else if (what === 'join') {
            leave([]);
            current = join(hub, 's');
          } else if (what === 'turn') await settle();
          else {
            current.reader.takes = what === 'read';
            if (what === 'read') current.client.resume();
          }
        }
        leave([]);
        current = join(hub, 's');
        await settle();
        delivered.push(...current.reader.ids);
        expect(delivered).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
