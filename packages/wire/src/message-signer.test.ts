import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMessage } from './kernel-message.ts';
import { MessageSigner } from './message-signer.ts';
import { SignatureHistory } from './signature-history.ts';

const message = (msgId?: string) => createMessage({ channel: 'shell', msgType: 'status', session: 's', msgId });

describe('MessageSigner', () => {
  test('signs as the protocol says: hex HMAC-SHA256 of the four parts in order', () => {
    const { parts } = message();
    const joined = Buffer.concat([parts.header, parts.parentHeader, parts.metadata, parts.content]);
    const expected = createHmac('sha256', 'key-1').update(joined).digest('hex');
    expect(new MessageSigner('key-1').sign(parts).toString()).toBe(expected);
  });

  test('accepts its own signature once', () => {
    const { parts } = message();
    const signer = new MessageSigner('key-1');
    const signature = signer.sign(parts);
    expect(signer.verify(signature, parts)).toBe('good');
    expect(signer.verify(signature, parts)).toBe('replayed');
    expect(new MessageSigner('key-2').verify(signature, parts)).toBe('bad');
  });

  test('one wrong bit anywhere in the signature, or one in a part, is bad', () => {
    const { parts } = message();
    const signer = new MessageSigner('key-1');
    const signature = signer.sign(parts);
    fc.assert(
      fc.property(fc.nat(63), fc.nat(7), (at, bit) => {
        const wrong = Buffer.from(signature);
        wrong[at] = (wrong[at] ?? 0) ^ (1 << bit);
        expect(signer.verify(wrong, parts)).toBe('bad');
      }),
      { numRuns: 200, seed: 4 },
    );
    for (const name of ['header', 'parentHeader', 'metadata', 'content'] as const) {
      const changed = Buffer.from(parts[name]);
      changed[0] = 0x20;
      expect(signer.verify(signature, { ...parts, [name]: changed })).toBe('bad');
    }
    expect(signer.verify(signature, parts)).toBe('good');
  });

  test('another length and upper case are bad, and refusals are not remembered', () => {
    const { parts } = message();
    const signer = new MessageSigner('key-1');
    const signature = signer.sign(parts);
    const upper = Buffer.from(signature.toString().toUpperCase());
    for (const wrong of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([signature, signature]), upper]) {
      expect(signer.verify(wrong, parts)).toBe('bad');
    }
    expect(signer.verify(signature, parts)).toBe('good');
  });

  test('an empty key disables signing: signatures must be empty', () => {
    const { parts } = message();
    const signer = new MessageSigner('');
    expect(signer.sign(parts).length).toBe(0);
    expect(signer.verify(Buffer.alloc(0), parts)).toBe('good');
    expect(signer.verify(Buffer.alloc(0), parts)).toBe('good');
    expect(signer.verify(new MessageSigner('key').sign(parts), parts)).toBe('bad');
  });

  test('an unsigned message is bad when there is a key', () => {
    expect(new MessageSigner('key').verify(Buffer.alloc(0), message().parts)).toBe('bad');
  });
});

describe('SignatureHistory', () => {
  const hash = (index: number) => createHmac('sha256', 'k').update(String(index)).digest('hex');

  test('remembers up to its limit and then forgets the oldest tenth', () => {
    const history = new SignatureHistory(1000);
    for (let index = 0; index < 999; index += 1) expect(history.add(hash(index))).toBe(true);
    for (let index = 0; index < 999; index += 1) expect(history.add(hash(index))).toBe(false);
    expect(history.add(hash(999))).toBe(true);
    expect(history.size).toBe(900);
    for (let index = 100; index < 1000; index += 1) expect(history.add(hash(index))).toBe(false);
    expect(history.add(hash(0))).toBe(true);
  });

  test('tells signatures apart that share one of their remembered words', () => {
    const history = new SignatureHistory();
    const [one, other] = ['0'.repeat(8), 'f'.repeat(8)];
    const all = [one + one, one + other, other + one, other + other].map((words) => words.padEnd(64, 'a'));
    expect(all.map((hex) => history.add(hex))).toEqual([true, true, true, true]);
    expect(all.map((hex) => history.add(hex))).toEqual([false, false, false, false]);
  });

  test('behaves like a set whose oldest entries go', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 300 }), (indexes) => {
        const history = new SignatureHistory(20);
        let model: number[] = [];
        for (const index of indexes) {
          expect(history.add(hash(index))).toBe(!model.includes(index));
          if (!model.includes(index)) model.push(index);
          if (model.length === 20) model = model.slice(2);
          expect(history.size).toBe(model.length);
        }
      }),
      { numRuns: 100, seed: 5 },
    );
  });

  test('holds the 65,536 that jupyter_client holds', () => {
    const history = new SignatureHistory();
    for (let index = 0; index < 65_536; index += 1) history.add(hash(index));
    expect(history.size).toBe(65_536 - 6_553);
    expect(history.add(hash(6_553))).toBe(false);
    expect(history.add(hash(6_552))).toBe(true);
  });
});
