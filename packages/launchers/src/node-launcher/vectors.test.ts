import { Buffer } from 'node:buffer';
import { constants, createPrivateKey, privateDecrypt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { encryptAesKey, encryptInfo, parsePublicKey } from './answer-v1.ts';
import { readReply } from './answer-v2.ts';
import { seal, sharedKey, unseal } from './box.ts';
import { handleRequest, openRequest } from './comm-requests.ts';
import type { CommTarget } from './comm-requests.ts';
import { parseLauncherV2 } from './launcher-v2.ts';

interface Line {
  readonly name: string;
  readonly line: string;
  readonly plaintext: string;
}

interface Keys {
  readonly secret_key: string;
  readonly public_key: string;
}

interface Box {
  readonly name: string;
  readonly nonce: string;
  readonly plaintext: string;
  readonly box: string;
}

interface BoxVectors {
  readonly published: Keys & { readonly shared_key: string; nonce: string; plaintext: string; tag: string };
  readonly sender: Keys;
  readonly recipient: Keys;
  readonly shared_key: string;
  readonly boxes: readonly Box[];
  readonly refused: readonly Box[];
}

interface Version1Vectors {
  readonly keys: readonly { readonly bits: number; readonly public_key: string; readonly private_key_pem: string }[];
  readonly accepted: readonly {
    readonly name: string;
    readonly aes_key?: string;
    readonly info_json?: string;
    readonly conn_info?: string;
  }[];
}

interface Version2Vectors {
  readonly kernel_id: string;
  readonly answer: {
    readonly listener: Keys;
    readonly launcher: Keys;
    readonly shared_key: string;
    readonly launcher_v2: string;
    readonly launcher_v2_json: string;
    readonly accepted: readonly Line[];
    readonly replies: readonly (Line & { readonly ok: boolean })[];
  };
  readonly comm: {
    readonly comm_key: string;
    readonly kernel_id: string;
    readonly challenge: string;
    readonly requests: readonly Line[];
    readonly refused_requests: readonly Line[];
    readonly bad_requests: readonly (Line & { readonly error: string })[];
    readonly replies: readonly Line[];
  };
}

async function load<T>(name: string): Promise<T> {
  const file = new URL(`../../../launcher-protocol/vectors/${name}.json`, import.meta.url);
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

const box = await load<BoxVectors>('box');
const version1 = await load<Version1Vectors>('version1');
const version2 = await load<Version2Vectors>('version2');
const bytes = (text: string) => Buffer.from(text, 'base64');
const base64 = (data: Uint8Array | undefined) =>
  data === undefined ? undefined : Buffer.from(data).toString('base64');

/** The box of a line, made anew from its plaintext. */
function boxOf({ line, plaintext }: Line, key: string): { readonly made: string | undefined; readonly given: string } {
  const { nonce, box: given } = JSON.parse(line) as { nonce: string; box: string };
  return { made: base64(seal(Buffer.from(plaintext), bytes(nonce), bytes(key))), given };
}

describe('box', () => {
  const { published, sender, recipient } = box;

  test('gives what was published with NaCl', () => {
    const key = sharedKey(bytes(published.public_key), bytes(published.secret_key));
    expect(base64(key)).toBe(published.shared_key);
    const sealed = seal(bytes(published.plaintext), bytes(published.nonce), key ?? Buffer.alloc(0));
    expect(base64(sealed.subarray(0, 16))).toBe(published.tag);
  });

  test('both ends have the same key', () => {
    expect(base64(sharedKey(bytes(recipient.public_key), bytes(sender.secret_key)))).toBe(box.shared_key);
    expect(base64(sharedKey(bytes(sender.public_key), bytes(recipient.secret_key)))).toBe(box.shared_key);
    expect(sharedKey(Buffer.alloc(32), bytes(sender.secret_key))).toBeUndefined();
    expect(sharedKey(Buffer.alloc(31, 9), bytes(sender.secret_key))).toBeUndefined();
  });

  test.each(box.boxes)('seals and opens $name', ({ nonce, plaintext, box: sealed }) => {
    expect(base64(seal(bytes(plaintext), bytes(nonce), bytes(box.shared_key)))).toBe(sealed);
    expect(base64(unseal(bytes(sealed), bytes(nonce), bytes(box.shared_key)))).toBe(plaintext);
  });

  test.each(box.refused)('refuses: $name', ({ nonce, box: sealed }) => {
    expect(unseal(bytes(sealed), bytes(nonce), bytes(box.shared_key))).toBeUndefined();
  });
});

describe('version 1', () => {
  const infos = version1.accepted.filter(({ info_json: json }) => json !== undefined);

  test('there are vectors for launchers', () => {
    expect(infos.length).toBeGreaterThan(3);
  });

  test.each(infos)('encrypts: $name', ({ aes_key: key = '', info_json: json = '', conn_info: expected }) => {
    expect(encryptInfo(json, bytes(key))).toBe(expected);
  });

  test.each(version1.keys)('a key of $bits bits', ({ public_key: publicKey, private_key_pem: pem }) => {
    const encrypted = encryptAesKey(Buffer.from('0123456789abcdef'), parsePublicKey(publicKey));
    const privateKey = createPrivateKey(pem);
    const block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, bytes(encrypted));
    expect(block.subarray(0, 2)).toEqual(Buffer.from([0, 2]));
    expect(block.subarray(-17).toString('latin1')).toBe('\0' + '0123456789abcdef');
  });
});

describe('version 2: the answer', () => {
  const { answer, kernel_id: kernelId } = version2;
  const shared = bytes(answer.shared_key);

  test('the parameters are read', () => {
    const json = JSON.parse(answer.launcher_v2_json) as { public_key: string; token: string; lease_seconds: number };
    const read = parseLauncherV2(answer.launcher_v2, kernelId);
    expect(read).toMatchObject({ token: json.token, leaseSeconds: json.lease_seconds });
    expect(base64(read.publicKey)).toBe(json.public_key);
    expect(() => parseLauncherV2(answer.launcher_v2, 'other')).toThrow('another kernel id');
  });

  test('the shared key', () => {
    expect(base64(sharedKey(bytes(answer.listener.public_key), bytes(answer.launcher.secret_key)))).toBe(
      answer.shared_key,
    );
  });

  test.each(answer.accepted)('is sealed: $name', (line) => {
    const { made, given } = boxOf(line, answer.shared_key);
    expect(made).toBe(given);
  });

  test.each(answer.replies)('reply: $name', ({ line, ok }) => {
    expect(readReply(line.trimEnd(), kernelId, shared).outcome === 'taken').toBe(ok);
  });

  test('a reply to nobody, and one that is not sealed, are no success', () => {
    for (const line of ['', '{}', 'x', '{"version":2,"ok":true}', '{"version":2,"nonce":"","box":""}']) {
      expect(readReply(line, kernelId, shared).outcome).toBe('unreadable');
    }
    expect(readReply('{"version":2,"ok":false,"error":"refused"}', kernelId, shared).outcome).toBe('refused');
  });
});

describe('version 2: the comm channel', () => {
  const { comm } = version2;
  const binding = { kernelId: comm.kernel_id, challenge: comm.challenge, seq: 1 };
  const open = (line: string) => openRequest(line.trimEnd(), binding, bytes(comm.comm_key));

  function target(): CommTarget & { readonly signals: readonly number[] } {
    const signals: number[] = [];
    return {
      signals,
      pid: 4711,
      interruptMode: 'signal',
      exit: () => undefined,
      logTail: () => 'tail',
      signal: (signum) => signals.push(signum) > 0,
      renewLease: () => 3600,
    };
  }

  test.each(comm.requests)('$name is taken', ({ line, plaintext }) => {
    const fields = open(line);
    expect(fields).toEqual(JSON.parse(plaintext));
    expect(handleRequest(fields ?? {}, target())).toMatchObject({ ok: true });
  });

  test.each(comm.refused_requests)('refused: $name', ({ line }) => {
    expect(open(line)).toBeUndefined();
  });

  test.each(comm.bad_requests)('$name is answered with $error', ({ line, error }) => {
    const kernel = target();
    const fields = open(line);
    expect(fields).toBeDefined();
    expect(handleRequest(fields ?? {}, kernel)).toMatchObject({ ok: false, error });
    expect(kernel.signals).toEqual([]);
  });

  test.each(comm.replies)('the reply is sealed: $name', (line) => {
    const { made, given } = boxOf(line, comm.comm_key);
    expect(made).toBe(given);
  });

  test('a signal reaches the kernel; an interrupt does not where messages interrupt it, nor any once it has ended', () => {
    const kernel = target();
    expect(handleRequest({ request: 'signal', signum: 10 }, kernel)).toEqual({ ok: true });
    const byMessage: CommTarget = { ...kernel, interruptMode: 'message' };
    expect(handleRequest({ request: 'signal', signum: 2 }, byMessage)).toMatchObject({ error: 'unsupported' });
    expect(handleRequest({ request: 'signal', signum: 15 }, byMessage)).toEqual({ ok: true });
    expect(kernel.signals).toEqual([10, 15]);
    const ended: CommTarget = { ...kernel, exit: () => ({ reason: 'exited', exit_code: 3 }) };
    expect(handleRequest({ request: 'signal', signum: 0 }, ended)).toMatchObject({ error: 'no_kernel' });
    expect(handleRequest({ request: 'status' }, ended)).toMatchObject({
      alive: false,
      exit: { reason: 'exited', exit_code: 3 },
      log_tail: 'tail',
    });
  });

  test('what a kernel cannot be asked for, or does not take, is answered', () => {
    const kernel = target();
    expect(handleRequest({ request: 'status', max_log_bytes: 10 }, kernel)).toMatchObject({
      ok: true,
      log_tail: 'tail',
    });
    for (const max_log_bytes of [-1, 0.5, '7', null]) {
      const answer = handleRequest({ request: 'status', max_log_bytes }, kernel);
      expect(answer).toMatchObject(max_log_bytes === null ? { ok: true } : { ok: false, error: 'bad_request' });
    }
    for (const signum of [-1, 65, 0.5, '9', undefined]) {
      expect(handleRequest({ request: 'signal', signum }, kernel)).toMatchObject({ error: 'bad_request' });
    }
    for (const request of ['reboot', undefined, 7]) {
      expect(handleRequest({ request }, kernel)).toMatchObject({ ok: false, error: 'unsupported' });
    }
    expect(kernel.signals).toEqual([]);
    const deaf: CommTarget = { ...kernel, signal: () => false, renewLease: () => undefined };
    expect(handleRequest({ request: 'signal', signum: 9 }, deaf)).toMatchObject({ error: 'no_kernel' });
    expect(handleRequest({ request: 'renew' }, deaf)).toEqual({ ok: true, lease_seconds: 0 });
    const guarded: CommTarget = {
      ...kernel,
      signal: () => {
        throw new Error('EPERM');
      },
    };
    expect(handleRequest({ request: 'signal', signum: 9 }, guarded)).toMatchObject({
      error: 'failed',
      message: 'EPERM',
    });
  });

  test.each([
    ['that is none', 'x'],
    ['of no object', '[]'],
    ['of another version', '{"version":1,"nonce":"AA==","box":"AA=="}'],
    ['without a nonce', '{"version":2,"box":"AA=="}'],
    ['whose box is no text', '{"version":2,"nonce":"AA==","box":7}'],
    ['whose base64 is none', '{"version":2,"nonce":"%","box":"AA=="}'],
    ['of sizes that do not fit', '{"version":2,"nonce":"AA==","box":"AA=="}'],
  ])('a line %s is no request', (_what, line) => {
    expect(open(line)).toBeUndefined();
  });
});

describe('version 2: parameters that cannot be used', () => {
  const good = { version: 2, kernel_id: 'k', public_key: Buffer.alloc(32).toString('base64') };
  const token = Buffer.alloc(32).toString('base64');
  const encoded = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64');

  test('http and the lease may be left out', () => {
    expect(parseLauncherV2(`${encoded({ ...good, token })}\n`, 'k')).toMatchObject({
      leaseSeconds: 0,
      http: undefined,
    });
    const http = { url: 'https://g', token: 't' };
    expect(parseLauncherV2(encoded({ ...good, token, lease_seconds: 7, http }), 'k')).toMatchObject({
      leaseSeconds: 7,
      http,
    });
    expect(parseLauncherV2(encoded({ ...good, token, http: null }), 'k').http).toBeUndefined();
  });

  test.each([
    ['no base64', '%', /not base64/],
    ['no object', encoded([]), /not base64 of a JSON object/],
    ['another version', encoded({ ...good, token, version: 1 }), /another version/],
    ['another kernel', encoded({ ...good, token, kernel_id: 'x' }), /another kernel id/],
    ['no key', encoded({ ...good, token, public_key: 7 }), /public_key/],
    ['a short key', encoded({ ...good, token, public_key: 'AAAA' }), /public_key/],
    ['no token', encoded(good), /token/],
    ['a short token', encoded({ ...good, token: 'AAAA' }), /token/],
    ['a lease of less than nothing', encoded({ ...good, token, lease_seconds: -1 }), /lease_seconds/],
    ['a lease that is no number', encoded({ ...good, token, lease_seconds: '1' }), /lease_seconds/],
    ['half an address', encoded({ ...good, token, http: { url: 'x' } }), /http/],
    ['an address of another shape', encoded({ ...good, token, http: [] }), /http/],
  ])('%s', (_what, text, message) => {
    expect(() => parseLauncherV2(text, 'k')).toThrow(message);
  });
});
