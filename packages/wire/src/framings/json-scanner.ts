import type { Buffer } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SMALL_U = 0x75;
/** `"`, `\`, `/`, b, f, n, r, t: what may follow a backslash, besides `u`. */
const ESCAPES = new Set([QUOTE, BACKSLASH, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74]);
const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]));

/**
 * Reads the text of one JSON object and returns the raw text of those of its members that are asked for, the last one
 * where a key occurs twice. Accepts what `JSON.parse` accepts and nothing else, but makes no values: numbers, escapes
 * and the order of keys stay as they were written. `bytes` must be valid UTF-8.
 * Throws `SyntaxError` with the position in bytes.
 */
export function scanJsonObject(bytes: Buffer, wanted: ReadonlySet<string>): ReadonlyMap<string, Buffer> {
  return new JsonScanner(bytes).members(wanted);
}

class JsonScanner {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  members(wanted: ReadonlySet<string>): ReadonlyMap<string, Buffer> {
    const found = new Map<string, Buffer>();
    this.#skipSpace();
    if (this.#peek() !== OPEN_BRACE) throw this.#unexpected('an object');
    this.#position += 1;
    this.#skipSpace();
    if (this.#peek() === CLOSE_BRACE) this.#position += 1;
    else this.#readMembers(wanted, found);
    this.#skipSpace();
    if (this.#position !== this.#bytes.length) throw this.#unexpected('the end');
    return found;
  }

  #readMembers(wanted: ReadonlySet<string>, found: Map<string, Buffer>): void {
    for (;;) {
      this.#skipSpace();
      const key = this.#readKey();
      this.#skipColon();
      const start = this.#position;
      this.#skipValue();
      if (wanted.has(key)) found.set(key, this.#bytes.subarray(start, this.#position));
      this.#skipSpace();
      const next = this.#peek();
      if (next !== COMMA && next !== CLOSE_BRACE) throw this.#unexpected('"," or "}"');
      this.#position += 1;
      if (next === CLOSE_BRACE) return;
    }
  }

  #readKey(): string {
    const start = this.#position;
    this.#skipString();
    const raw = this.#bytes.subarray(start + 1, this.#position - 1);
    // A key may be written with escapes and still be the one that is meant.
    return raw.includes(BACKSLASH) ? String(JSON.parse(`"${raw.toString()}"`)) : raw.toString();
  }

  #skipColon(): void {
    this.#skipSpace();
    if (this.#peek() !== COLON) throw this.#unexpected('":"');
    this.#position += 1;
    this.#skipSpace();
  }

  /** Skips one value of any depth: a loop with a stack of what closes it, since recursion would be the sender's. */
  #skipValue(): void {
    const closers: number[] = [];
    for (;;) {
      const opened = this.#skipScalarOrOpen();
      if (opened !== undefined) {
        this.#skipSpace();
        if (this.#peek() !== opened) {
          closers.push(opened);
          if (opened === CLOSE_BRACE) this.#skipKey();
          continue;
        }
        this.#position += 1;
      }
      if (!this.#skipToNextValue(closers)) return;
    }
  }

  /** After a value: closes what ends here. False when the outermost value has ended. */
  #skipToNextValue(closers: number[]): boolean {
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return false;
      this.#skipSpace();
      const next = this.#peek();
      if (next === COMMA) {
        this.#position += 1;
        this.#skipSpace();
        if (closer === CLOSE_BRACE) this.#skipKey();
        return true;
      }
      if (next !== closer) throw this.#unexpected(closer === CLOSE_BRACE ? '"," or "}"' : '"," or "]"');
      this.#position += 1;
      closers.pop();
    }
  }

  #skipKey(): void {
    this.#skipString();
    this.#skipColon();
  }

  /** Skips a string, number or literal; for an object or array, skips its opening and returns what closes it. */
  #skipScalarOrOpen(): number | undefined {
    const first = this.#peek();
    if (first === QUOTE) this.#skipString();
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      this.#position += 1;
      return first === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
    } else if (first === MINUS || isDigit(first)) this.#skipNumber();
    else this.#skipLiteral(first);
    return undefined;
  }

  #skipString(): void {
    if (this.#peek() !== QUOTE) throw this.#unexpected('a string');
    const bytes = this.#bytes;
    let position = this.#position + 1;
    for (; position < bytes.length; position += 1) {
      const byte = bytes[position] ?? 0;
      if (byte === QUOTE) {
        this.#position = position + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.#position = position + 1;
        position = this.#skipEscape();
      } else if (byte < 0x20) {
        this.#position = position;
        throw this.#unexpected('an escape instead of a control character');
      }
    }
    this.#position = position;
    throw this.#unexpected('the end of the string');
  }

  /** Called behind the backslash; returns the position of the escape's last byte. */
  #skipEscape(): number {
    const kind = this.#peek();
    if (kind !== SMALL_U) {
      if (!ESCAPES.has(kind)) throw this.#unexpected('an escape');
      return this.#position;
    }
    for (let digit = 0; digit < 4; digit += 1) {
      this.#position += 1;
      if (!isHexDigit(this.#peek())) throw this.#unexpected('four hex digits');
    }
    return this.#position;
  }

  #skipNumber(): void {
    if (this.#peek() === MINUS) this.#position += 1;
    if (this.#peek() === ZERO) this.#position += 1;
    else this.#skipDigits();
    if (this.#peek() === POINT) {
      this.#position += 1;
      this.#skipDigits();
    }
    if ((this.#peek() | 0x20) === 0x65) {
      this.#position += 1;
      const sign = this.#peek();
      if (sign === PLUS || sign === MINUS) this.#position += 1;
      this.#skipDigits();
    }
  }

  #skipDigits(): void {
    if (!isDigit(this.#peek())) throw this.#unexpected('a digit');
    while (isDigit(this.#peek())) this.#position += 1;
  }

  #skipLiteral(first: number): void {
    const word = LITERALS.get(first);
    if (word === undefined) throw this.#unexpected('a value');
    for (let index = 0; index < word.length; index += 1) {
      if (this.#peek() !== word.charCodeAt(index)) throw this.#unexpected(word);
      this.#position += 1;
    }
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#peek();
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#position += 1;
    }
  }

  /** 0 at the end: no byte that JSON allows outside of strings. */
  #peek(): number {
    return this.#bytes[this.#position] ?? 0;
  }

  #unexpected(expected: string): SyntaxError {
    const where = this.#position >= this.#bytes.length ? 'the end' : `byte ${this.#position}`;
    return new SyntaxError(`not JSON: expected ${expected} at ${where}`);
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}
