import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { b64, connection, curve, kernelId, line, pids, sealed } from './common.mjs';

/** The launcher's answer to the listener, and the listener's replies; `commKey` is what the two agree on. */
export function version2Answer(commKey) {
  const listener = nacl.box.keyPair();
  const launcher = nacl.box.keyPair();
  const shared = nacl.box.before(listener.publicKey, launcher.secretKey);
  const token = randomBytes(32);
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
  return {
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
}
