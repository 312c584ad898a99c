/**
 * Owns things in the order in which they were acquired and gives them back in reverse: what `AsyncDisposableStack`
 * does, which Node 20 lacks.
 *
 * ```ts
 * await using stack = new ResourceStack();
 * const server = stack.use(await listen());
 * stack.defer(() => rm(folder, { recursive: true }));
 * return stack.move(); // success: the caller owns it now
 * ```
 */
export class ResourceStack implements AsyncDisposable {
  #releases: (() => unknown)[] = [];
  #disposal: Promise<void> | undefined;

  /** Takes ownership of a disposable and returns it. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(async () => {
      if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
      else resource[Symbol.dispose]();
    });
    return resource;
  }

  /** Registers what undoes something. */
  defer(release: () => unknown): void {
    this.#releases.push(release);
  }

  /** Hands everything over to a new stack; this one then owns nothing. */
  move(): ResourceStack {
    const next = new ResourceStack();
    next.#releases = this.#releases;
    this.#releases = [];
    return next;
  }

  /** Releases all, last acquired first. Every release runs even if others fail; the first failure is rethrown. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#release();
    return this.#disposal;
  }

  async #release(): Promise<void> {
    const failures: unknown[] = [];
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'several resources could not be released');
  }
}
