import { readFile } from 'node:fs/promises';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { ConfigError, errorMessage } from '@gateway-provisioners/core';
import type { GatewaySettings } from '../settings/gateway-settings.ts';

type TlsSettings = Pick<GatewaySettings, 'certfile' | 'keyfile' | 'client_ca' | 'tls_min_version'>;

/** What the HTTPS server needs; undefined without a certificate. Errors: `INVALID_CONFIG` naming the file. */
export async function readTlsOptions(settings: TlsSettings): Promise<ServerOptions | undefined> {
  const { certfile, keyfile, client_ca: clientCa } = settings;
  if (certfile === undefined || keyfile === undefined) return undefined;
  const [cert, key, ca] = await Promise.all([
    readPem('certfile', certfile),
    readPem('keyfile', keyfile),
    clientCa === undefined ? undefined : readPem('client_ca', clientCa),
  ]);
  const options: ServerOptions = {
    cert,
    key,
    minVersion: settings.tls_min_version,
    ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw tlsError('certfile', `${certfile} and ${keyfile} cannot be used: ${errorMessage(error)}`, error);
  }
  return options;
}

async function readPem(key: keyof TlsSettings, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw tlsError(key, `${path} cannot be read: ${errorMessage(error)}`, error);
  }
}

function tlsError(key: string, message: string, cause: unknown): ConfigError {
  return new ConfigError('the configuration is not valid', [{ key, message }], { cause });
}
