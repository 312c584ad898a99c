import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { TransportEncryption } from '@gateway-provisioners/core';
import { parseConnectionInfo } from './connection-info.ts';

const POLICIES: readonly TransportEncryption[] = ['disabled', 'auto', 'required'];

/** Reads a policy word, any case. Throws `INVALID_ARGUMENT` with jupyter_client's text. */
export function parseTransportEncryption(value: unknown): TransportEncryption {
  const word = typeof value === 'string' ? value.trim().toLowerCase() : value;
  const policy = POLICIES.find((known) => known === word);
  if (policy !== undefined) return policy;
  const words = POLICIES.map((known) => `'${known}'`).join(', ');
  const shown = typeof value === 'string' ? value : typeof value;
  throw new ProvisionerError('INVALID_ARGUMENT', `transport_encryption must be one of: ${words} (got: ${shown})`);
}

/** Whether a kernelspec's `metadata.supported_encryption` names CurveZMQ: the text `curve` or a list with it, any case. */
export function declaresCurve(supportedEncryption: unknown): boolean {
  const words: readonly unknown[] = Array.isArray(supportedEncryption) ? supportedEncryption : [supportedEncryption];
  return words.some((word) => typeof word === 'string' && word.trim().toLowerCase() === 'curve');
}

export interface TransportEncryptionQuestion {
  readonly policy: TransportEncryption;
  /** `metadata.supported_encryption` of the kernelspec, as it stands. */
  readonly supported: unknown;
  /**
   * Why it cannot be applied although the kernelspec declares it, when that is so: no `{transport_encryption}` in argv,
   * a libzmq without CurveZMQ, a transport that has none.
   */
  readonly obstacle?: string | undefined;
  readonly kernelName?: string | undefined;
}

export interface TransportEncryptionDecision {
  readonly encrypt: boolean;
  /** What replaces `{transport_encryption}` in argv: the policy when the kernel is to encrypt, else empty. */
  readonly launchValue: 'auto' | 'required' | '';
  /** To be logged: wanted, declared, and yet not applied. */
  readonly warning?: string;
}

const PLAIN: TransportEncryptionDecision = { encrypt: false, launchValue: '' };

/**
 * Decides before a launch whether a kernel's channels are encrypted. `disabled`: never. `auto`: when the kernelspec
 * declares it and nothing is in the way. `required`: the same, and a refusal otherwise.
 * Throws `ENCRYPTION_UNAVAILABLE`, in the words of jupyter_client 8.10 and Gateway Provisioners 0.5.
 */
export function resolveTransportEncryption(question: TransportEncryptionQuestion): TransportEncryptionDecision {
  const { policy, supported, obstacle } = question;
  if (policy === 'disabled') return PLAIN;
  if (!declaresCurve(supported)) {
    if (policy === 'auto') return PLAIN;
    throw unavailable(question, "but kernelspec does not declare 'curve' in `metadata.supported_encryption`.");
  }
  if (obstacle === undefined) return { encrypt: true, launchValue: policy };
  if (policy === 'required') throw unavailable(question, `cannot be applied: ${obstacle}.`);
  return { ...PLAIN, warning: `Transport encryption cannot be applied: ${obstacle}.` };
}

export interface ReturnedKeys {
  /** The connection info to use: with valid keys, or without any. */
  readonly info: Readonly<Record<string, unknown>>;
  readonly warning?: string;
}

/**
 * Looks at the keys that a launcher sent back, before the rest is checked. Keys that nobody asked for are used; a lone
 * or malformed key counts as none, and both are then left out, so that no stale key survives a restart without
 * encryption. Throws `ENCRYPTION_UNAVAILABLE` when the policy is `required` and there are none.
 */
export function acceptReturnedKeys(
  returned: Readonly<Record<string, unknown>>,
  question: Pick<TransportEncryptionQuestion, 'policy' | 'kernelName'> & { readonly encrypt: boolean },
): ReturnedKeys {
  const { curve_publickey: publicKey, curve_secretkey: secretKey, ...plain } = returned;
  const problem = keyProblem(publicKey, secretKey);
  if (problem === undefined) return { info: returned };
  const reason = `the launcher for the kernel did not return valid CurveZMQ keys (${problem}); its image or host likely predates support`;
  if (question.policy === 'required') throw unavailable(question, `but ${reason}.`);
  return question.encrypt
    ? { info: plain, warning: `Transport encryption cannot be applied: ${reason}.` }
    : { info: plain };
}

const ANY_TCP = { ip: 'localhost', shell_port: 1, iopub_port: 1, stdin_port: 1, control_port: 1, hb_port: 1, key: '' };

function keyProblem(publicKey: unknown, secretKey: unknown): string | undefined {
  if ((publicKey ?? secretKey ?? undefined) === undefined) return 'there are none';
  try {
    parseConnectionInfo({ ...ANY_TCP, curve_publickey: publicKey, curve_secretkey: secretKey });
    return undefined;
  } catch (error) {
    return errorMessage(error).replace(/^[^:]*: /, '');
  }
}

function unavailable(question: Pick<TransportEncryptionQuestion, 'kernelName'>, rest: string): ProvisionerError {
  return new ProvisionerError('ENCRYPTION_UNAVAILABLE', `transport_encryption='required' ${rest}`, {
    coordinates: { kernelName: question.kernelName },
  });
}
