import { createCipheriv, randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';

export const b64 = (bytes) => Buffer.from(bytes).toString('base64');
export const u8 = (bytes) => Uint8Array.from(bytes);
export const kernelId = 'b3f1f3c2-0d4e-4c55-9a63-7b0b6e1d2f10';

export const connection = {
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
export const curve = { curve_publickey: z85, curve_secretkey: [...z85].reverse().join('') };
export const pids = { pid: 4711, pgid: 4711 };

export function aes(key, plaintext, padding = true) {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(padding);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}

/** JSON under a key of version 2. */
export function sealed(key, value) {
  const nonce = randomBytes(24);
  const plaintext = typeof value === 'string' ? value : JSON.stringify(value);
  return { plaintext, nonce: b64(nonce), box: b64(nacl.secretbox(u8(Buffer.from(plaintext)), u8(nonce), u8(key))) };
}

/** The same as a line of the comm channel or a reply. */
export function line(key, value) {
  const { plaintext, nonce, box: bytes } = sealed(key, value);
  return { plaintext, line: `${JSON.stringify({ version: 2, nonce, box: bytes })}\n` };
}
