import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { ProvisionerError, isProvisionerError } from '@gateway-provisioners/core';
import type { JsonObject, KernelSpec } from '@gateway-provisioners/core';
import type { GatewayContext } from '../gateway-context.ts';
import { defineRoute } from '../http/define-route.ts';
import { matchesEntityTag } from '../http/etag.ts';
import type { App, Reply, Request } from '../http/fastify-types.ts';
import { identityOf } from '../http/hooks.ts';
import { pathParameter } from './kernel-routes.ts';

const contentTypes: ReadonlyMap<string, string> = new Map([
  ['.png', 'image/png'],
  ['.svg', 'image/svg+xml'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.ico', 'image/x-icon'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
]);

/** `/api/kernelspecs` and the files beside a `kernel.json` that clients need. */
export function kernelspecRoutes(app: App, context: GatewayContext): void {
  defineRoute(app, {
    url: 'api/kernelspecs',
    methods: {
      GET: async () => {
        const { specs } = await context.kernelspecs.list();
        const models = await Promise.all(
          specs.map(async (spec) => [spec.name, await specModel(context, spec)] as const),
        );
        return { default: await context.kernelspecs.defaultName(), kernelspecs: Object.fromEntries(models) };
      },
    },
  });
  defineRoute(app, {
    url: 'api/kernelspecs/:name',
    methods: {
      GET: async (request) => specModel(context, await context.kernelspecs.find(pathParameter(request, 'name'))),
    },
  });
  defineRoute(app, {
    url: 'api/kernelspecs/:name/images',
    methods: {
      GET: async (request) => {
        // As for a launch, the user is who authenticated, whatever `?user=` says: another's list would be of no use.
        const { username: owner } = identityOf(request);
        const name = pathParameter(request, 'name');
        return { images: await context.kernels.images({ name, owner, signal: request.workSignal }) };
      },
    },
  });
  defineRoute(app, {
    url: 'kernelspecs/:name/*',
    methods: {
      GET: async (request, reply) => {
        const resource = await context.kernelspecs.resourceFile(
          pathParameter(request, 'name'),
          pathParameter(request, '*'),
        );
        return await sendFile(resource.path, request, reply);
      },
    },
  });
}

/**
 * What clients are shown of a kernelspec. Its environment and the settings of its provisioner stay here: they hold
 * endpoints, images and at times credentials, and no client needs them.
 */
async function specModel(context: GatewayContext, spec: KernelSpec): Promise<JsonObject> {
  const resources = await context.kernelspecs.resources(spec.name).catch((error: unknown) => {
    // It may have vanished since it was listed; then there is nothing beside it either.
    if (isProvisionerError(error, 'KERNELSPEC_NOT_FOUND')) return [];
    throw error;
  });
  return {
    name: spec.name,
    spec: {
      argv: spec.argv,
      env: {},
      display_name: spec.displayName,
      language: spec.language,
      interrupt_mode: spec.interruptMode,
      metadata: publicMetadata(spec.metadata),
    },
    resources: Object.fromEntries(
      resources.map(({ key, file }) => [
        key,
        `${context.baseUrl}kernelspecs/${encodeURIComponent(spec.name)}/${encodeURIComponent(file)}`,
      ]),
    ),
  };
}

function publicMetadata(metadata: JsonObject): JsonObject {
  const { kernel_provisioner: provisioner, process_proxy: proxy, ...rest } = metadata;
  return {
    ...rest,
    ...(isObject(provisioner) ? { kernel_provisioner: { provisioner_name: provisioner['provisioner_name'] } } : {}),
    ...(isObject(proxy) ? { process_proxy: { class_name: proxy['class_name'] } } : {}),
  };
}

function isObject(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function sendFile(path: string, request: Request, reply: Reply): Promise<unknown> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true) throw new ProvisionerError('RESOURCE_NOT_FOUND', 'the file is not there any more');
  const tag = `"${info.size.toString(36)}-${Math.round(info.mtimeMs).toString(36)}"`;
  reply
    .header('etag', tag)
    .header('last-modified', info.mtime.toUTCString())
    // A logo may be an SVG with a script in it; shown by itself it must not run with the gateway's origin.
    .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  if (matchesEntityTag(request.headers['if-none-match'], tag)) return await reply.code(304).send();
  reply.type(contentTypes.get(extname(path).toLowerCase()) ?? 'application/octet-stream');
  reply.header('content-length', info.size);
  return await reply.send(createReadStream(path, { end: Math.max(0, info.size - 1) }));
}
