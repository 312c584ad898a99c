import { raceSignal, ProvisionerError } from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';
import type { Authenticator, Identity } from '../auth/authenticator.ts';
import { entityTag, matchesEntityTag } from './etag.ts';
import type { App, Reply, Request } from './fastify-types.ts';
import { hostName, isLoopbackHost } from './origin-policy.ts';
import type { OriginPolicy } from './origin-policy.ts';
import type { WorkTracker } from './work-tracker.ts';

export interface HookOptions {
  readonly authenticator: Authenticator;
  readonly origin: OriginPolicy;
  /** Host names that a gateway without authentication answers to, besides loopback ones. */
  readonly allowedHosts: readonly string[];
  /** Resolves when the kernels of an earlier run are known. */
  readonly ready: Promise<unknown>;
  readonly work: WorkTracker;
  readonly logger: Logger;
}

/** What happens to every request, unknown routes included, before and after its handler. */
export function addHooks(app: App, options: HookOptions): void {
  app.decorateRequest('identity', undefined);
  app.decorateRequest('workSignal', undefined);
  app.addHook('onRequest', async (request, reply) => {
    addCommonHeaders(request, reply, options.origin);
    // Bodies are JSON whatever this says; Fastify would refuse one whose type is malformed.
    request.headers['content-type'] = 'application/json';
    if (request.routeOptions.config.open === true) return;
    if (options.work.draining) throw new ProvisionerError('GATEWAY_STOPPING', 'the gateway is stopping');
    checkOrigin(request, options.origin);
    if (!options.authenticator.required) checkHost(request, options.allowedHosts);
    if (request.method === 'OPTIONS') return;
    request.identity = await authenticate(request, options.authenticator);
    request.workSignal = options.work.begin(reply.raw);
    if (request.routeOptions.config.needsKernels === true) await raceSignal(options.ready, request.workSignal);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    // A connection that is kept for later would hold up the stop.
    if (options.work.draining) void reply.header('connection', 'close');
    return await Promise.resolve(addEntityTag(request, reply, payload));
  });
  app.addHook('onResponse', async (request, reply) => {
    logAccess(options.logger, request, reply);
  });
}

/** The identity of an authenticated request. */
export function identityOf(request: Request): Identity {
  if (request.identity !== undefined) return request.identity;
  throw new ProvisionerError('UNAUTHENTICATED', 'this needs authentication');
}

/** The path without its query, which may hold a token. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

function addCommonHeaders(request: Request, reply: Reply, origin: OriginPolicy): void {
  void reply.headers({
    'x-content-type-options': 'nosniff',
    // Answers carry personal state; only an explicit revalidation may reuse them.
    'cache-control': 'no-cache',
    vary: 'Origin',
    ...origin.headers(request.headers.origin, request.method),
  });
}

function checkOrigin(request: Request, origin: OriginPolicy): void {
  if (origin.allows(request.headers.origin, request.headers.host)) return;
  throw new ProvisionerError(
    'ORIGIN_FORBIDDEN',
    'pages from this origin may not use the gateway; its setting allow_origin lists those that may',
  );
}

function checkHost(request: Request, allowedHosts: readonly string[]): void {
  const host = request.headers.host;
  if (isLoopbackHost(host)) return;
  const name = hostName(host);
  if (name !== undefined && allowedHosts.includes(name)) return;
  throw new ProvisionerError(
    'FORBIDDEN',
    'without authentication the gateway answers only to localhost, loopback addresses and its setting allowed_hosts',
  );
}

async function authenticate(request: Request, authenticator: Authenticator): Promise<Identity> {
  const query = request.query;
  const token = typeof query === 'object' && query !== null && 'token' in query ? query.token : undefined;
  const identity = await authenticator.authenticate({
    authorization: request.headers.authorization,
    queryToken: typeof token === 'string' ? token : undefined,
    headers: request.headers,
  });
  if (identity !== undefined) return identity;
  throw new ProvisionerError(
    'UNAUTHENTICATED',
    'the token is missing or wrong: send "Authorization: token <token>" or "?token=<token>"',
  );
}

function addEntityTag(request: Request, reply: Reply, payload: unknown): unknown {
  if (request.method !== 'GET' && request.method !== 'HEAD') return payload;
  if (reply.statusCode !== 200 || reply.hasHeader('etag')) return payload;
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
  const tag = entityTag(payload);
  void reply.header('etag', tag);
  if (!matchesEntityTag(request.headers['if-none-match'], tag)) return payload;
  void reply.code(304).removeHeader('content-type').removeHeader('content-length');
  return null;
}

function logAccess(logger: Logger, request: Request, reply: Reply): void {
  // Probes come every few seconds and say nothing.
  if (request.routeOptions.config.open === true && reply.statusCode < 400) return;
  logger.info('request', {
    requestId: request.id,
    method: request.method,
    path: pathOf(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    user: request.identity?.username,
    remote: request.ip,
  });
}
