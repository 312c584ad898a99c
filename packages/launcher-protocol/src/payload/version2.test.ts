import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { parseJsonObject } from '../crypto/json.ts';
import { unseal } from '../crypto/nacl.ts';
import { loadVectors } from '../testing/vectors.ts';
import { encodeLauncherV2, encodeReply, openEnvelope, parseEnvelope, refusedLine, sealedSchema } from './version2.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const { answer, kernel_id: kernelId } = await loadVectors.version2();
const secretKey = bytes(answer.listener.secret_key);
const shared = bytes(answer.shared_key);

function open(line: string) {
  const envelope = parseEnvelope(line);
  return envelope === undefined ? undefined : openEnvelope(envelope, secretKey);
}

describe('payload of version 2', () => {
  test('GP_LAUNCHER_V2 is what the vectors say', () => {
    const launch = JSON.parse(answer.launcher_v2_json) as { token: string; http: { url: string; token: string } };
    expect(
      encodeLauncherV2({
        kernelId,
        listenerPublicKey: bytes(answer.listener.public_key),
        token: bytes(launch.token),
        leaseMs: 3_599_001,
        http: launch.http,
      }),
    ).toBe(answer.launcher_v2);
  });

  test.each(answer.accepted)('opens an envelope $name', ({ line, plaintext, expected }) => {
    const opened = open(line);
    expect(opened?.content.fields).toMatchObject(expected);
    expect(opened?.content.fields).toEqual(JSON.parse(plaintext));
    const commKey = opened?.content.commKey;
    expect(commKey && Buffer.from(commKey).toString('base64')).toBe(expected['comm_key']);
    expect(opened?.shared).toEqual(shared);
  });

  test.each(answer.refused)('refuses: $name', ({ line }) => {
    const opened = open(line);
    const launch = JSON.parse(answer.launcher_v2_json) as { token: string };
    const isGood =
      opened?.content.kernelId === kernelId &&
      opened.content.kernelId === parseEnvelope(line)?.kernelId &&
      Buffer.from(launch.token, 'base64').equals(opened.content.token);
    expect(isGood).toBe(false);
  });

  test('replies are what a launcher can open', () => {
    const line = encodeReply(kernelId, { ok: true }, shared);
    const plaintext = unseal(sealedSchema.parse(parseJsonObject(line)), shared);
    expect(plaintext?.toString()).toBe(JSON.stringify({ to: 'launcher', kernel_id: kernelId, ok: true }));
    expect(answer.replies.map((reply) => reply.line)).toContain(refusedLine);
  });
});
