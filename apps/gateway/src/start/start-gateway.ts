import { resolve } from 'node:path';
import { ResourceStack, errorMessage, throwIfAborted } from '@gateway-provisioners/core';
import type { CallOptions, Logger } from '@gateway-provisioners/core';
import { generateToken, openAuthenticator, tokenAuthenticator } from '../auth/token-authenticator.ts';
import { buildGateway } from '../build-gateway.ts';
import type { Gateway } from '../build-gateway.ts';
import { normaliseBaseUrl } from '../http/base-url.ts';
import { createPinoLogger } from '../logging/pino-logger.ts';
import type { GatewaySettings } from '../settings/gateway-settings.ts';
import { checkGatewaySettings, gatewaySettingsWith } from '../settings/resolve-gateway-settings.ts';
import { unusedVariables } from '../settings/unused-variables.ts';
import { GATEWAY_VERSION } from '../version.ts';
import { listen } from './listen.ts';
import type { GatewayBackends, OpenKernelsOptions } from './open-kernels.ts';
import { openingBackends } from './opening-backends.ts';
import { readTlsOptions } from './tls-options.ts';

export interface StartGatewayOptions extends CallOptions {
  /** The environment: what kernels may inherit, and where state and kernelspecs are looked for. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The folder that relative paths of settings, and provisioner packages, start from. Default: the process's. */
  readonly cwd?: string | undefined;
  /** Default: JSON lines on standard error, at the level of the settings. */
  readonly logger?: Logger | undefined;
  /** From where the npm package `deno` is looked for, which brings a TypeScript kernel. Default: none is offered. */
  readonly resolveDenoFrom?: string | URL | undefined;
}

/** A gateway that serves. */
export interface RunningGateway extends AsyncDisposable {
  /** With the base URL, without the token: `http://127.0.0.1:8888/`. */
  readonly url: string;
  /** Undefined with auth none. A secret: show it to the person who started the gateway, and to nobody else. */
  readonly token: string | undefined;
  /** Whether the token was chosen here. */
  readonly tokenWasGenerated: boolean;
  readonly kernels: GatewayBackends['kernels'];
  readonly kernelspecs: GatewayBackends['kernelspecs'];
  /** Settles when the kernels of an earlier run are attached; requests that concern kernels wait for it. */
  readonly recovered: Promise<unknown>;
  /**
   * Stops: new work is refused, WebSockets are closed with 1001, requests in flight get `stop_timeout`, kernels are
   * kept or ended by `kernels_on_stop`. Idempotent; also called when the signal of the start aborts later.
   */
  close(): Promise<void>;
}

/**
 * Starts a gateway with everything that belongs to it.
 *
 * ```ts
 * await using gateway = await startGateway({ port: 0 }, { env: process.env });
 * ```
 * Errors: `INVALID_CONFIG` and `INSECURE_CONFIGURATION` for settings, `ADDRESS_IN_USE`, `INVALID_STATE` when another
 * gateway uses the same state folder. Nothing is left behind by a start that fails.
 */
export async function startGateway(
  values: Partial<GatewaySettings>,
  options: StartGatewayOptions = {},
): Promise<RunningGateway> {
  const settings = gatewaySettingsWith(values);
  checkGatewaySettings(settings);
  throwIfAborted(options.signal);
  await using stack = new ResourceStack();
  const logger = options.logger ?? stderrLogger(settings, stack);
  const cwd = options.cwd ?? process.cwd();
  const env = options.env ?? {};
  reportUnusedVariables({ settings, env, logger });
  const tls = await readTlsOptions(settings);
  // Disposed of after the gateway, which is built first.
  const ownedBackends = stack.use(new ResourceStack());
  const opening = openingBackends();
  const recovered = opening.opened.then(({ kernels }) => kernels.recover({ signal: options.signal }));
  // When there is nothing to recover because the start has failed, its caller hears of that.
  recovered.catch(() => undefined);
  const token = settings.auth === 'none' ? undefined : (settings.token ?? generateToken());
  const gateway = await buildGateway({
    kernels: opening.kernels,
    kernelspecs: opening.kernelspecs,
    launcherAnswers: opening.launcherAnswers,
    ...gatewayOptions(settings, cwd),
    authenticator: authenticatorFor(settings, token),
    // If they could not be looked for, that is in the log, and new kernels can be started all the same.
    ready: opening.opened.then(() => recovered.catch(() => undefined)),
    tls,
    logger,
  });
  stack.defer(() => gateway.close({ timeoutMs: 0 }));
  const port = await listen(gateway.app.server, {
    ip: settings.ip,
    port: settings.port,
    portRetries: settings.port_retries,
    signal: options.signal,
  });
  const backends = ownedBackends.use(
    await opening.open(() => loadBackends({ ...options, settings, env, cwd, logger })),
  );
  // Until the gateway serves, a failure leaves the kernels of an earlier run alone.
  ownedBackends.defer(() => backends.kernels.close({ kernels: 'keep' }));
  reportRecovery(recovered, logger);
  const url = urlOf(settings, port, tls !== undefined);
  logger.info('gateway is listening', {
    url,
    gatewayVersion: GATEWAY_VERSION,
    instanceId: backends.kernels.instanceId,
  });
  const owned = stack.move();
  const close = closer({ gateway, backends, settings, logger, owned });
  const stop = (): void => void close().catch(() => undefined);
  if (options.signal?.aborted === true) stop();
  else options.signal?.addEventListener('abort', stop, { once: true });
  return {
    url,
    token,
    tokenWasGenerated: token !== undefined && settings.token === undefined,
    kernels: backends.kernels,
    kernelspecs: backends.kernelspecs,
    recovered,
    close,
    [Symbol.asyncDispose]: close,
  };
}

// Two thirds of all modules are needed for kernels only, and are loaded while the first requests are answered.
// Not inlined: TypeScript 6.0 leaves the extension of an import() as it is in a function that has `await using`.
async function loadBackends(options: OpenKernelsOptions): Promise<GatewayBackends> {
  const { openKernels } = await import('./open-kernels.ts');
  return await openKernels(options);
}

function stderrLogger(settings: GatewaySettings, stack: ResourceStack): Logger {
  const logger = createPinoLogger({ level: settings.log_level });
  stack.defer(() => {
    logger.flush();
  });
  return logger;
}

function reportUnusedVariables(options: Pick<OpenKernelsOptions, 'settings' | 'env' | 'logger'>): void {
  const { variables, advice } = unusedVariables(options.env, options.settings.inherited_envs);
  if (variables.length > 0) options.logger.warn('variables that nothing here reads', { variables, advice });
}

function authenticatorFor(settings: GatewaySettings, token: string | undefined): ReturnType<typeof openAuthenticator> {
  const identity = { username: settings.default_user };
  return token === undefined ? openAuthenticator(identity) : tokenAuthenticator({ token, identity });
}

type BuildOptions = Parameters<typeof buildGateway>[0];

function gatewayOptions(settings: GatewaySettings, cwd: string): Partial<BuildOptions> {
  return {
    baseUrl: settings.base_url,
    allowedHosts: settings.allowed_hosts,
    trustProxy: settings.trust_xheaders,
    origin: {
      allowOrigin: settings.allow_origin,
      allowCredentials: settings.allow_credentials,
      allowHeaders: settings.allow_headers,
      allowMethods: settings.allow_methods,
      exposeHeaders: settings.expose_headers,
      maxAge: settings.max_age,
    },
    listKernels: settings.list_kernels,
    clientEnvs: settings.client_envs,
    rootDir: resolve(cwd, settings.root_dir ?? '.'),
    waitUntilReady: settings.wait_until_ready,
    maxLaunchTimeoutMs: settings.max_launch_timeout * 1000,
    maxBodyBytes: settings.max_body_size,
    websocket: {
      pingIntervalMs: settings.ws_ping_interval * 1000,
      stallTimeoutMs: settings.ws_stall_timeout * 1000,
      compression: settings.ws_compression,
      maxMessageBytes: settings.max_message_size,
    },
  };
}

function reportRecovery(recovered: ReturnType<GatewayBackends['kernels']['recover']>, logger: Logger): void {
  recovered.then(
    ({ attached, lost, reaped, unreachable }) => {
      if (attached.length + lost.length + reaped.length + unreachable.length === 0) return;
      logger.info('kernels of an earlier run', { attached, lost, reaped, unreachable });
    },
    (error: unknown) => {
      logger.error('kernels of an earlier run could not be looked for', { error: errorMessage(error) });
    },
  );
}

// An address to listen on everywhere is none to connect to.
const reachable = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

/** What a person can open. */
function urlOf(settings: GatewaySettings, port: number, secure: boolean): string {
  const shown = reachable.get(settings.ip) ?? settings.ip;
  const host = shown.includes(':') ? `[${shown}]` : shown;
  return `${secure ? 'https' : 'http'}://${host}:${String(port)}${normaliseBaseUrl(settings.base_url)}`;
}

interface CloserParts {
  readonly gateway: Gateway;
  readonly backends: GatewayBackends;
  readonly settings: GatewaySettings;
  readonly logger: Logger;
  readonly owned: ResourceStack;
}

function closer({ gateway, backends, settings, logger, owned }: CloserParts): () => Promise<void> {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const keep = settings.kernels_on_stop === 'keep' && backends.isDurable;
    logger.info('gateway is stopping', { kernels: backends.kernels.list().length, keep });
    try {
      await gateway.close({ timeoutMs: settings.stop_timeout * 1000 });
      await backends.kernels.close({ kernels: keep ? 'keep' : 'end' });
      logger.info('gateway has stopped');
    } finally {
      await owned[Symbol.asyncDispose]();
    }
  };
  return () => (closing ??= close());
}
