import { isIP } from 'node:net';

/** Which web pages may use the gateway, and the CORS headers that tell their browsers so. Enterprise Gateway's six. */
export interface OriginOptions {
  /** Origins (`https://lab.example.org`), or `*`. Empty: only pages from this very host. */
  readonly allowOrigin?: readonly string[] | undefined;
  readonly allowCredentials?: boolean | undefined;
  /** `Access-Control-Allow-Headers`; default: what Jupyter clients send. */
  readonly allowHeaders?: string | undefined;
  /** `Access-Control-Allow-Methods`; default: what the routes take. */
  readonly allowMethods?: string | undefined;
  /** `Access-Control-Expose-Headers`. */
  readonly exposeHeaders?: string | undefined;
  /** `Access-Control-Max-Age`, seconds. */
  readonly maxAge?: string | undefined;
}

export interface OriginPolicy {
  /** Whether a page of `origin` may talk to this `host`; a request without an `Origin` header comes from no page. */
  allows(origin: string | undefined, host: string | undefined): boolean;
  /** CORS headers of an answer. */
  headers(origin: string | undefined, method: string): Readonly<Record<string, string>>;
}

const DEFAULT_ALLOW_HEADERS = 'Authorization, Content-Type, Accept, If-None-Match, X-XSRFToken';
const DEFAULT_ALLOW_METHODS = 'GET, HEAD, POST, PATCH, DELETE, OPTIONS';

export function originPolicy(options: OriginOptions): OriginPolicy {
  const allowed = new Set((options.allowOrigin ?? []).map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  const any = allowed.has('*');
  const isListed = (origin: string): boolean => any || allowed.has(origin.toLowerCase());
  return {
    allows(origin, host) {
      if (origin === undefined || isListed(origin)) return true;
      return host !== undefined && hostOfOrigin(origin) === host.toLowerCase();
    },
    headers(origin, method) {
      if (origin === undefined || !isListed(origin)) return {};
      return {
        'access-control-allow-origin': any ? '*' : origin,
        ...(options.allowCredentials === true ? { 'access-control-allow-credentials': 'true' } : {}),
        ...(isSet(options.exposeHeaders) ? { 'access-control-expose-headers': options.exposeHeaders } : {}),
        ...(method === 'OPTIONS'
          ? {
              'access-control-allow-headers': isSet(options.allowHeaders)
                ? options.allowHeaders
                : DEFAULT_ALLOW_HEADERS,
              'access-control-allow-methods': isSet(options.allowMethods)
                ? options.allowMethods
                : DEFAULT_ALLOW_METHODS,
              ...(isSet(options.maxAge) ? { 'access-control-max-age': options.maxAge } : {}),
            }
          : {}),
      };
    },
  };
}

/** Whether a `Host` header names this machine from within: the guard against DNS names that are re-bound to loopback. */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name);
}

/** Whether an address to listen on, or a peer's address, is loopback. */
export function isLoopbackAddress(address: string): boolean {
  if (address === 'localhost') return true;
  if (isIP(address) === 4) return address.startsWith('127.');
  return address === '::1' || /^::ffff:127\./i.test(address);
}

/** The host part of a `Host` header, lower case, without port and brackets. */
export function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/]+))(?::\d+)?$/i.exec(host?.trim() ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function hostOfOrigin(origin: string): string | undefined {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin);
  return match?.[1]?.toLowerCase();
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
