import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Identity } from '../auth/authenticator.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the authentication hook; undefined on routes that anybody may call. */
    identity: Identity | undefined;
    /** Aborts when the client goes away before it was answered, and when the gateway stops. */
    workSignal: AbortSignal | undefined;
  }
  interface FastifyContextConfig {
    /** No authentication, no origin check: for probes. */
    open?: boolean;
    /** The route needs to know all kernels, so it waits until those of an earlier run are attached. */
    needsKernels?: boolean;
  }
}

export type App = FastifyInstance;
export type Request = FastifyRequest;
export type Reply = FastifyReply;
