import { listSetting } from '../config/setting-schemas.ts';
import type { SettingSchema } from '../config/setting-schemas.ts';
import { defineSettings } from '../config/settings.ts';
import { ProvisionerError } from '../errors.ts';

const PATTERN = /^[A-Za-z0-9@/._~*-]+$/;

/** Which packages may be discovered, for every program that discovers them. */
export const discoverySettings = defineSettings({
  discover_allow: {
    schema: packagePatterns(),
    default: [],
    env: ['GP_DISCOVER_ALLOW'],
    flag: 'discover-allow',
    group: 'Backends',
    description: 'Packages that may be discovered, * for any text: @acme/*. When empty, all that are dependencies.',
  },
  discover_deny: {
    schema: packagePatterns(),
    default: [],
    env: ['GP_DISCOVER_DENY'],
    flag: 'discover-deny',
    group: 'Backends',
    description: 'Packages that are never discovered, whatever discover_allow says; * for any text.',
  },
});

/** Settings as {@link discoverProvisioners} takes them: an empty list allows all. */
export function discoveryPatterns(settings: {
  readonly discover_allow: readonly string[];
  readonly discover_deny: readonly string[];
}): { readonly allow: readonly string[] | undefined; readonly deny: readonly string[] } {
  const { discover_allow: allow, discover_deny: deny } = settings;
  return { allow: allow.length === 0 ? undefined : allow, deny };
}

function packagePatterns(): SettingSchema<readonly string[]> {
  return listSetting((items) => {
    const wrong = items.find((item) => !PATTERN.test(item));
    if (wrong === undefined) return items;
    const message = `${JSON.stringify(wrong)} is no name of a package, nor a pattern such as @acme/* or kernel-provisioner-*`;
    throw new ProvisionerError('INVALID_ARGUMENT', message);
  });
}
