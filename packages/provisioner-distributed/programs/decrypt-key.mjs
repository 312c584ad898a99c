// Runs in a worker thread: deriving the key of an encrypted key file takes seconds, and would hold up everything else.
import { createPrivateKey } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import ssh2 from 'ssh2';

const text = (value) => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** OpenSSH's own format without encryption (PROTOCOL.key): the only one in which the library reads Ed25519 keys. */
function encodeEd25519(key) {
  const { d, x } = key.export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  const publicBlob = Buffer.concat([text('ssh-ed25519'), text(publicKey)]);
  const check = Buffer.alloc(8);
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), publicKey]);
  const plain = Buffer.concat([check, publicBlob, text(secret), text('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (plain.length % 8)) % 8 }, (_, index) => index + 1));
  const count = Buffer.from([0, 0, 0, 1]);
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    count,
    text(publicBlob),
    text(Buffer.concat([plain, padding])),
  ]);
  const lines = body
    .toString('base64')
    .match(/.{1,70}/g)
    .join('\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const parsed = ssh2.utils.parseKey(workerData.key, workerData.passphrase);
const key = Array.isArray(parsed) ? parsed[0] : parsed;
if (key instanceof Error) parentPort.postMessage({ error: key.message });
else if (key.type === 'ssh-ed25519') {
  parentPort.postMessage({ key: encodeEd25519(createPrivateKey(key.getPrivatePEM())) });
} else parentPort.postMessage({ key: key.getPrivatePEM() });
