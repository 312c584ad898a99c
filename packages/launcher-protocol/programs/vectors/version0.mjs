import { aes, b64, connection, kernelId, pids } from './common.mjs';

export function version0() {
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
