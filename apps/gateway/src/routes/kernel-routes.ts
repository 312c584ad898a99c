import { ProvisionerError, withDeadline } from '@gateway-provisioners/core';
import type { GatewayContext } from '../gateway-context.ts';
import { defineRoute } from '../http/define-route.ts';
import type { App, Request } from '../http/fastify-types.ts';
import { identityOf } from '../http/hooks.ts';
import { optionalObject } from '../http/read-body.ts';
import { readStartRequest } from '../kernels/start-request.ts';

const needsKernels = { needsKernels: true };

// Backstops: the manager's own deadlines are shorter and say more.
const INTERRUPT_TIMEOUT_MS = 60_000;
const SHUTDOWN_TIMEOUT_MS = 120_000;

/** `/api/kernels` and below. */
export function kernelRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: 'api/kernels',
    config: needsKernels,
    methods: {
      GET: (request) => {
        if (!context.listKernels) throw new ProvisionerError('FORBIDDEN', 'listing is turned off by list_kernels');
        return context.access.list(identityOf(request)).map((kernel) => kernel.model());
      },
      POST: async (request, reply) => {
        const fields = await readStartRequest(optionalObject(request.body), context.startRules);
        const kernel = await context.kernels.start({
          ...fields,
          owner: identityOf(request).username,
          signal: request.workSignal,
        });
        reply.code(201).header('location', `${context.baseUrl}api/kernels/${kernel.id}`);
        return kernel.model();
      },
    },
  });
  defineRoute(app, {
    url: 'api/kernels/:kernelId',
    config: needsKernels,
    methods: {
      GET: (request) => kernelOf(context, request).model(),
      DELETE: async (request, reply) => {
        const kernel = kernelOf(context, request);
        await withDeadline({ timeoutMs: SHUTDOWN_TIMEOUT_MS, what: 'shutdown' }, () => kernel.shutdown());
        return await reply.code(204).send();
      },
    },
  });
  defineRoute(app, {
    url: 'api/kernels/:kernelId/interrupt',
    config: needsKernels,
    methods: {
      POST: async (request, reply) => {
        const kernel = kernelOf(context, request);
        await withDeadline(
          { timeoutMs: INTERRUPT_TIMEOUT_MS, what: 'interrupt', signal: request.workSignal },
          ({ signal }) => kernel.interrupt({ signal }),
        );
        return await reply.code(204).send();
      },
    },
  });
  defineRoute(app, {
    url: 'api/kernels/:kernelId/restart',
    config: needsKernels,
    methods: {
      POST: async (request) => {
        const kernel = kernelOf(context, request);
        // A restart that has begun is finished even if its client leaves: half of it would be a lost kernel.
        await kernel.restart();
        return kernel.model();
      },
    },
  });
}

function kernelOf(context: GatewayContext, request: Request): ReturnType<GatewayContext['access']['require']> {
  return context.access.require(identityOf(request), pathParameter(request, 'kernelId'));
}

/** A named part of the path, decoded. */
export function pathParameter(request: Request, name: string): string {
  const params = request.params;
  const value: unknown =
    typeof params === 'object' && params !== null ? (params as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}
