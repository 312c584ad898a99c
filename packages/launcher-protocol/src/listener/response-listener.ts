import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { ProvisionerError, parsePortRange } from '@gateway-provisioners/core';
import type {
  CommChannel,
  CommState,
  ExpectOptions,
  ExpectedLauncher,
  OpenCommOptions,
  Rendezvous,
  ResourceStack,
} from '@gateway-provisioners/core';
import type { CommOptions } from '../comm/comm-options.ts';
import { openComm } from '../comm/open-comm.ts';
import type { BoxKeys } from '../crypto/nacl.ts';
import { encodeLauncherV2 } from '../payload/version2.ts';
import type { Counters, ListenerCounters } from './counters.ts';
import type { FairQueue } from './fair-queue.ts';
import { formatHostPort } from './host-port.ts';
import type { PayloadProcessor } from './payload-processor.ts';
import type { PeerConnections } from './peer-connections.ts';
import { peerList } from './peer-list.ts';
import type { Registration, Registrations } from './registration.ts';

/** What an application's HTTP route replies. */
export interface HttpReply {
  /** 200 taken, 403 refused, 413 too large. */
  readonly status: 200 | 403 | 413;
  /** A line of JSON for launchers of version 2; else empty. */
  readonly body: string;
}

/** What `createResponseListener` puts together. */
export interface ListenerParts {
  /** Closes the port and all connections. */
  readonly resources: ResourceStack;
  /** Told to launchers. */
  readonly advertised: { readonly host: string; readonly port: number };
  /** Listened on. */
  readonly port: number;
  readonly publicKeyText: string;
  readonly boxKeys: BoxKeys;
  readonly registrations: Registrations;
  readonly connections: PeerConnections;
  readonly processor: PayloadProcessor;
  readonly queue: FairQueue;
  readonly counters: Counters;
  readonly portRange: string;
  readonly maxPayloadBytes: number;
  readonly httpUrl: string | undefined;
  readonly comm: CommOptions;
}

const DEFAULT_LEASE_MS = 3_600_000;
const KERNEL_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Where launchers call home. Disposing of it closes the port and every connection, and fails launches that wait. */
export class ResponseListener implements Rendezvous, AsyncDisposable {
  /** `host:port` as launchers are told. */
  readonly responseAddress: string;
  /** The port that is listened on. */
  readonly port: number;
  /** Version 1's RSA key, base64 of its DER form. */
  readonly publicKey: string;
  readonly #parts: ListenerParts;
  #isClosed = false;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    this.port = parts.port;
    this.responseAddress = formatHostPort(parts.advertised.host, parts.advertised.port);
    this.publicKey = parts.publicKeyText;
  }

  get counters(): ListenerCounters {
    const { counters, connections, registrations } = this.#parts;
    return counters.snapshot({ openConnections: connections.size, waiting: registrations.waiting });
  }

  /**
   * Errors: `INVALID_ARGUMENT` for a kernel id, peers, protocol or lease that cannot be, `INVALID_PORT_RANGE`;
   * `INVALID_STATE` when a launch of the kernel waits already, or the listener is closed.
   */
  async expect(kernelId: string, options: ExpectOptions): Promise<ExpectedLauncher> {
    return await Promise.resolve(this.#register(kernelId, options));
  }

  async openComm(state: CommState, { dial }: OpenCommOptions = {}): Promise<CommChannel> {
    return await Promise.resolve(
      openComm(state, dial === undefined ? this.#parts.comm : { ...this.#parts.comm, dial }),
    );
  }

  /**
   * An answer that came as the body of a POST to the application's own port. `token` is the one that the launcher sent
   * as `Authorization: token …`; it says for which launch the body may be.
   */
  async handleHttp(token: string, body: Uint8Array): Promise<HttpReply> {
    const { registrations, counters, processor, queue, maxPayloadBytes } = this.#parts;
    if (body.byteLength > maxPayloadBytes) {
      counters.refused['too-large'] += 1;
      return { status: 413, body: '' };
    }
    const only = registrations.getByHttpToken(token);
    if (only === undefined) {
      counters.refused['unknown-kernel'] += 1;
      return { status: 403, body: '' };
    }
    const payload = Buffer.from(body).toString();
    return await new Promise((resolve) => {
      queue.add('http', () => {
        const { accepted, reply = '' } = processor.process(payload, { address: undefined, only });
        resolve({ status: accepted ? 200 : 403, body: reply });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#parts.registrations.removeAll(
      new ProvisionerError('CANCELLED', 'the response listener was closed before the launcher answered'),
    );
    await this.#parts.resources[Symbol.asyncDispose]();
  }

  #register(kernelId: string, options: ExpectOptions): ExpectedLauncher {
    const { registrations, portRange: defaultRange, advertised } = this.#parts;
    const { deadline, protocol = 'auto', peers, leaseMs = DEFAULT_LEASE_MS, portRange = defaultRange } = options;
    if (this.#isClosed) throw new ProvisionerError('INVALID_STATE', 'the response listener is closed');
    check(KERNEL_ID.test(kernelId), 'a kernel id has 1 to 128 letters, digits, ".", "_" and "-"');
    check(Number.isFinite(leaseMs) && leaseMs >= 0, 'leaseMs is 0 or more');
    check(Number.isFinite(deadline), 'deadline is in milliseconds since the epoch');
    check(
      protocol !== 1 || isIP(advertised.host) !== 6,
      'launchers of version 1 cannot be given an IPv6 address: advertise a host name or an IPv4 address',
    );
    // Form only: how large a range must be is the business of whoever configures it.
    parsePortRange(portRange, { minSize: 0 });
    const isExpectedPeer = peers === undefined ? undefined : peerList(peers);
    const registration = registrations.add({ kernelId, deadline, protocol, isExpectedPeer, leaseMs });
    return {
      parameters: {
        public: { kernelId, responseAddress: this.responseAddress, publicKey: this.publicKey, portRange },
        secret: { launcherV2: protocol === 1 ? '' : this.#secretOf(registration) },
      },
      answer: registration.answer,
      async [Symbol.asyncDispose]() {
        const error = new ProvisionerError('CANCELLED', 'the launch no longer waits for its launcher');
        await Promise.resolve();
        registrations.remove(registration, error);
      },
    };
  }

  #secretOf({ options, token, httpToken }: Registration): string {
    const { boxKeys, httpUrl } = this.#parts;
    const launch = {
      kernelId: options.kernelId,
      listenerPublicKey: boxKeys.publicKey,
      token,
      leaseMs: options.leaseMs,
    };
    return encodeLauncherV2(httpUrl === undefined ? launch : { ...launch, http: { url: httpUrl, token: httpToken } });
  }
}

function check(holds: boolean, message: string): void {
  if (!holds) throw new ProvisionerError('INVALID_ARGUMENT', message);
}
