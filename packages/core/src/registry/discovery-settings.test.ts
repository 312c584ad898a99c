import { describe, expect, it } from '@jest/globals';
import { resolveSettings } from '../config/resolve-settings.ts';
import { discoveryPatterns, discoverySettings } from './discovery-settings.ts';

const patternsOf = (env: Readonly<Record<string, string>>, flags: Readonly<Record<string, unknown>> = {}) =>
  discoveryPatterns(resolveSettings(discoverySettings, { env, flags }).values);

describe('settings of discovery', () => {
  it('allow all when nothing is said', () => {
    expect(patternsOf({})).toEqual({ allow: undefined, deny: [] });
  });

  it('are lists of names and patterns', () => {
    const env = { GP_DISCOVER_ALLOW: '@acme/*, kernel-provisioner-nomad', GP_DISCOVER_DENY: '*' };
    expect(patternsOf(env)).toEqual({ allow: ['@acme/*', 'kernel-provisioner-nomad'], deny: ['*'] });
    expect(patternsOf(env, { 'discover-deny': ['left_pad', '*.js'] }).deny).toEqual(['left_pad', '*.js']);
  });

  it.each(['a b', '^acme', 'acme+', '@acme/(one)', 'a\\b', '[ab]'])('refuse %j, naming it and where it is', (wrong) => {
    expect(() => patternsOf({ GP_DISCOVER_ALLOW: wrong })).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONFIG',
        problems: [
          expect.objectContaining({
            key: 'discover_allow',
            source: 'GP_DISCOVER_ALLOW',
            message: expect.stringContaining(JSON.stringify(wrong)),
          }),
        ],
      }),
    );
  });
});
