import { readFileSync } from 'node:fs';

/** The version of Jupyter Server whose REST API the answers follow; `version` in `GET /api`. */
export const JUPYTER_SERVER_API_VERSION = '2.20.0';

/** The version of this package; `gateway_version` in `GET /api`. */
export const GATEWAY_VERSION = readOwnVersion();

// Once, while the module loads: before anything is served. The file is two levels up, from src and from dist alike.
function readOwnVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) return '0.0.0';
  return String(manifest.version);
}
