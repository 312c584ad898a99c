import type { ProvisionerDefinitionInput } from '@gateway-provisioners/core';

export interface HelloConfig {
  /** Reported when a launch begins. Default `hello`. */
  readonly greeting: string;
}

/** Any Standard Schema does (zod, valibot, arktype); written by hand it needs no dependency. */
export const helloConfigSchema: ProvisionerDefinitionInput<HelloConfig>['configSchema'] = {
  '~standard': {
    version: 1,
    vendor: 'provisioner-hello',
    validate(value) {
      const settings: Readonly<Record<string, unknown>> = typeof value === 'object' ? { ...value } : {};
      const { greeting = 'hello', ...unknown } = settings;
      const issues = Object.keys(unknown).map((key) => ({ path: [key], message: 'no such setting' }));
      if (typeof greeting !== 'string')
        return { issues: [...issues, { path: ['greeting'], message: 'expected text' }] };
      return issues.length === 0 ? { value: { greeting } } : { issues };
    },
  },
};
