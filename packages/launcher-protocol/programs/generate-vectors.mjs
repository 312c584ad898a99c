#!/usr/bin/env node
/**
 * Writes vectors/*.json: what every implementation of the launcher protocol, in whatever language, is held to.
 *
 *   node programs/generate-vectors.mjs --overwrite
 *
 * Run once; the vectors are then part of the protocol. It shares no code with src on purpose: two independent
 * implementations that agree say more than one that agrees with itself. Keys are fresh at each run.
 */
import {
  createCipheriv,
  createPublicKey,
  constants,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import nacl from 'tweetnacl';

const folder = new URL('../vectors/', import.meta.url);
const b64 = (bytes) => Buffer.from(bytes).toString('base64');
const u8 = (bytes) => Uint8Array.from(bytes);
const kernelId = 'b3f1f3c2-0d4e-4c55-9a63-7b0b6e1d2f10';

const connection = {
  shell_port: 50001,
  iopub_port: 50002,
  stdin_port: 50003,
  control_port: 50004,
  hb_port: 50005,
  ip: '0.0.0.0',
  key: '5f0c3a9e-2b77-4d0e-8a35-1f2e3d4c5b6a',
  transport: 'tcp',
  signature_scheme: 'hmac-sha256',
  kernel_name: '',
};
// 40 characters of Z85; which ones does not matter here.
const z85 = 'abcdefghijklmnopqrstuvwxyz0123456789.-:+';
const curve = { curve_publickey: z85, curve_secretkey: [...z85].reverse().join('') };
const pids = { pid: 4711, pgid: 4711 };

function aes(key, plaintext, padding = true) {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(padding);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

// ---- version 1
function version1() {
  const keys = [1024, 2048, 3072].map((bits) => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
    return {
      bits,
      public_key: b64(publicKey.export({ type: 'spki', format: 'der' })),
      private_key_pem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    };
  });
  const encrypt = (key, bytes, padding = constants.RSA_PKCS1_PADDING) =>
    publicEncrypt(
      { key: createPublicKey({ key: Buffer.from(key.public_key, 'base64'), type: 'spki', format: 'der' }), padding },
      bytes,
    );
  const accepted = [];
  const variants = [
    {
      name: 'python: compact, version first',
      info: { ...connection, ...pids, comm_port: 50006, kernel_id: kernelId },
      shape: (key, info) => JSON.stringify({ version: 1, key, conn_info: info }),
    },
    {
      name: 'python with CurveZMQ keys',
      info: { ...connection, ...curve, ...pids, comm_port: 50006, kernel_id: kernelId },
      shape: (key, info) => JSON.stringify({ version: 1, key, conn_info: info }),
    },
    {
      name: 'scala: pretty-printed, version last, pid as text, no pgid',
      info: { ...connection, kernel_name: 'Apache Toree Scala', pid: '4711', comm_port: 50006, kernel_id: kernelId },
      shape: (key, info) => JSON.stringify({ key, conn_info: info, version: 1 }, null, 2),
    },
    {
      name: 'unknown fields are ignored',
      info: { ...connection, ...pids, comm_port: 50006, kernel_id: kernelId, more: { a: [1] } },
      shape: (key, info) => JSON.stringify({ more: true, version: 1, key, conn_info: info }),
    },
  ];
  for (const key of keys) {
    for (const { name, info, shape } of variants) {
      const aesKey = randomBytes(16);
      const text = JSON.stringify(info);
      const cipher = b64(aes(aesKey, Buffer.from(text)));
      accepted.push({
        name: `${name}, RSA ${key.bits}`,
        rsa_bits: key.bits,
        aes_key: b64(aesKey),
        info_json: text,
        conn_info: cipher,
        payload: b64(Buffer.from(shape(b64(encrypt(key, aesKey)), cipher))),
        expected: info,
      });
    }
  }
  const [key1024, key] = keys;
  const aesKey = randomBytes(16);
  const good = b64(aes(aesKey, Buffer.from(accepted[0].info_json)));
  const envelope = (value) => b64(Buffer.from(JSON.stringify(value)));
  const encryptedKey = b64(encrypt(key, aesKey));
  const block = (prefix) =>
    Buffer.concat([prefix, Buffer.alloc(256 - prefix.length - 17, 7), Buffer.from([0]), aesKey]);
  const raw = (bytes) => b64(encrypt(key, bytes, constants.RSA_NO_PADDING));
  const refused = [
    ['empty', ''],
    ['not base64', '%%%'],
    ['not JSON', b64(Buffer.from('hello'))],
    ['JSON, but no object', b64(Buffer.from('[1]'))],
    ['no version', envelope({ key: encryptedKey, conn_info: good })],
    ['version 2 in the envelope of version 1', envelope({ version: 2, key: encryptedKey, conn_info: good })],
    ['version as text', envelope({ version: '1', key: encryptedKey, conn_info: good })],
    ['key for another RSA key', envelope({ version: 1, key: b64(encrypt(key1024, aesKey)), conn_info: good })],
    ['AES key of 32 bytes', envelope({ version: 1, key: b64(encrypt(key, randomBytes(32))), conn_info: good })],
    ['RSA block begins with 00 01', envelope({ version: 1, key: raw(block(Buffer.from([0, 1]))), conn_info: good })],
    [
      'a 00 inside the RSA padding',
      envelope({ version: 1, key: raw(block(Buffer.from([0, 2, 9, 9, 0]))), conn_info: good }),
    ],
    [
      'conn_info cut by a byte',
      envelope({ version: 1, key: encryptedKey, conn_info: b64(Buffer.from(good, 'base64').subarray(1)) }),
    ],
    [
      'conn_info cut by a block',
      envelope({ version: 1, key: encryptedKey, conn_info: b64(Buffer.from(good, 'base64').subarray(0, -16)) }),
    ],
    [
      'conn_info is no JSON',
      envelope({ version: 1, key: encryptedKey, conn_info: b64(aes(aesKey, Buffer.from('nope'))) }),
    ],
    ['payload cut in half', accepted[4].payload.slice(0, 400)],
  ].map(([name, payload]) => ({ name, rsa_bits: 2048, payload }));
  return { keys, accepted, refused };
}

// ---- version 0
function version0() {
  const info = { ...connection, ...pids, comm_port: 50006 };
  const key = Buffer.from(kernelId.slice(0, 16));
  const text = JSON.stringify(info);
  const percent = Buffer.from(text + '%'.repeat(16 - (Buffer.byteLength(text) % 16)));
  const blockAligned = JSON.stringify({ ...info, kernel_name: 'x'.repeat(16 - (Buffer.byteLength(text) % 16)) });
  return {
    kernel_id: kernelId,
    accepted: [
      { name: 'padded with %', payload: b64(aes(key, percent, false)), expected: { ...info, kernel_id: kernelId } },
      {
        name: 'padded as PKCS #7',
        payload: b64(aes(key, Buffer.from(text))),
        expected: { ...info, kernel_id: kernelId },
      },
      {
        name: 'a whole block of %',
        payload: b64(aes(key, Buffer.from(`${blockAligned}${'%'.repeat(16)}`), false)),
        expected: { ...JSON.parse(blockAligned), kernel_id: kernelId },
      },
    ],
    refused: [
      { name: 'for another kernel', payload: b64(aes(Buffer.from('0123456789abcdef'), Buffer.from(text))) },
      {
        name: 'names another kernel',
        payload: b64(aes(key, Buffer.from(JSON.stringify({ ...info, kernel_id: 'other' })))),
      },
      { name: 'cut by a byte', payload: b64(aes(key, Buffer.from(text)).subarray(1)) },
    ],
  };
}

// ---- the primitive
function box() {
  const hex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
  // The key pairs of RFC 7748, section 6.1; message, nonce and result as published with NaCl.
  const published = {
    secret_key: b64(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')),
    public_key: b64(hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')),
    x25519: b64(hex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')),
    shared_key: b64(hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389')),
    nonce: b64(hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37')),
    plaintext: b64(
      hex(
        'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c0123' +
          '3561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924' +
          'ca1c60902e52f0a089bc76897040e082f937763848645e0705',
      ),
    ),
    tag: b64(hex('f3ffc7703f9400e52a7dfb4b3d3305d9')),
  };
  const [a, b] = [nacl.box.keyPair(), nacl.box.keyPair()];
  const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1000, 4096];
  const boxes = lengths.map((length, index) => {
    // All ones drives Poly1305 through its carries; the rest is random.
    const plaintext = index % 3 === 2 ? Buffer.alloc(length, 255) : randomBytes(length);
    const nonce = randomBytes(24);
    return {
      name: `${length} bytes`,
      nonce: b64(nonce),
      plaintext: b64(plaintext),
      box: b64(nacl.box(u8(plaintext), u8(nonce), b.publicKey, a.secretKey)),
    };
  });
  const [{ nonce, box: good }] = boxes.slice(9);
  const flip = (text, at) => {
    const bytes = Buffer.from(text, 'base64');
    bytes[at < 0 ? bytes.length + at : at] ^= 1;
    return b64(bytes);
  };
  return {
    published,
    sender: { secret_key: b64(a.secretKey), public_key: b64(a.publicKey) },
    recipient: { secret_key: b64(b.secretKey), public_key: b64(b.publicKey) },
    shared_key: b64(nacl.box.before(b.publicKey, a.secretKey)),
    boxes,
    refused: [
      { name: 'first byte of the tag changed', nonce, box: flip(good, 0) },
      { name: 'last byte changed', nonce, box: flip(good, -1) },
      { name: 'nonce changed', nonce: flip(nonce, 0), box: good },
      { name: 'cut by a byte', nonce, box: b64(Buffer.from(good, 'base64').subarray(0, -1)) },
      { name: 'shorter than a tag', nonce, box: b64(Buffer.from(good, 'base64').subarray(0, 15)) },
      { name: 'empty', nonce, box: '' },
    ],
  };
}

// ---- version 2
function sealed(key, value) {
  const nonce = randomBytes(24);
  const plaintext = typeof value === 'string' ? value : JSON.stringify(value);
  return { plaintext, nonce: b64(nonce), box: b64(nacl.secretbox(u8(Buffer.from(plaintext)), u8(nonce), u8(key))) };
}

function line(key, value) {
  const { plaintext, nonce, box: bytes } = sealed(key, value);
  return { plaintext, line: `${JSON.stringify({ version: 2, nonce, box: bytes })}\n` };
}

function version2() {
  const listener = nacl.box.keyPair();
  const launcher = nacl.box.keyPair();
  const shared = nacl.box.before(listener.publicKey, launcher.secretKey);
  const token = randomBytes(32);
  const commKey = randomBytes(32);
  const launchJson = JSON.stringify({
    version: 2,
    kernel_id: kernelId,
    public_key: b64(listener.publicKey),
    token: b64(token),
    lease_seconds: 3600,
    http: { url: 'https://gateway.example/api/launchers', token: 'c2hvdy1tZS10by10aGUtZ2F0ZXdheQ' },
  });
  const content = {
    token: b64(token),
    comm_key: b64(commKey),
    launcher: 'vectors/1',
    capabilities: ['ping', 'signal', 'shutdown', 'status', 'renew'],
    ...connection,
    ...curve,
    ...pids,
    comm_port: 50006,
    kernel_id: kernelId,
  };
  const envelope = (inner, overrides = {}) => {
    const { plaintext, nonce, box: bytes } = sealed(shared, inner);
    const value = {
      version: 2,
      kernel_id: kernelId,
      public_key: b64(launcher.publicKey),
      nonce,
      box: bytes,
      ...overrides,
    };
    return { plaintext, line: `${JSON.stringify(value)}\n` };
  };
  const good = envelope(content);
  const { token: _, ...withoutToken } = content;
  const answer = {
    listener: { secret_key: b64(listener.secretKey), public_key: b64(listener.publicKey) },
    launcher: { secret_key: b64(launcher.secretKey), public_key: b64(launcher.publicKey) },
    shared_key: b64(shared),
    launcher_v2: b64(Buffer.from(launchJson)),
    launcher_v2_json: launchJson,
    accepted: [
      { name: 'with a listener', ...good, expected: content },
      {
        name: 'without a listener',
        ...(() => {
          const { comm_key: _key, comm_port: _port, ...inner } = content;
          return { ...envelope(inner), expected: inner };
        })(),
      },
      { name: 'unknown fields are ignored', ...envelope({ ...content, more: 1 }, { more: [2] }), expected: content },
    ],
    refused: [
      { name: 'another token', ...envelope({ ...content, token: b64(randomBytes(32)) }) },
      { name: 'no token', ...envelope(withoutToken) },
      { name: 'the box names another kernel', ...envelope({ ...content, kernel_id: 'other' }) },
      { name: 'the envelope names another kernel', ...envelope(content, { kernel_id: 'other' }) },
      { name: "somebody else's public key", ...envelope(content, { public_key: b64(nacl.box.keyPair().publicKey) }) },
      { name: 'nonce of 23 bytes', ...envelope(content, { nonce: b64(randomBytes(23)) }) },
      { name: 'the box is empty', ...envelope(content, { box: '' }) },
      { name: 'version as text', ...envelope(content, { version: '2' }) },
      { name: 'no JSON in the box', ...envelope('nope') },
    ],
    replies: [
      { name: 'accepted', ...line(shared, { to: 'launcher', kernel_id: kernelId, ok: true }), ok: true },
      {
        name: 'answered before',
        ...line(shared, {
          to: 'launcher',
          kernel_id: kernelId,
          ok: false,
          error: 'already_answered',
          message: 'a launcher has answered',
        }),
        ok: false,
      },
      { name: 'refused', line: '{"version":2,"ok":false,"error":"refused"}\n', ok: false },
      {
        name: 'sealed with another key',
        ...line(randomBytes(32), { to: 'launcher', kernel_id: kernelId, ok: true }),
        ok: false,
      },
      { name: 'for another kernel', ...line(shared, { to: 'launcher', kernel_id: 'other', ok: true }), ok: false },
      { name: 'meant for the gateway', ...line(shared, { to: 'gateway', kernel_id: kernelId, ok: true }), ok: false },
    ],
  };

  const challenge = b64(randomBytes(32));
  const request = (fields, overrides = {}) =>
    line(commKey, { to: 'launcher', kernel_id: kernelId, challenge, seq: 1, ...fields, ...overrides });
  const reply = (fields, overrides = {}) =>
    line(commKey, { to: 'gateway', kernel_id: kernelId, challenge, seq: 1, ...fields, ...overrides });
  const exit = { reason: 'signalled', signal: 'SIGKILL' };
  const comm = {
    comm_key: b64(commKey),
    kernel_id: kernelId,
    challenge,
    hello: `${JSON.stringify({ version: 2, challenge })}\n`,
    // The launcher expects sequence number 1, as on a new connection.
    requests: [
      { name: 'ping', ...request({ request: 'ping' }) },
      { name: 'signal', ...request({ request: 'signal', signum: 2 }) },
      { name: 'shutdown', ...request({ request: 'shutdown' }) },
      { name: 'status', ...request({ request: 'status', max_log_bytes: 1024 }) },
      { name: 'renew', ...request({ request: 'renew' }) },
      { name: 'unknown fields are ignored', ...request({ request: 'ping', more: 1 }) },
    ],
    // No reply to any of these: the launcher closes the connection.
    refused_requests: [
      {
        name: 'sealed with another key',
        ...line(randomBytes(32), { to: 'launcher', kernel_id: kernelId, challenge, seq: 1, request: 'ping' }),
      },
      { name: 'for another connection', ...request({ request: 'ping' }, { challenge: b64(randomBytes(32)) }) },
      { name: 'a sequence number too high', ...request({ request: 'ping' }, { seq: 2 }) },
      { name: 'a sequence number too low', ...request({ request: 'ping' }, { seq: 0 }) },
      { name: 'sequence number as text', ...request({ request: 'ping' }, { seq: '1' }) },
      { name: 'for another kernel', ...request({ request: 'ping' }, { kernel_id: 'other' }) },
      { name: 'a reply sent back', ...request({ ok: true }, { to: 'gateway' }) },
      { name: 'version 1', line: '{"signum": 9}\n' },
      { name: 'not JSON', line: 'hello\n' },
    ],
    // Authentic, so the launcher says what is wrong with them.
    bad_requests: [
      { name: 'no such request', ...request({ request: 'dance' }), error: 'unsupported' },
      { name: 'signal without a number', ...request({ request: 'signal' }), error: 'bad_request' },
      { name: 'signal number as text', ...request({ request: 'signal', signum: '2' }), error: 'bad_request' },
      { name: 'signal number out of range', ...request({ request: 'signal', signum: 65 }), error: 'bad_request' },
    ],
    replies: [
      { name: 'alive', ...reply({ ok: true, alive: true, pid: 4711 }) },
      { name: 'ended', ...reply({ ok: true, alive: false, exit, log_tail: 'Killed\n' }) },
      { name: 'done', ...reply({ ok: true }) },
      { name: 'renewed', ...reply({ ok: true, lease_seconds: 3600 }) },
      { name: 'the kernel has ended', ...reply({ ok: false, error: 'no_kernel', message: 'the kernel has ended' }) },
    ],
    refused_replies: [
      {
        name: 'sealed with another key',
        ...line(randomBytes(32), { to: 'gateway', kernel_id: kernelId, challenge, seq: 1, ok: true }),
      },
      { name: 'to another request', ...reply({ ok: true }, { seq: 2 }) },
      { name: 'from another connection', ...reply({ ok: true }, { challenge: b64(randomBytes(32)) }) },
      { name: 'a request sent back', ...reply({ request: 'ping' }, { to: 'launcher' }) },
      { name: 'for another kernel', ...reply({ ok: true }, { kernel_id: 'other' }) },
    ],
  };
  return { kernel_id: kernelId, answer, comm };
}

const about =
  'Keys in this file are published: never use them for anything but tests. Format: docs/reference/launcher-protocol.md';
const files = { 'version0.json': version0, 'version1.json': version1, 'box.json': box, 'version2.json': version2 };
if (existsSync(new URL('version1.json', folder)) && !process.argv.includes('--overwrite')) {
  console.error('The vectors exist and are part of the protocol; --overwrite makes new ones.');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
for (const [name, make] of Object.entries(files)) {
  writeFileSync(new URL(name, folder), `${JSON.stringify({ about, ...make() }, null, 2)}\n`);
}
