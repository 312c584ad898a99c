/**
 * The reference gateway: Jupyter kernels over REST and WebSocket.
 *
 * ```ts
 * await using gateway = await startGateway({ port: 0 }, { env: process.env });
 * console.log(gateway.url, gateway.token);
 * ```
 * @module
 */
export type { Authenticator, Credentials, Identity } from './auth/authenticator.ts';
export { generateToken, openAuthenticator, tokenAuthenticator } from './auth/token-authenticator.ts';
export type { Gateway } from './build-gateway.ts';
export { buildGateway } from './build-gateway.ts';
export type { GatewayKernelSpecs, GatewayKernels, GatewayOptions, WebSocketOptions } from './gateway-options.ts';
export type { OriginOptions } from './http/origin-policy.ts';
export type { FlushableLogger, PinoLoggerOptions } from './logging/pino-logger.ts';
export { createPinoLogger } from './logging/pino-logger.ts';
export type { GatewaySettingRow } from './settings/describe-gateway-settings.ts';
export { gatewaySettingRows, generateGatewayConfig, showGatewayConfig } from './settings/describe-gateway-settings.ts';
export type { GatewaySettings, ResolvedGatewaySettings } from './settings/gateway-settings.ts';
export { gatewaySettings } from './settings/gateway-settings.ts';
export type { GatewaySettingsSources } from './settings/resolve-gateway-settings.ts';
export { resolveGatewaySettings } from './settings/resolve-gateway-settings.ts';
export type { RunningGateway, StartGatewayOptions } from './start/start-gateway.ts';
export { startGateway } from './start/start-gateway.ts';
export { GATEWAY_VERSION, JUPYTER_SERVER_API_VERSION } from './version.ts';
