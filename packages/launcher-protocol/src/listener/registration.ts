import type { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation, Clock, LauncherAnswer } from '@gateway-provisioners/core';
import { KEY_BYTES } from '../crypto/nacl.ts';
import type { IsExpectedPeer } from './peer-list.ts';

export interface RegistrationOptions {
  readonly kernelId: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly protocol: 'auto' | 1 | 2;
  readonly isExpectedPeer: IsExpectedPeer | undefined;
  readonly leaseMs: number;
}

/** One launch that waits, or has been answered and not yet been disposed of. */
export class Registration {
  readonly options: RegistrationOptions;
  readonly token: Buffer = randomBytes(KEY_BYTES);
  /** For delivery over HTTP. Not the token: this one may be seen by proxies. */
  readonly httpToken: string = randomBytes(KEY_BYTES).toString('base64url');
  readonly answer: Promise<LauncherAnswer>;
  /** Why an answer for this kernel was refused, for the error at the deadline. */
  lastRefusal: string | undefined;
  #isWaiting = true;
  #resolve: ((answer: LauncherAnswer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  constructor(options: RegistrationOptions) {
    this.options = options;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A launch that failed elsewhere may never look at it.
    this.answer.catch(() => undefined);
  }

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  settle(answer: LauncherAnswer): void {
    this.#isWaiting = false;
    this.#resolve?.(answer);
  }

  fail(error: Error): void {
    this.#isWaiting = false;
    this.#reject?.(error);
  }
}

/** The launches that wait, by kernel id. */
export class Registrations {
  readonly #clock: Clock;
  readonly #byKernel = new Map<string, Registration>();
  readonly #byHttpToken = new Map<string, Registration>();
  readonly #timers = new Map<Registration, Cancellation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#timers.size;
  }

  waitingIds(): string[] {
    return [...this.#timers.keys()].map(({ options }) => options.kernelId);
  }

  get(kernelId: string): Registration | undefined {
    return this.#byKernel.get(kernelId);
  }

  getByHttpToken(token: string): Registration | undefined {
    return this.#byHttpToken.get(digest(token));
  }

  /** Errors: `INVALID_STATE` when the kernel has a launch that waits. */
  add(options: RegistrationOptions): Registration {
    const { kernelId, deadline } = options;
    if (this.#byKernel.get(kernelId)?.isWaiting === true) {
      throw new ProvisionerError('INVALID_STATE', 'a launch of this kernel is already waiting for its launcher', {
        coordinates: { kernelId },
      });
    }
    const registration = new Registration(options);
    this.#byKernel.set(kernelId, registration);
    this.#byHttpToken.set(digest(registration.httpToken), registration);
    const expire = (): void => {
      // A timer's delay is limited to 24 days; the deadline is not.
      if (this.#clock.now() < deadline) this.#timers.set(registration, schedule());
      else this.remove(registration, timeout(registration));
    };
    const schedule = (): Cancellation => this.#clock.schedule(deadline - this.#clock.now(), expire);
    this.#timers.set(registration, schedule());
    return registration;
  }

  /** The registration stays known as answered until it is removed. */
  settle(registration: Registration, answer: LauncherAnswer): void {
    this.#stopTimer(registration);
    registration.settle(answer);
  }

  /** Forgets a registration; whoever still waits for its answer gets the error. */
  remove(registration: Registration, error: Error): void {
    this.#stopTimer(registration);
    if (this.#byKernel.get(registration.options.kernelId) === registration) {
      this.#byKernel.delete(registration.options.kernelId);
    }
    this.#byHttpToken.delete(digest(registration.httpToken));
    registration.fail(error);
  }

  removeAll(error: Error): void {
    for (const registration of [...this.#byKernel.values()]) this.remove(registration, error);
  }

  #stopTimer(registration: Registration): void {
    this.#timers.get(registration)?.();
    this.#timers.delete(registration);
  }
}

/** Looking up a digest takes no time that depends on how much of a guess is right. */
function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

function timeout({ options, lastRefusal }: Registration): ProvisionerError {
  const reason = lastRefusal === undefined ? '' : `; the last answer for it was refused: ${lastRefusal}`;
  return new ProvisionerError('LAUNCH_TIMEOUT', `no launcher answered for the kernel before the deadline${reason}`, {
    coordinates: { kernelId: options.kernelId },
  });
}
