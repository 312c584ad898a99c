import type { GatewayContext } from '../gateway-context.ts';
import { ProvisionerError } from '@gateway-provisioners/core';
import { defineRoute } from '../http/define-route.ts';
import type { App, Request } from '../http/fastify-types.ts';
import { identityOf } from '../http/hooks.ts';
import { upgradeOf } from '../http/upgrades.ts';
import { checkHandshake } from '../websocket/kernel-sockets.ts';
import { pathParameter } from './kernel-routes.ts';

const MAX_SESSION_ID_LENGTH = 256;

/** `/api/kernels/{id}/channels`: everything is checked before 101, so that a refusal is an HTTP answer with a reason. */
export function channelRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: 'api/kernels/:kernelId/channels',
    config: { needsKernels: true },
    head: false,
    methods: {
      GET: async (request, reply) => {
        const identity = identityOf(request);
        const kernel = context.access.require(identity, pathParameter(request, 'kernelId'));
        checkHandshake(request.raw);
        const sessionId = sessionIdOf(request);
        const upgrade = upgradeOf(request.raw);
        if (upgrade === undefined) {
          throw new ProvisionerError('INVALID_REQUEST', 'the upgrade header came without "Connection: Upgrade"');
        }
        const accept = await context.sockets.prepare();
        if (context.work.draining) throw new ProvisionerError('GATEWAY_STOPPING', 'the gateway is stopping');
        reply.hijack();
        context.work.release(reply.raw);
        accept({
          ...upgrade.takeSocket(reply.raw),
          request: request.raw,
          kernel,
          sessionId,
          user: identity.username,
        });
      },
    },
  });
}

function sessionIdOf(request: Request): string | undefined {
  const query = request.query;
  const value = typeof query === 'object' && query !== null && 'session_id' in query ? query.session_id : undefined;
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string' && value.length <= MAX_SESSION_ID_LENGTH) return value;
  throw new ProvisionerError(
    'INVALID_REQUEST',
    `session_id has to be one text of up to ${MAX_SESSION_ID_LENGTH} characters`,
  );
}
