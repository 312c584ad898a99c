import { ResourceStack } from '@gateway-provisioners/core';
import type {
  Clock,
  CommChannel,
  CommState,
  ExpectOptions,
  ExpectedLauncher,
  Logger,
  OpenCommOptions,
  Rendezvous,
} from '@gateway-provisioners/core';
import type * as LauncherProtocol from '@gateway-provisioners/launcher-protocol';

export interface LazyRendezvousOptions {
  /** `GP_RESPONSE_IP` and the other variables of the response listener. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Address of an application's own route to which launchers may post their answers. Default: none. */
  readonly httpUrl?: string | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * A response listener that is opened when the first kernel needs one: programs that run local kernels only have no port
 * open for launchers, and do not load its code. Disposing of it closes the port.
 */
export class LazyRendezvous implements Rendezvous, AsyncDisposable {
  readonly #options: LazyRendezvousOptions;
  readonly #stack = new ResourceStack();
  #listener: Promise<LauncherProtocol.ResponseListener> | undefined;

  constructor(options: LazyRendezvousOptions = {}) {
    this.#options = options;
  }

  /** Errors besides those of `Rendezvous`: `INVALID_CONFIG`, `ADDRESS_IN_USE`. */
  async expect(kernelId: string, options: ExpectOptions): Promise<ExpectedLauncher> {
    return await (await this.#opened()).expect(kernelId, options);
  }

  /** Opens no port: launchers that answered earlier are talked to, they do not call. */
  async openComm(state: CommState, { dial }: OpenCommOptions = {}): Promise<CommChannel> {
    const { openComm } = await loadProtocol();
    return openComm(state, { dial, clock: this.#options.clock });
  }

  /** An answer that came as the body of a POST, with the token of its `Authorization: token …`. */
  async handleHttp(token: string, body: Uint8Array): Promise<LauncherProtocol.HttpReply> {
    // Nobody expects anything before the listener was opened.
    return this.#listener === undefined
      ? { status: 403, body: '' }
      : await (await this.#listener).handleHttp(token, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listener?.catch(() => undefined);
    await this.#stack[Symbol.asyncDispose]();
  }

  async #opened(): Promise<LauncherProtocol.ResponseListener> {
    this.#listener ??= this.#open();
    try {
      return await this.#listener;
    } catch (error) {
      this.#listener = undefined; // a port that was taken may be free the next time
      throw error;
    }
  }

  async #open(): Promise<LauncherProtocol.ResponseListener> {
    const { env = {}, httpUrl, logger, clock } = this.#options;
    const { configFromEnv, createResponseListener } = await loadProtocol();
    const listener = await createResponseListener({ ...configFromEnv(env), httpUrl, logger, clock });
    return this.#stack.use(listener);
  }
}

async function loadProtocol(): Promise<typeof LauncherProtocol> {
  return await import('@gateway-provisioners/launcher-protocol');
}
