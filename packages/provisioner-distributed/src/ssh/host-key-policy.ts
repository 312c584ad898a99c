import { ProvisionerError } from '@gateway-provisioners/core';
import { keyType } from './known-hosts.ts';
import type { HostKey, KnownHostKeys } from './known-hosts.ts';

/** What is done about a host of which no key is known. */
export type HostKeyChecking = 'strict' | 'accept-new';

const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

export type HostKeyAlgorithm = (typeof ALGORITHMS)[number];

/**
 * The algorithms to offer, those first whose key is known: else a server would show another of its keys, and a right host
 * would look unknown.
 */
export function hostKeyAlgorithms(known: KnownHostKeys): HostKeyAlgorithm[] {
  const types = new Set(known.trusted.map((key) => key.type));
  const isKnown = (name: string): boolean => types.has(name.startsWith('rsa-') ? 'ssh-rsa' : name);
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((name) => !isKnown(name))];
}

export interface HostKeyQuestion {
  readonly host: string;
  readonly port: number;
  readonly known: KnownHostKeys;
  readonly checking: HostKeyChecking;
  /** Where the keys were looked for, for messages. */
  readonly files: readonly string[];
}

/**
 * Whether the key that a server showed is the host's. `new`: it is not known, and may be taken on first use.
 * Errors: `HOST_KEY_REJECTED` with what to do about it.
 */
export function judgeHostKey(blob: Buffer, question: HostKeyQuestion): 'known' | 'new' {
  const { known } = question;
  const isSame = (key: HostKey): boolean => key.blob.equals(blob);
  if (known.revoked.some(isSame)) {
    throw rejected(question, 'showed a key that is marked @revoked; whoever answers there must not be trusted');
  }
  if (known.trusted.some(isSame)) return 'known';
  const type = keyType(blob);
  if (known.trusted.some((key) => key.type === type)) {
    throw rejected(
      question,
      `showed another ${type} key than the known one; somebody may listen in, or the host was installed anew: compare ` +
        'the key with the administrator of the host, then replace the line',
    );
  }
  if (known.hasAuthority) {
    throw rejected(
      question,
      "is known by a certificate authority only (@cert-authority), and host certificates are not supported: add the host's " +
        'own key, as ssh-keyscan prints it, after checking it',
    );
  }
  if (known.trusted.length === 0 && question.checking === 'accept-new') return 'new';
  const others = known.trusted.length === 0 ? '' : ` (keys of other types are known)`;
  throw rejected(
    question,
    `showed an ${type} key and none such is known${others}: add it as ssh-keyscan prints it, after checking it with the ` +
      'administrator of the host, or set host_key_checking to accept-new',
  );
}

function rejected(question: HostKeyQuestion, what: string): ProvisionerError {
  const where = question.files.length === 0 ? 'no file of known hosts was found' : question.files.join(', ');
  return new ProvisionerError('HOST_KEY_REJECTED', `the host ${what}. Looked in: ${where}`, {
    coordinates: { host: question.host, port: question.port },
  });
}
