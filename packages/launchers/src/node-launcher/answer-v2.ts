import type { Buffer } from 'node:buffer';
import { createBoxKeys, sharedKey, toBase64 } from './box.ts';
import type { LauncherInfo } from './connection-info.ts';
import { LauncherError } from './launcher-error.ts';
import type { LauncherV2 } from './launcher-v2.ts';
import { openSealedLine, parseObject, sealedFields } from './sealed-line.ts';

export const CAPABILITIES = ['ping', 'signal', 'shutdown', 'status', 'renew'] as const;

/**
 * What the listener's line says. `unreadable` is no answer: it may have come from anybody. `answered-before` is success
 * for a launcher that may have lost the first reply.
 */
export type AnswerOutcome =
  | { readonly outcome: 'taken' | 'answered-before' | 'unreadable' }
  | { readonly outcome: 'refused'; readonly message: string };

export interface AnswerV2 {
  /** One line, with its end. */
  readonly line: string;
  read(reply: string): AnswerOutcome;
}

/** Errors: {@link LauncherError} when the listener's key is none. */
export function encodeVersion2(info: LauncherInfo, given: LauncherV2, commKey: Buffer): AnswerV2 {
  const keys = createBoxKeys();
  const key = sharedKey(given.publicKey, keys.secretKey);
  if (key === undefined) throw new LauncherError('the public_key of GP_LAUNCHER_V2 is not a key');
  const content = {
    ...info,
    token: given.token,
    comm_key: toBase64(commKey),
    launcher: 'launch_kernel.mjs',
    capabilities: CAPABILITIES,
  };
  const kernelId = info.kernel_id;
  const envelope = { version: 2, kernel_id: kernelId, public_key: toBase64(keys.publicKey) };
  return {
    line: `${JSON.stringify({ ...envelope, ...sealedFields(content, key) })}\n`,
    read: (reply) => readReply(reply, kernelId, key),
  };
}

export function readReply(line: string, kernelId: string, key: Uint8Array): AnswerOutcome {
  const fields = openSealedLine(line, key);
  if (fields === undefined) {
    const plain = parseObject(line);
    if (plain?.['version'] !== 2 || plain['ok'] !== false) return { outcome: 'unreadable' };
    return { outcome: 'refused', message: 'the gateway does not expect this kernel, or no longer' };
  }
  if (fields['to'] !== 'launcher' || fields['kernel_id'] !== kernelId) return { outcome: 'unreadable' };
  if (fields['ok'] === true) return { outcome: 'taken' };
  if (fields['error'] === 'already_answered') return { outcome: 'answered-before' };
  return { outcome: 'refused', message: `${asText(fields['error'])}: ${asText(fields['message'])}` };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
