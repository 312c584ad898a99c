import type { ServerResponse } from 'node:http';
import { ProvisionerError } from '@gateway-provisioners/core';

/** Knows which requests are being worked on, so that a stopping gateway can refuse new ones and cut off the rest. */
export class WorkTracker {
  readonly #active = new Map<ServerResponse, AbortController>();
  #draining = false;

  get draining(): boolean {
    return this.#draining;
  }

  get activeCount(): number {
    return this.#active.size;
  }

  /** A signal for the work on one request; aborts when its client goes away first, and at {@link cutOff}. */
  begin(response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    const onClosed = (): void => {
      this.#active.delete(response);
      if (!response.writableEnded) {
        controller.abort(new ProvisionerError('CANCELLED', 'the client went away before it was answered'));
      }
    };
    if (response.destroyed) {
      // It went away while its credentials were looked at, and will not say so again.
      onClosed();
      return controller.signal;
    }
    this.#active.set(response, controller);
    response.once('close', onClosed);
    return controller.signal;
  }

  /** The response will never be sent: its socket has become a WebSocket. */
  release(response: ServerResponse): void {
    this.#active.delete(response);
  }

  /** From now on requests are answered 503. */
  drain(): void {
    this.#draining = true;
  }

  /** Aborts whatever is still being worked on. */
  cutOff(): void {
    for (const controller of this.#active.values()) {
      controller.abort(new ProvisionerError('GATEWAY_STOPPING', 'the gateway is stopping'));
    }
  }
}
