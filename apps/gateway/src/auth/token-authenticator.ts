import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Authenticator, Credentials, Identity } from './authenticator.ts';

/** 32 random bytes as text that is safe in URLs and headers. */
export function generateToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * One shared token: `Authorization: token T` or `Bearer T` in any case of the scheme, or `?token=T`. A wrong token in
 * one place does not spoil a right one in the other. `Authorization` with another scheme is not looked at, so that a
 * proxy's own does no harm.
 */
export function tokenAuthenticator(options: { readonly token: string; readonly identity: Identity }): Authenticator {
  const expected = digest(options.token);
  const matches = (candidate: string | undefined): boolean =>
    candidate !== undefined && candidate !== '' && timingSafeEqual(digest(candidate), expected);
  return {
    required: true,
    authenticate(credentials) {
      // Both are always compared: the time tells nothing about which one was right.
      const inHeader = matches(headerToken(credentials));
      const inQuery = matches(credentials.queryToken);
      return inHeader || inQuery ? options.identity : undefined;
    },
  };
}

/** Everybody is the same user. What an `Authorization` header says is ignored: jupyter_server always sends one. */
export function openAuthenticator(identity: Identity): Authenticator {
  return { required: false, authenticate: () => identity };
}

function headerToken({ authorization }: Credentials): string | undefined {
  return /^(?:token|bearer)[ \t]+(\S+)[ \t]*$/i.exec(authorization ?? '')?.[1];
}

// Digests have one length, so that comparing takes the same time for every candidate.
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
