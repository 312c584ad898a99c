/** What jupyter_client keeps. */
const DEFAULT_LIMIT = 65_536;
const FIRST_CAPACITY = 256;

/**
 * Remembers which signatures were seen: the last 65,536, of which the oldest tenth is forgotten when they are full.
 *
 * Kept are 64 bits of each in flat arrays, 16 bytes an entry (1 MiB when full, 4 KiB at first), because a set of
 * strings costs ten times as much per kernel. Two different signatures that agree in them would make a good message
 * look like a replay: one in 10^14 messages.
 */
export class SignatureHistory {
  readonly #limit: number;
  readonly #maxCapacity: number;
  #count = 0;
  #capacity: number;
  /** Pairs of words, oldest first. */
  #words: Uint32Array;
  /** Open addressing: position in `#words` plus one, 0 for free. Twice the capacity, a power of two. */
  #slots: Uint32Array;

  constructor(limit: number = DEFAULT_LIMIT) {
    this.#limit = limit;
    this.#maxCapacity = 2 ** Math.ceil(Math.log2(limit));
    this.#capacity = Math.min(FIRST_CAPACITY, this.#maxCapacity);
    this.#words = new Uint32Array(this.#capacity * 2);
    this.#slots = new Uint32Array(this.#capacity * 2);
  }

  get size(): number {
    return this.#count;
  }

  /** Takes a verified signature in lower-case hex. False: it has been seen. */
  add(hexSignature: string): boolean {
    const low = Number.parseInt(hexSignature.slice(0, 8), 16);
    const high = Number.parseInt(hexSignature.slice(8, 16), 16);
    if (!this.#insert(low, high, this.#count)) return false;
    this.#words[this.#count * 2] = low;
    this.#words[this.#count * 2 + 1] = high;
    this.#count += 1;
    if (this.#count === this.#limit) this.#cull();
    else if (this.#count === this.#capacity) this.#grow();
    return true;
  }

  #insert(low: number, high: number, position: number): boolean {
    const mask = this.#slots.length - 1;
    // The words of an HMAC are as random as any hash of them.
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot] ?? 0;
      if (taken === 0) {
        this.#slots[slot] = position + 1;
        return true;
      }
      const other = (taken - 1) * 2;
      if (this.#words[other] === low && this.#words[other + 1] === high) return false;
    }
  }

  #cull(): void {
    const dropped = Math.max(1, Math.floor(this.#limit / 10));
    this.#words.copyWithin(0, dropped * 2, this.#count * 2);
    this.#count -= dropped;
    this.#slots.fill(0);
    this.#reindex();
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity * 4, this.#maxCapacity);
    const words = new Uint32Array(this.#capacity * 2);
    words.set(this.#words);
    this.#words = words;
    this.#slots = new Uint32Array(this.#capacity * 2);
    this.#reindex();
  }

  #reindex(): void {
    for (let position = 0; position < this.#count; position += 1) {
      this.#insert(this.#words[position * 2] ?? 0, this.#words[position * 2 + 1] ?? 0, position);
    }
  }
}
