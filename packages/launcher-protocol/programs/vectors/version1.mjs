import { constants, createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { aes, b64, connection, curve, kernelId, pids } from './common.mjs';

export function version1() {
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
