import { expect, it } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { createMessage } from '@gateway-provisioners/wire';
import { TestClient, testManager } from '../testing/test-manager.ts';

it('clients are told, under the cell that runs, that and for how long the connection to its kernel was lost', async () => {
  const clock = new ManualClock();
  const { manager, backend } = await testManager({ clock });
  try {
    const kernel = await manager.start();
    const one = new TestClient(kernel);
    const other = new TestClient(kernel);
    const cell = createMessage({
      channel: 'shell',
      msgType: 'execute_request',
      content: { code: 'hang' },
      session: 's',
    });
    one.client.send(cell);
    backend.last.kernel.publish('stream', { name: 'stdout', text: 'before' }, cell);
    const [channels] = backend.channels;
    channels!.state.set('lost');
    channels!.state.set('connecting');
    await clock.advance(1_500);
    channels!.state.set('lost');
    await clock.advance(1_000);
    expect(one.messages.filter(isNotice)).toEqual([]);
    channels!.state.set('open');
    backend.last.kernel.publish('stream', { name: 'stdout', text: 'after' }, cell);
    for (const client of [one, other]) {
      const texts = client.messages.map(textOf).filter((text) => text !== '');
      expect(texts).toEqual(['before', expect.stringContaining('lost for 2.5 s'), 'after']);
      const [notice] = client.messages.filter(isNotice);
      expect(notice?.parentHeader.msg_id).toBe(cell.header.msg_id);
      expect(notice?.header.session).toBe(backend.last.kernel.session);
      expect(notice?.parseMetadata()).toEqual({ gateway_provisioners: { connection_lost_ms: 2_500 } });
    }
    // Opened anew without a loss: nothing to tell.
    channels!.state.set('connecting');
    channels!.state.set('open');
    expect(one.messages.filter(isNotice)).toHaveLength(1);
  } finally {
    await manager.close({ kernels: 'end' });
  }
});

it('a status that cannot be read keeps nothing else from clients', async () => {
  const { manager, backend } = await testManager({ clock: new ManualClock() });
  try {
    const client = new TestClient(await manager.start());
    const parent = createMessage({ channel: 'shell', msgType: 'execute_request', session: 's' });
    const broken = createMessage({ channel: 'iopub', msgType: 'status', session: 'k', parent });
    Object.assign(broken.parts, { content: Buffer.from('{') });
    const output = createMessage({ channel: 'iopub', msgType: 'stream', session: 'k', parent });
    backend.last.kernel.sendBatch([broken, output]);
    expect(client.messages).toEqual([broken, output]);
  } finally {
    await manager.close({ kernels: 'end' });
  }
});

function isNotice(message: TestClient['messages'][number]): boolean {
  return textOf(message).includes('connection to the kernel was lost');
}

function textOf(message: TestClient['messages'][number]): string {
  const { text } = message.parseContent();
  return typeof text === 'string' ? text : '';
}
