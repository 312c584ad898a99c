/**
 * A kernel that sends faster than any client can read: `flood N` prepares N signed `stream` messages and then writes
 * them to the iopub connection as fast as it takes them. Run with a connection file.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { readConnectionFile } from '@gateway-provisioners/wire';
import { FakeKernelSockets, RawPublisher } from '@gateway-provisioners/wire/testing';
import type { FakeKernelRequest } from '@gateway-provisioners/wire/testing';

const session = randomUUID();
const line = 'all work and no play makes a kernel a dull process\n';
const info = await readConnectionFile(process.argv[2] ?? '');
const publisher = await RawPublisher.listen({ port: info.iopub_port });
await FakeKernelSockets.bind({ at: { ...info, iopub_port: 0 }, onRequest: answer });

function answer(request: FakeKernelRequest): void {
  const parts = request.frames.slice(-4);
  const parent = parts[0] ?? Buffer.from('{}');
  const { msg_type: type } = JSON.parse(parent.toString()) as { readonly msg_type: string };
  const reply = (replyType: string, content: object): void => {
    request.reply(message(replyType, parent, content));
  };
  if (type === 'kernel_info_request') {
    // Idle as well, so that whoever waits for iopub to flow sees it flow.
    void publish([status('busy', parent), status('idle', parent)]);
    reply('kernel_info_reply', { status: 'ok', protocol_version: '5.4', implementation: 'flood', banner: '' });
  } else if (type === 'execute_request') {
    const { code } = JSON.parse(parts[3]?.toString() ?? '{}') as { readonly code: string };
    const count = Number(/^flood (\d+)$/.exec(code)?.[1] ?? 0);
    const stream = Array.from({ length: count }, () => message('stream', parent, { name: 'stdout', text: line }));
    void publish([status('busy', parent), ...stream, status('idle', parent)]);
    reply('execute_reply', { status: 'ok', execution_count: 1, user_expressions: {} });
  } else if (type === 'shutdown_request') {
    reply('shutdown_reply', { status: 'ok', restart: false });
    setImmediate(() => process.exit(0));
  }
}

async function publish(messages: readonly Buffer[][]): Promise<void> {
  await publisher.subscribed();
  await publisher.write(RawPublisher.encode(messages));
}

function status(state: 'busy' | 'idle', parent: Buffer): Buffer[] {
  return message('status', parent, { execution_state: state });
}

function message(type: string, parent: Buffer, content: object): Buffer[] {
  const header = { msg_id: randomUUID(), msg_type: type, session, username: '', date: new Date(0), version: '5.4' };
  const parts = [JSON.stringify(header), parent, '{}', JSON.stringify(content)].map((part) => Buffer.from(part));
  const signature = createHmac('sha256', info.key).update(Buffer.concat(parts)).digest('hex');
  return [Buffer.from('<IDS|MSG>'), Buffer.from(signature), ...parts];
}
