import { errorMessage } from '@gateway-provisioners/core';
import type { Cancellation } from '@gateway-provisioners/core';
import type { ManagerSettings } from '../settings.ts';
import type { Kernel } from '../types.ts';

export interface CullerOptions {
  readonly settings: ManagerSettings;
  readonly kernels: () => readonly Kernel[];
}

/**
 * Shuts down kernels that nobody uses: every interval those that are dead, and those idle for longer than the timeout
 * unless they are busy or have clients (each by setting). A kernel that is starting has its launch deadline instead.
 */
export class Culler {
  readonly #options: CullerOptions;
  #cancel: Cancellation | undefined;

  constructor(options: CullerOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, culling } = this.#options.settings;
    if (culling.idleTimeoutMs === 0 || this.#cancel !== undefined) return;
    this.#cancel = clock.schedule(
      culling.intervalMs,
      () => {
        this.#cancel = undefined;
        this.#cull();
        this.start();
      },
      { background: true },
    );
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #cull(): void {
    const { logger } = this.#options.settings;
    for (const kernel of this.#options.kernels()) {
      const why = this.#reasonFor(kernel);
      if (why === undefined) continue;
      logger.info('culling a kernel', { kernelId: kernel.id, why });
      // Not one after another: a kernel that hangs in its shutdown must not keep the others.
      kernel.shutdown().catch((error: unknown) => {
        logger.warn('a kernel could not be culled', { kernelId: kernel.id, error: errorMessage(error) });
      });
    }
  }

  #reasonFor(kernel: Kernel): string | undefined {
    const { clock, culling } = this.#options.settings;
    if (kernel.phase === 'ended') return 'it is dead';
    if (kernel.phase !== 'running') return undefined;
    const isAtWork = kernel.executionState !== 'idle' && kernel.executionState !== 'starting';
    if ((isAtWork && !culling.busy) || (kernel.connections > 0 && !culling.connected)) return undefined;
    const idleMs = clock.now() - kernel.lastActivity;
    return idleMs > culling.idleTimeoutMs ? `idle for ${String(Math.round(idleMs / 1_000))} s` : undefined;
  }
}
