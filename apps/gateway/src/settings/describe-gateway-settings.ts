import { describeSettings } from '@gateway-provisioners/core';
import type { SettingRow } from '@gateway-provisioners/core';
import { gatewaySettings } from './gateway-settings.ts';
import type { ResolvedGatewaySettings } from './gateway-settings.ts';

/** A row of `--help`. */
export interface GatewaySettingRow extends SettingRow {
  /** True for switches: `--list-kernels` alone means `--list-kernels true`. */
  readonly isSwitch: boolean;
}

/** The settings as rows of `--help`, by group. */
export function gatewaySettingRows(): readonly GatewaySettingRow[] {
  const rows = describeSettings(gatewaySettings).map((row) => ({
    ...row,
    isSwitch: row.default === 'true' || row.default === 'false',
  }));
  const groups = [...new Set(rows.map((row) => row.group))];
  return groups.flatMap((group) => rows.filter((row) => row.group === group));
}

/** For `--show-config`: every setting, its value as YAML, and where it came from. Secrets are not shown. */
export function showGatewayConfig(resolved: ResolvedGatewaySettings): string {
  const values: Readonly<Record<string, unknown>> = resolved.values;
  const origins: Readonly<Record<string, { readonly source: string }>> = resolved.origins;
  return gatewaySettingRows()
    .map((row) => {
      const value = values[row.key];
      const shown = row.secret && value !== undefined ? '"********"' : JSON.stringify(value ?? null);
      return `${row.key}: ${shown}  # ${origins[row.key]?.source ?? 'default'}\n`;
    })
    .join('');
}

/** For `--generate-config`: a YAML file with every setting, commented out, at its default. */
export function generateGatewayConfig(): string {
  const lines = ['# Settings of the gateway. Command-line flags are stronger than this file, variables are weaker.'];
  let group: string | undefined;
  for (const row of gatewaySettingRows()) {
    if (row.group !== group) lines.push('', `# --- ${row.group ?? 'Other'} ---`);
    group = row.group;
    lines.push('', `# ${row.description}`, `# ${[row.flag, ...row.env].filter(Boolean).join(', ')}`);
    lines.push(`#${row.key}: ${row.default ?? ''}`.trimEnd());
  }
  return `${lines.join('\n')}\n`;
}

/** The page `docs/reference/gateway-settings.md`. */
export function gatewaySettingsPage(): string {
  const lines = [
    '# Settings of the gateway',
    '',
    '<!-- Generated from apps/gateway/src/settings/gateway-settings.ts; a test compares the two: run it with UPDATE_DOCS=1. -->',
    '<!-- prettier-ignore-start -->',
    '',
    'Every setting has one name: `base_url` in a configuration file is `--base-url` on the command line and `GP_BASE_URL`',
    'in the environment. The strongest source counts: flag, then file (`--config`, JSON, YAML or JavaScript), then',
    'variable, then default. Variables of Enterprise Gateway (`EG_…`) and Kernel Gateway (`KG_…`) work as before; the first',
    'one in the list that is set counts. Times are in seconds. Lists are lists in a file and texts with commas elsewhere.',
    '`gateway-provisioners start --show-config` prints every value with its source, `--generate-config` a commented file.',
    'A key of a file that is no setting is an error. Variables `GP_…`, `EG_…` and `KG_…` that nothing reads are named in one',
    'line of the log at the start, with what to do. Coming from Enterprise Gateway:',
    '[what stays and what differs](../guides/from-enterprise-gateway.md).',
  ];
  let group: string | undefined;
  for (const row of gatewaySettingRows()) {
    if (row.group !== group) {
      lines.push(
        '',
        `## ${row.group ?? 'Other'}`,
        '',
        '| setting | default | variables | meaning |',
        '|---|---|---|---|',
      );
    }
    group = row.group;
    const variables = row.env.map((name) => `\`${name}\``).join(', ');
    lines.push(
      `| \`${row.key}\` | ${row.default === undefined ? '' : `\`${row.default}\``} | ${variables} | ${row.description} |`,
    );
  }
  lines.push('', '<!-- prettier-ignore-end -->');
  return `${lines.join('\n')}\n`;
}
