import { describeSettings, settingsTable } from '@gateway-provisioners/core';
import { distributedSettings } from './distributed-config.ts';

/** The page `docs/reference/ssh-settings.md`. */
export function settingsPage(): string {
  return [
    '# Settings of distributed-provisioner',
    '',
    '<!-- Generated from packages/provisioner-distributed/src/distributed-config.ts; a test compares the two: run it with',
    'UPDATE_DOCS=1. -->',
    '<!-- prettier-ignore-start -->',
    '',
    "Each stands in a kernelspec's `metadata.kernel_provisioner.config`, or in the gateway's configuration for this provisioner, or",
    "in the gateway's environment; the first of these counts. Lists are lists in a file and texts with commas elsewhere.",
    '`KERNEL_REMOTE_HOST` in a request chooses one of `remote_hosts`. How to set hosts up: [Deploy on hosts over SSH](../guides/ssh.md).',
    '',
    settingsTable(describeSettings(distributedSettings)),
    '',
    '<!-- prettier-ignore-end -->',
    '',
  ].join('\n');
}
