import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import type { EngineConfig } from './config/engine-config.ts';
import { ModemEngine } from './modem/modem-engine.ts';
import type { DockerEngine } from './engine.ts';

/** An engine at that address. Nothing is contacted, and the client library is not imported, before the first call. */
export function openDockerEngine(
  config: EngineConfig,
  { clock = systemClock, logger = silentLogger }: { readonly clock?: Clock; readonly logger?: Logger } = {},
): DockerEngine {
  return new ModemEngine(config, { clock, logger });
}
