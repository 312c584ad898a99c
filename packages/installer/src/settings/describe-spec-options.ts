import { describeSettings } from '@gateway-provisioners/core';
import type { SettingRow } from '@gateway-provisioners/core';
import type { SpecBackend } from '../types.ts';
import { dockerSettings, kubernetesSettings, sshSettings, yarnSettings } from './spec-settings.ts';

export interface SpecOptionRow extends SettingRow {
  /** `switch`: true when it is given. `list`: may be given several times. */
  readonly form: 'value' | 'switch' | 'list';
}

const settings = {
  docker: dockerSettings,
  k8s: kubernetesSettings,
  yarn: yarnSettings,
  ssh: sshSettings,
} as const;

/** The options of a backend's kernelspecs, for a command line and its help. */
export function specOptionRows(backend: SpecBackend): readonly SpecOptionRow[] {
  return describeSettings(settings[backend]).map((row) => {
    const fallback: unknown = row.default === undefined ? undefined : JSON.parse(row.default);
    const form = typeof fallback === 'boolean' ? 'switch' : Array.isArray(fallback) ? 'list' : 'value';
    return { ...row, form };
  });
}
