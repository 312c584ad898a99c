import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { FastifyInstance } from 'fastify';
import { ProvisionerError, openDeadline, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { GatewayContext } from './gateway-context.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { normaliseBaseUrl } from './http/base-url.ts';
import { Connections } from './http/connections.ts';
import { addErrorHandlers, answerBadAddress, answerClientError } from './http/error-handlers.ts';
import type { App } from './http/fastify-types.ts';
import { addHooks } from './http/hooks.ts';
import { originPolicy } from './http/origin-policy.ts';
import { addBodyParser } from './http/read-body.ts';
import { routeUpgrades } from './http/upgrades.ts';
import { WorkTracker } from './http/work-tracker.ts';
import { kernelAccess } from './kernels/kernel-access.ts';
import { fastify } from './require-library.ts';
import { channelRoutes } from './routes/channel-routes.ts';
import { kernelRoutes } from './routes/kernel-routes.ts';
import { launcherRoutes } from './routes/launcher-routes.ts';
import { kernelspecRoutes } from './routes/kernelspec-routes.ts';
import { healthRoutes, serverRoutes } from './routes/server-routes.ts';
import { sessionRoutes } from './routes/session-routes.ts';
import { SessionRegistry } from './sessions/session-registry.ts';
import { KernelSockets } from './websocket/kernel-sockets.ts';

const MIB = 1024 * 1024;
// A request that arrives slower than this is an attack or a broken peer.
const REQUEST_TIMEOUT_MS = 120_000;

/** The gateway's HTTP application, not listening. */
export interface Gateway {
  /** For `inject`, `listen` and plugins of one's own. */
  readonly app: FastifyInstance;
  /** WebSockets open now. */
  readonly openSockets: number;
  /**
   * Refuses new work with 503, closes WebSockets with 1001, waits for requests in flight, and ends what is left at the
   * deadline. Kernels are not touched. Milliseconds; default 10,000.
   */
  close(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;
}

/**
 * Makes the application around a kernel manager and kernelspecs that the caller owns.
 * Errors: `INVALID_ARGUMENT` for a base URL that is none.
 */
export async function buildGateway(options: GatewayOptions): Promise<Gateway> {
  const context = createContext(options);
  const app = createApp(options);
  const connections = new Connections(app.server, { isSecure: options.tls !== undefined });
  addBodyParser(app);
  addHooks(app, {
    authenticator: options.authenticator,
    origin: originPolicy(options.origin ?? {}),
    allowedHosts: (options.allowedHosts ?? []).map((host) => host.toLowerCase()),
    ready: options.ready ?? Promise.resolve(),
    work: context.work,
    logger: context.logger,
  });
  addErrorHandlers(app, context.logger);
  const routes = [serverRoutes, launcherRoutes, kernelRoutes, channelRoutes, kernelspecRoutes, sessionRoutes];
  await app.register(
    (scope, _options, done) => {
      for (const addRoutes of routes) addRoutes(scope, context);
      done();
    },
    { prefix: context.baseUrl },
  );
  const probePrefixes = new Set(['/', context.baseUrl]);
  for (const prefix of probePrefixes) {
    await app.register(
      (scope, _options, done) => {
        healthRoutes(scope, context);
        done();
      },
      { prefix },
    );
  }
  routeUpgrades(app);
  await app.ready();
  return {
    app,
    get openSockets() {
      return context.sockets.count;
    },
    close: (closeOptions) => closeGateway({ app, context, connections, timeoutMs: closeOptions?.timeoutMs ?? 10_000 }),
  };
}

function createContext(options: GatewayOptions): GatewayContext {
  const logger = options.logger ?? silentLogger;
  const clock = options.clock ?? systemClock;
  let ready = options.ready === undefined;
  options.ready?.then(
    () => {
      ready = true;
    },
    // Whoever made the promise reports it; here it only means: not ready.
    () => undefined,
  );
  return {
    kernels: options.kernels,
    access: kernelAccess(options.kernels),
    kernelspecs: options.kernelspecs,
    launcherAnswers: options.launcherAnswers,
    sessions: new SessionRegistry(options.kernels),
    sockets: new KernelSockets(options.websocket ?? {}, { clock, logger }),
    work: new WorkTracker(),
    baseUrl: normaliseBaseUrl(options.baseUrl ?? '/'),
    listKernels: options.listKernels ?? true,
    startRules: {
      clientEnvs: options.clientEnvs ?? [],
      rootDir: options.rootDir,
      waitUntilReady: options.waitUntilReady ?? false,
      maxLaunchTimeoutMs: options.maxLaunchTimeoutMs ?? 3_600_000,
    },
    startedAt: clock.now(),
    isReady: () => ready,
    logger,
    clock,
  };
}

function createApp(options: GatewayOptions): App {
  const limits = { requestTimeout: REQUEST_TIMEOUT_MS };
  return fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes ?? 4 * MIB,
    return503OnClosing: false,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    trustProxy: options.trustProxy ?? false,
    frameworkErrors: (_error, _request, reply) => {
      // Raised before hooks and error handler apply: an address that cannot be decoded.
      reply.hijack();
      answerBadAddress(reply.raw);
    },
    serverFactory: (handler) => {
      const server =
        options.tls === undefined
          ? createServer(limits, handler)
          : createSecureServer({ ...limits, ...options.tls }, handler);
      server.on('clientError', answerClientError);
      // Longer than the idle limits of common proxies, which would otherwise reuse a connection that we just closed.
      server.keepAliveTimeout = 75_000;
      return server;
    },
  });
}

// Fastify would load its JSON Schema compilers, 240 modules, at every start. No route here has a schema: bodies are
// checked where they are read, with errors that say what to do.
function noSchemas(): never {
  throw new ProvisionerError('INTERNAL', 'routes of the gateway have no JSON schemas');
}

interface Closing {
  readonly app: App;
  readonly context: GatewayContext;
  readonly connections: Connections;
  readonly timeoutMs: number;
}

async function closeGateway({ app, context, connections, timeoutMs }: Closing): Promise<void> {
  context.work.drain();
  using deadline = openDeadline({ timeoutMs, what: 'stop', clock: context.clock });
  const server = app.server;
  const closed = new Promise<void>((resolve) => {
    if (!server.listening) resolve();
    else
      server.close(() => {
        resolve();
      });
  });
  server.closeIdleConnections();
  connections.closeUnused();
  await context.sockets.closeAll(deadline).catch(() => undefined);
  context.sockets.terminateAll();
  const cutOff = (): void => {
    context.work.cutOff();
    // What reacts to that still gets its answer out; the rest is cut a moment later.
    context.clock.schedule(250, () => {
      server.closeAllConnections();
      connections.destroyAll();
    });
  };
  if (deadline.signal.aborted) cutOff();
  else deadline.signal.addEventListener('abort', cutOff, { once: true });
  await closed;
  context.sessions[Symbol.dispose]();
  await app.close();
}
