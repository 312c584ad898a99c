import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { MessageParts } from './kernel-message.ts';
import { SignatureHistory } from './signature-history.ts';

/** `bad`: not signed with the key of the kernel; `replayed`: signed, but seen before. */
export type Verdict = 'good' | 'bad' | 'replayed';

const HEX_LENGTH = 64;
const NO_SIGNATURE = Buffer.alloc(0);

/**
 * Signs and verifies messages of one kernel: HMAC-SHA256, in lower-case hex, over header, parent header, metadata and
 * content. An empty key disables signing; signatures must then be empty, and replays cannot be told.
 */
export class MessageSigner {
  readonly #key: KeyObject | undefined;
  readonly #history: SignatureHistory;
  readonly #expected = Buffer.alloc(HEX_LENGTH);

  constructor(key: string, history: SignatureHistory = new SignatureHistory()) {
    // Made once: importing the key costs as much as a signature.
    this.#key = key === '' ? undefined : createSecretKey(Buffer.from(key));
    this.#history = history;
  }

  sign(parts: MessageParts): Buffer {
    return this.#key === undefined ? NO_SIGNATURE : Buffer.from(digest(this.#key, parts), 'latin1');
  }

  /** Checks a received message. The comparison takes the same time wherever a wrong signature differs. */
  verify(signature: Buffer, parts: MessageParts): Verdict {
    if (this.#key === undefined) return signature.length === 0 ? 'good' : 'bad';
    // The length of a signature is no secret.
    if (signature.length !== HEX_LENGTH) return 'bad';
    const expected = digest(this.#key, parts);
    this.#expected.write(expected, 'latin1');
    if (!timingSafeEqual(this.#expected, signature)) return 'bad';
    return this.#history.add(expected) ? 'good' : 'replayed';
  }
}

function digest(key: KeyObject, parts: MessageParts): string {
  const hmac = createHmac('sha256', key);
  hmac.update(parts.header);
  hmac.update(parts.parentHeader);
  hmac.update(parts.metadata);
  hmac.update(parts.content);
  return hmac.digest('hex');
}
