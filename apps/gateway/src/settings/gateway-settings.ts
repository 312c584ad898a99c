import { defineSettings } from '@gateway-provisioners/core';
import type { ResolvedSettings, SettingValues, Settings } from '@gateway-provisioners/core';
import { accessSettings } from './groups/access-settings.ts';
import { backendSettings } from './groups/backend-settings.ts';
import { kernelSettings } from './groups/kernel-settings.ts';
import { listeningSettings } from './groups/listening-settings.ts';
import { loggingSettings } from './groups/logging-settings.ts';
import { webSocketSettings } from './groups/websocket-settings.ts';

/**
 * The settings of the gateway. A name is the same everywhere: `base_url` in a file, `--base-url`, `GP_BASE_URL`. Where
 * Enterprise Gateway has the setting, the name, the unit (seconds) and the variables are its own.
 */
export const gatewaySettings = defineSettings({
  ...listeningSettings,
  ...accessSettings,
  ...kernelSettings,
  ...webSocketSettings,
  ...backendSettings,
  ...loggingSettings,
});

type SchemasOf<T> = T extends Settings<infer Schemas> ? Schemas : never;

/** Every setting with its value. */
export type GatewaySettings = SettingValues<SchemasOf<typeof gatewaySettings>>;

/** With where each value came from. */
export type ResolvedGatewaySettings = ResolvedSettings<SchemasOf<typeof gatewaySettings>>;
