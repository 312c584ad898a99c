import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { silentLogger } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { encodeBase64 } from '../crypto/base64.ts';
import { createBoxKeys } from '../crypto/nacl.ts';
import { launcherFields } from '../testing/fake-launcher.ts';
import { encodeVersion0, encodeVersion1, encodeVersion2 } from '../testing/launcher-payloads.ts';
import { Counters } from './counters.ts';
import { PayloadProcessor } from './payload-processor.ts';
import type { PayloadSource } from './payload-processor.ts';
import { Registrations } from './registration.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
const publicKeyText = encodeBase64(publicKey.export({ type: 'spki', format: 'der' }));
const boxKeys = createBoxKeys();
/** The first launchers encrypted with the beginning of the kernel's id. */
const OLD = '01234567-0000-4000-8000-000000000000';
const from: PayloadSource = { address: '127.0.0.1' };

interface BenchOptions {
  readonly protocol?: 'auto' | 1 | 2;
  readonly acceptVersion0?: boolean;
  readonly isExpectedPeer?: () => boolean;
}

function bench({ protocol = 'auto', acceptVersion0 = false, isExpectedPeer = () => true }: BenchOptions = {}) {
  const clock = new ManualClock();
  const registrations = new Registrations(clock);
  const counters = new Counters();
  const logger = silentLogger;
  const responseKeys = { privateKey, publicKeyText };
  const processor = new PayloadProcessor({
    registrations,
    counters,
    responseKeys,
    boxKeys,
    acceptVersion0,
    comm: {},
    logger,
  });
  const deadline = clock.now() + 60_000;
  const add = (kernelId: string) => registrations.add({ kernelId, deadline, protocol, isExpectedPeer, leaseMs: 1000 });
  const registration = add('k');
  const version2 = (fields: Readonly<Record<string, unknown>>, kernelId = 'k') =>
    encodeVersion2(fields, {
      version: 2,
      kernel_id: kernelId,
      public_key: Buffer.from(boxKeys.publicKey),
      token: encodeBase64(registration.token),
      lease_seconds: 1,
    }).payload;
  return { processor, counters, registration, add, version2 };
}

describe('payloads that come to the listener', () => {
  test.each(['', 'x', '{', '{}', '[]', '{"version":2}', 'AAAA', '%%%', '{"version":1,"kernel_id":"k"}'])(
    '%j is refused without a word',
    (payload) => {
      const { processor, counters, registration } = bench({ acceptVersion0: true });
      expect(processor.process(payload, from)).toEqual({ accepted: false, reply: undefined });
      expect(counters.refused.undecodable).toBe(1);
      expect(registration.isWaiting).toBe(true);
    },
  );

  test('a launcher need not say which process the kernel is', async () => {
    const { processor, registration } = bench();
    const fields = { ...launcherFields('k', { ip: '10.0.0.7' }), pid: undefined, pgid: undefined };
    expect(processor.process(encodeVersion1(fields, publicKeyText), { address: undefined }).accepted).toBe(true);
    const answer = await registration.answer;
    expect(answer).not.toHaveProperty('pid');
    expect(answer).not.toHaveProperty('pgid');
    expect(answer).not.toHaveProperty('peerAddress');
  });

  test('versions 0 and 1 are taken once, and never answered', () => {
    const { processor, counters, add } = bench({ acceptVersion0: true });
    add(OLD);
    const zero = encodeVersion0(launcherFields(OLD), OLD);
    expect(processor.process(zero, from)).toEqual({ accepted: true, reply: undefined });
    const one = encodeVersion1(launcherFields('k', { comm_port: 7 }), publicKeyText);
    expect(processor.process(one, from)).toEqual({ accepted: true, reply: undefined });
    expect(processor.process(one, from)).toEqual({ accepted: false, reply: undefined });
    expect(counters.accepted).toMatchObject({ 0: 1, 1: 1 });
    expect(counters.refused['already-answered']).toBe(1);
  });

  test('version 0 is refused unless it is allowed', () => {
    const { processor, counters, add } = bench();
    add(OLD);
    expect(processor.process(encodeVersion0(launcherFields(OLD), OLD), from).accepted).toBe(false);
    expect(counters.refused.undecodable).toBe(1);
  });

  test.each([
    ['of no kernel', { ...launcherFields('k'), kernel_id: 7 }],
    ['of a kernel that nobody waits for', launcherFields('other')],
  ])('version 1 %s is refused', (_what, fields) => {
    const { processor, counters } = bench();
    expect(processor.process(encodeVersion1(fields, publicKeyText), from).accepted).toBe(false);
    expect(counters.refused['unknown-kernel']).toBe(1);
  });

  test('information that cannot be used is refused, and the launch is told why', () => {
    const { processor, counters, registration, version2 } = bench();
    const bad = { ...launcherFields('k'), shell_port: 70_000 };
    expect(processor.process(encodeVersion1(bad, publicKeyText), from).accepted).toBe(false);
    expect(registration.lastRefusal).toContain('shell_port');
    const { accepted, reply } = processor.process(version2(bad), from);
    expect(accepted).toBe(false);
    expect(reply).toContain('"nonce"');
    expect(counters.refused['invalid-info']).toBe(2);
    expect(registration.isWaiting).toBe(true);
    expect(processor.process(version2({ ...launcherFields('k'), curve_publickey: 'odd' }), from).accepted).toBe(true);
  });

  test.each([
    ['another version than was asked for', { protocol: 1 } satisfies BenchOptions, from, 'wrong-protocol'],
    ['a foreign peer', { isExpectedPeer: () => false } satisfies BenchOptions, from, 'foreign-peer'],
  ])('%s is refused aloud', (...[, options, source, reason]) => {
    const { processor, counters, version2 } = bench(options);
    const { accepted, reply } = processor.process(version2(launcherFields('k')), source);
    expect(accepted).toBe(false);
    expect(JSON.parse(reply ?? '')).toMatchObject({ version: 2, ok: false, error: 'refused' });
    expect(counters.refused).toMatchObject({ [reason]: 1 });
  });

  test('version 1 for a launch that wants version 2 is refused in silence', () => {
    const { processor, counters } = bench({ protocol: 2 });
    const payload = encodeVersion1(launcherFields('k'), publicKeyText);
    expect(processor.process(payload, from)).toEqual({ accepted: false, reply: undefined });
    expect(counters.refused['wrong-protocol']).toBe(1);
  });

  test('with the token of another launch, or sealed for another, nothing is taken', () => {
    const { processor, counters, add, version2 } = bench();
    const other = add('other');
    expect(processor.process(version2(launcherFields('other'), 'other'), from).accepted).toBe(false);
    expect(counters.refused['not-authentic']).toBe(1);
    expect(other.isWaiting).toBe(true);
  });

  test('the second answer of version 2 hears that there was one', () => {
    const { processor, counters, version2 } = bench();
    expect(processor.process(version2(launcherFields('k')), from)).toMatchObject({ accepted: true });
    const { accepted, reply } = processor.process(version2(launcherFields('k')), from);
    expect([accepted, reply?.includes('"nonce"')]).toEqual([false, true]);
    expect(counters.refused['already-answered']).toBe(1);
  });

  test('over HTTP it is for the launch of its address alone, and a listener that names no place is where it came from', () => {
    const { processor, registration, add, version2 } = bench();
    const other = add('other');
    const payload = version2(launcherFields('k', { ip: '0.0.0.0', comm_port: 7 }));
    expect(processor.process(payload, { address: undefined, only: other }).accepted).toBe(false);
    expect(processor.process(payload, { address: undefined, only: registration }).accepted).toBe(true);
  });
});
