import { ProvisionerError } from '@gateway-provisioners/core';
import type { JsonObject } from '@gateway-provisioners/core';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import type { GatewayContext } from '../gateway-context.ts';
import { defineRoute } from '../http/define-route.ts';
import type { App, Request } from '../http/fastify-types.ts';
import { identityOf } from '../http/hooks.ts';
import { optionalMember, optionalObject, optionalText } from '../http/read-body.ts';
import type { JsonBody } from '../http/read-body.ts';
import { readStartRequest } from '../kernels/start-request.ts';
import type { Session } from '../sessions/session-registry.ts';
import { pathParameter } from './kernel-routes.ts';

const config = { needsKernels: true };

/** `/api/sessions`, as Jupyter Server answers it. */
export function sessionRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: 'api/sessions',
    config,
    methods: {
      GET: (request) => {
        if (!context.listKernels) throw new ProvisionerError('FORBIDDEN', 'listing is turned off by list_kernels');
        const sessions = context.sessions.list(identityOf(request).username);
        return sessions.map((session) => sessionModel(context, session)).filter((model) => model !== undefined);
      },
      POST: async (request, reply) => {
        const body = optionalObject(request.body);
        const session = await openSession(context, request, body);
        reply.code(201).header('location', `${context.baseUrl}api/sessions/${session.id}`);
        return requireModel(context, session);
      },
    },
  });
  defineRoute(app, {
    url: 'api/sessions/:sessionId',
    config,
    methods: {
      GET: (request) => requireModel(context, sessionOf(context, request)),
      PATCH: async (request) => requireModel(context, await changeSession(context, request)),
      DELETE: async (request, reply) => {
        const session = sessionOf(context, request);
        await context.kernels.get(session.kernelId)?.shutdown();
        context.sessions.remove(session.id);
        return await reply.code(204).send();
      },
    },
  });
}

async function openSession(context: GatewayContext, request: Request, body: JsonBody): Promise<Session> {
  const owner = identityOf(request).username;
  // Clients older than the sessions API of 5.0 send { notebook: { path, name } }.
  const notebook = optionalMember(body, 'notebook');
  const path = optionalText(body, 'path') ?? (notebook === undefined ? undefined : optionalText(notebook, 'path'));
  const type = optionalText(body, 'type') ?? (notebook === undefined ? undefined : 'notebook');
  const name = optionalText(body, 'name') ?? (notebook === undefined ? undefined : optionalText(notebook, 'name'));
  if (path === undefined || path === '') throw new ProvisionerError('INVALID_REQUEST', '"path" is missing');
  if (type === undefined) throw new ProvisionerError('INVALID_REQUEST', '"type" is missing');
  const wanted = optionalMember(body, 'kernel') ?? {};
  return await context.sessions.open({ owner, path, type, name: name ?? '' }, () =>
    kernelFor(context, request, { ...wanted, path, env: body['env'] }),
  );
}

async function changeSession(context: GatewayContext, request: Request): Promise<Session> {
  const owner = identityOf(request).username;
  const before = sessionOf(context, request);
  const body = optionalObject(request.body);
  const notebook = optionalMember(body, 'notebook');
  const path = optionalText(body, 'path') ?? (notebook === undefined ? undefined : optionalText(notebook, 'path'));
  const name = optionalText(body, 'name');
  const type = optionalText(body, 'type');
  const rename = {
    ...(path === undefined ? {} : { path }),
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
  };
  const wanted = optionalMember(body, 'kernel');
  const keepsKernel = wanted === undefined || wanted['id'] === before.kernelId || Object.keys(wanted).length === 0;
  if (keepsKernel) return context.sessions.change(owner, before.id, rename);
  context.sessions.requireFreePath(before, path);
  const kernel = await kernelFor(context, request, { ...wanted, path: path ?? before.path });
  let changed: Session;
  try {
    changed = context.sessions.change(owner, before.id, { ...rename, kernelId: kernel.id });
  } catch (error) {
    // While its kernel started, the session was deleted or its path was taken: nobody else knows of that kernel.
    if (kernel.id !== wanted['id']) await kernel.shutdown();
    throw error;
  }
  // As Jupyter Server does: a document that moved on to another kernel leaves none behind.
  if (kernel.id !== before.kernelId) await context.kernels.get(before.kernelId)?.shutdown();
  return changed;
}

/** An existing kernel by `id`, else a new one. */
async function kernelFor(context: GatewayContext, request: Request, wanted: JsonBody): Promise<Kernel> {
  const identity = identityOf(request);
  const id = optionalText(wanted, 'id');
  if (id !== undefined && id !== '') return context.access.require(identity, id);
  const fields = await readStartRequest(wanted, context.startRules);
  return await context.kernels.start({ ...fields, owner: identity.username, signal: request.workSignal });
}

function sessionOf(context: GatewayContext, request: Request): Session {
  return context.sessions.require(identityOf(request).username, pathParameter(request, 'sessionId'));
}

function sessionModel(context: GatewayContext, session: Session): JsonObject | undefined {
  const kernel = context.kernels.get(session.kernelId);
  if (kernel === undefined) return undefined;
  const { id, path, name, type } = session;
  return { id, path, name, type, kernel: { ...kernel.model() }, notebook: { path, name } };
}

function requireModel(context: GatewayContext, session: Session): JsonObject {
  const model = sessionModel(context, session);
  if (model !== undefined) return model;
  throw new ProvisionerError('SESSION_NOT_FOUND', 'the kernel of the session has just ended');
}
