import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import type { ChannelName } from '@gateway-provisioners/core';
import { KernelMessage, createMessage } from './kernel-message.ts';
import { ReplyRouter } from './reply-router.ts';

function request(msgId: string, options: { session?: string; msgType?: string; channel?: ChannelName } = {}) {
  const { session = '', msgType = 'execute_request', channel = 'shell' } = options;
  return createMessage({ channel, msgType, session, msgId });
}

function answer(parent: KernelMessage, channel: ChannelName = parent.channel) {
  return createMessage({ channel, msgType: 'reply', session: 'kernel', parent });
}

const to = (clientKey: string) => ({ to: 'client', clientKey });
const nobody = { to: 'nobody' };

describe('ReplyRouter', () => {
  test('answers go to whoever sent the request, once', () => {
    const router = new ReplyRouter();
    const [one, two] = [request('1'), request('2')];
    router.record(one, 'a');
    router.record(two, 'b');
    expect(router.route(answer(two))).toEqual(to('b'));
    expect(router.route(answer(one))).toEqual(to('a'));
    expect(router.route(answer(one))).toEqual(nobody);
  });

  test('questions on stdin go to the sender as often as they come, until the answer', () => {
    const router = new ReplyRouter();
    const asked = request('1');
    router.record(asked, 'a');
    expect(router.mayAskForInput).toBe(true);
    for (let count = 0; count < 3; count += 1) expect(router.route(answer(asked, 'stdin'))).toEqual(to('a'));
    expect(router.route(answer(asked))).toEqual(to('a'));
    expect(router.mayAskForInput).toBe(false);
    expect(router.route(answer(asked, 'stdin'))).toEqual(nobody);
  });

  test('what is not known by id goes by session: of the client itself, or one that it used', () => {
    const router = new ReplyRouter();
    router.record(request('1', { session: 'notebook' }), 'unique-1');
    router.record(request('2', { session: 'x' }), 'lab');
    expect(router.route(answer(request('old', { session: 'notebook' })))).toEqual(to('unique-1'));
    expect(router.route(answer(request('old', { session: 'lab' })))).toEqual(to('lab'));
    expect(router.route(answer(request('old', { session: 'nobody' })))).toEqual(nobody);
    expect(router.route(answer(request('old')))).toEqual(nobody);
  });

  test('nobody gets the answers of a session by naming it', () => {
    const router = new ReplyRouter();
    router.record(request('1', { session: 'lab' }), 'lab');
    router.record(request('2', { session: 'lab' }), 'thief');
    expect(router.route(answer(request('3', { session: 'lab' })))).toEqual(to('lab'));
    router.record(request('4', { session: 'late' }), 'thief');
    router.record(request('5'), 'late');
    expect(router.route(answer(request('6', { session: 'late' })))).toEqual(to('late'));
  });

  test('clients that use the same message id each get their own answer', () => {
    const router = new ReplyRouter();
    const same = request('same');
    const control = request('same', { channel: 'control' });
    router.record(same, 'a');
    router.record(control, 'c');
    router.record(same, 'b');
    expect(router.route(answer(control))).toEqual(to('c'));
    expect(router.route(answer(same, 'stdin'))).toEqual(to('a'));
    expect(router.route(answer(same))).toEqual(to('a'));
    expect(router.route(answer(same, 'stdin'))).toEqual(to('b'));
    expect(router.route(answer(same))).toEqual(to('b'));
    expect(router.route(answer(same))).toEqual(nobody);
  });

  test('messages without an id, and answers without a parent, are the same to it', () => {
    const router = new ReplyRouter();
    router.record(request(''), 'a');
    const parts = { ...request('').parts, parentHeader: Buffer.from('{}') };
    expect(router.route(new KernelMessage({ channel: 'shell', parts }))).toEqual(to('a'));
  });

  test('a client that left gets nothing more, others do', () => {
    const router = new ReplyRouter();
    const [mine, shared] = [request('1', { session: 's' }), request('2')];
    router.record(mine, 'a');
    router.record(shared, 'a');
    router.record(shared, 'b');
    router.forgetClient('a');
    expect(router.route(answer(mine))).toEqual(nobody);
    expect(router.route(answer(shared))).toEqual(to('b'));
  });

  test('after the kernel changed, answers to old requests are found by session only', () => {
    const router = new ReplyRouter();
    router.record(request('1'), 'a');
    router.record(request('2', { session: 's' }), 'b');
    router.forgetRequests();
    expect(router.route(answer(request('1')))).toEqual(nobody);
    expect(router.route(answer(request('2', { session: 's' })))).toEqual(to('b'));
  });

  test('is bounded: the oldest requests and sessions go first', () => {
    const router = new ReplyRouter();
    for (let index = 0; index <= 16_384; index += 1) router.record(request(`m${index}`), 'a');
    expect(router.route(answer(request('m0')))).toEqual(nobody);
    expect(router.route(answer(request('m1')))).toEqual(to('a'));
    for (let index = 0; index <= 1_024; index += 1) router.record(request('x', { session: `s${index}` }), 'b');
    expect(router.route(answer(request('y', { session: 's0' })))).toEqual(nobody);
    expect(router.route(answer(request('y', { session: 's1024' })))).toEqual(to('b'));
  });

  test('ids of any length cost no memory, and unanswered messages displace nothing', () => {
    const router = new ReplyRouter();
    const long = request('i'.repeat(1_025), { session: 's' });
    router.record(long, 'a');
    expect(router.route(answer(long))).toEqual(to('a'));
    const comm = request('c', { msgType: 'comm_msg' });
    router.record(comm, 'a');
    expect(router.route(answer(comm))).toEqual(nobody);
    for (let index = 0; index < 100; index += 1) router.record(request('same'), `k${index}`);
    for (let index = 0; index < 64; index += 1) expect(router.route(answer(request('same')))).toEqual(to(`k${index}`));
    expect(router.route(answer(request('same')))).toEqual(nobody);
  });
});
