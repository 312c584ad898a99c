import { ProvisionerError } from '@gateway-provisioners/core';

const GREETING_BYTES = 64;
const SIGNATURE_BYTES = 10;
const MECHANISM_AT = 12;
const MECHANISM_END = 32;
const MAJOR = 3;
const MINOR = 1;

/** Signature and version: what a peer needs to answer with all of its greeting. */
export const GREETING_VERSION_BYTES = 12;

/** What a peer says of itself before anything else. */
export interface PeerGreeting {
  readonly minor: number;
}

/** Our greeting: ZMTP 3.1, mechanism NULL, client. */
export function encodeGreeting(): Buffer {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = MAJOR;
  greeting[11] = MINOR;
  greeting.write('NULL', MECHANISM_AT, 'ascii');
  return greeting;
}

/**
 * Reads a peer's 64-byte greeting (ZeroMQ RFC 23 and 37) from chunks of any size; refuses as soon as a byte is wrong, so
 * that a peer which never sends 64 bytes (an HTTP server, ZMTP 1.0 or 2.0) still gets a clear error.
 */
export class GreetingReader {
  readonly #bytes = Buffer.alloc(GREETING_BYTES);
  #length = 0;
  #greeting: PeerGreeting | undefined;

  /** Undefined until all of it is here. */
  get greeting(): PeerGreeting | undefined {
    return this.#greeting;
  }

  /** The peer has shown its signature, perhaps its version, and no more than that. */
  get isCutShort(): boolean {
    return this.#length >= SIGNATURE_BYTES && this.#length < MECHANISM_END;
  }

  /** Takes what belongs to the greeting and returns how many bytes that was. Errors: `PROTOCOL_ERROR`. */
  read(chunk: Buffer): number {
    const before = this.#length;
    const taken = chunk.copy(this.#bytes, before, 0, GREETING_BYTES - before);
    this.#length += taken;
    this.#check();
    if (this.#length === GREETING_BYTES) this.#greeting = { minor: this.#bytes.readUInt8(11) };
    return taken;
  }

  #check(): void {
    const bytes = this.#bytes;
    if (this.#length >= 1 && bytes[0] !== 0xff) {
      throw new ProvisionerError(
        'PROTOCOL_ERROR',
        `the peer does not speak ZMTP: its first byte is 0x${bytes.toString('hex', 0, 1)}, not 0xff (is the port right?)`,
      );
    }
    // ZMTP 3 peers put the length of a ZMTP 1 identity frame in the padding; only the last byte tells versions apart.
    if (this.#length >= SIGNATURE_BYTES && bytes[9] !== 0x7f) {
      throw new ProvisionerError(
        'PROTOCOL_ERROR',
        'the peer speaks ZMTP 1.0 or no ZMTP at all; 3.0 or later is needed',
      );
    }
    const major = bytes.readUInt8(10);
    if (this.#length >= 11 && major < MAJOR) {
      const name = major === 1 ? '2.0' : `revision ${major}`;
      throw new ProvisionerError('PROTOCOL_ERROR', `the peer speaks ZMTP ${name}; 3.0 or later is needed`);
    }
    if (this.#length >= MECHANISM_END) this.#checkMechanism();
  }

  #checkMechanism(): void {
    const field = this.#bytes.subarray(MECHANISM_AT, MECHANISM_END);
    const mechanism = field.toString('latin1').replace(/\0+$/, '');
    if (mechanism === 'NULL') return;
    const hint = mechanism === 'CURVE' ? ' (the connection info lacks its curve_publickey)' : '';
    throw new ProvisionerError('PROTOCOL_ERROR', `the peer wants ${printable(mechanism)}, not NULL${hint}`);
  }
}

/** Text of a peer made safe to show. */
export function printable(text: string): string {
  return JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?')).slice(1, -1);
}
