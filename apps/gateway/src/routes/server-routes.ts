import { jupyterTimestamp } from '../kernels/timestamp.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { defineRoute } from '../http/define-route.ts';
import type { App } from '../http/fastify-types.ts';
import { identityOf } from '../http/hooks.ts';
import { GATEWAY_VERSION, JUPYTER_SERVER_API_VERSION } from '../version.ts';

/** `/api`, `/api/status` and `/api/me`. */
export function serverRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: 'api',
    methods: { GET: () => ({ version: JUPYTER_SERVER_API_VERSION, gateway_version: GATEWAY_VERSION }) },
  });
  defineRoute(app, {
    url: 'api/status',
    config: { needsKernels: true },
    methods: {
      GET: (request) => {
        const kernels = context.access.list(identityOf(request));
        const lastActivity = kernels.reduce(
          (latest, kernel) => Math.max(latest, kernel.lastActivity),
          context.startedAt,
        );
        return {
          started: jupyterTimestamp(context.startedAt),
          last_activity: jupyterTimestamp(lastActivity),
          connections: kernels.reduce((sum, kernel) => sum + kernel.connections, 0),
          kernels: kernels.length,
        };
      },
    },
  });
  defineRoute(app, {
    url: 'api/me',
    methods: {
      GET: (request) => {
        const { username, displayName } = identityOf(request);
        const name = displayName ?? username;
        return {
          identity: {
            username,
            name,
            display_name: name,
            initials: name.slice(0, 2).toUpperCase(),
            avatar_url: null,
            color: null,
          },
          permissions: {},
        };
      },
    },
  });
}

/** Probes: no authentication, no details. Also at the root, wherever the base URL points. */
export function healthRoutes(app: App, context: GatewayContext): void {
  const config = { open: true };
  defineRoute(app, { url: 'healthz', config, methods: { GET: () => ({ status: 'ok' }) } });
  defineRoute(app, {
    url: 'readyz',
    config,
    methods: {
      GET: (_request, reply) => {
        const ready = context.isReady() && !context.work.draining;
        reply.code(ready ? 200 : 503);
        return { status: ready ? 'ready' : 'not ready' };
      },
    },
  });
}
