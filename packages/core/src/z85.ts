import { ProvisionerError } from './errors.ts';

// ZeroMQ RFC 32.
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]));

/** Bytes as Z85 text, five characters for four bytes. Errors: `INVALID_ARGUMENT` when the length is not 4·n. */
export function z85Encode(bytes: Uint8Array): string {
  if (bytes.length % 4 !== 0) throw invalid(`Z85 encodes multiples of 4 bytes, not ${String(bytes.length)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = view.getUint32(at);
    for (let power = 85 ** 4; power >= 1; power /= 85) text += ALPHABET.charAt(Math.floor(word / power) % 85);
  }
  return text;
}

/** Z85 text as bytes. Errors: `INVALID_ARGUMENT` for other characters, lengths or values; the text is not repeated. */
export function z85Decode(text: string): Uint8Array {
  if (text.length % 5 !== 0) throw invalid(`Z85 text comes in fives of characters, not ${String(text.length)}`);
  const bytes = new Uint8Array((text.length / 5) * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 5) {
    let word = 0;
    for (let place = at; place < at + 5; place += 1) {
      const value = VALUES.get(text.charAt(place));
      if (value === undefined) throw invalid(`character ${String(place + 1)} is not one of Z85`);
      word = word * 85 + value;
    }
    if (word > 0xff_ff_ff_ff)
      throw invalid(`characters ${String(at + 1)} to ${String(at + 5)} are too large for 4 bytes`);
    view.setUint32((at / 5) * 4, word);
  }
  return bytes;
}

function invalid(message: string): ProvisionerError {
  return new ProvisionerError('INVALID_ARGUMENT', message);
}
