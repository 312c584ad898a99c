/**
 * The reference gateway: Jupyter kernels over REST and WebSocket.
 * @module
 */
export type { Authenticator, Credentials, Identity } from './auth/authenticator.ts';
export { generateToken, openAuthenticator, tokenAuthenticator } from './auth/token-authenticator.ts';
export type { Gateway } from './build-gateway.ts';
export { buildGateway } from './build-gateway.ts';
export type { GatewayKernelSpecs, GatewayKernels, GatewayOptions, WebSocketOptions } from './gateway-options.ts';
export type { OriginOptions } from './http/origin-policy.ts';
export { GATEWAY_VERSION, JUPYTER_SERVER_API_VERSION } from './version.ts';
