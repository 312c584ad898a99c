import type { FastifyContextConfig, HTTPMethods } from 'fastify';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { App, Reply, Request } from './fastify-types.ts';

export type Handler = (request: Request, reply: Reply) => unknown;

export interface RouteDefinition {
  readonly url: string;
  readonly config?: FastifyContextConfig;
  /** Largest body, in bytes. Default: the gateway's. */
  readonly bodyLimitBytes?: number;
  readonly methods: Readonly<Partial<Record<RouteMethod, Handler>>>;
  /** False: a GET that answers no HEAD, such as a WebSocket. Default true. */
  readonly head?: boolean;
}

const routeMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
type RouteMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/**
 * Registers a path with what each method does. OPTIONS always works, and a method that the path does not have is 405
 * with `Allow` rather than 404, so that a client can tell a wrong verb from a wrong address.
 */
export function defineRoute(app: App, route: RouteDefinition): void {
  const config = route.config ?? {};
  const own = Object.keys(route.methods);
  const withHead = own.includes('GET') && route.head !== false;
  const allowed = [...own, ...(withHead ? ['HEAD'] : []), 'OPTIONS'];
  const allow = allowed.join(', ');
  const limits = route.bodyLimitBytes === undefined ? {} : { bodyLimit: route.bodyLimitBytes };
  for (const [method, handler] of Object.entries(route.methods)) {
    app.route({ method, url: route.url, config, exposeHeadRoute: withHead, handler, ...limits });
  }
  app.route({
    method: 'OPTIONS',
    url: route.url,
    config,
    // The origin hook has added the CORS headers.
    handler: (_request, reply) => reply.header('allow', allow).code(200).send(),
  });
  const others: HTTPMethods[] = routeMethods.filter((method) => !allowed.includes(method));
  app.route({
    method: others,
    url: route.url,
    config,
    handler: (request, reply) => {
      reply.header('allow', allow);
      throw new MethodNotAllowedError(request.method, allow);
    },
  });
}

/** 405 is the one status that no error kind stands for: it exists in HTTP only. */
export class MethodNotAllowedError extends ProvisionerError {
  override readonly name = 'MethodNotAllowedError';

  constructor(method: string, allow: string) {
    super('INVALID_REQUEST', `${method} is not possible here; these are: ${allow}`);
  }
}
