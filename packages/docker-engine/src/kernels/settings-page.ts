import { describeSettings, settingsTable } from '@gateway-provisioners/core';
import type { Setting } from '@gateway-provisioners/core';

/** A page of reference with all settings of a provisioner, by group. `source` is where they are declared. */
export function settingsPage(
  settings: Readonly<Record<string, Setting>>,
  { provisioner, source }: { readonly provisioner: string; readonly source: string },
): string {
  const rows = describeSettings(settings);
  const groups = [...new Set(rows.map(({ group }) => group ?? 'Other'))];
  const tables = groups.map((group) => {
    const table = settingsTable(rows.filter((row) => (row.group ?? 'Other') === group));
    return `## ${group}\n\n${table}\n`;
  });
  return `# Settings of ${provisioner}

<!-- Generated from ${source}; a test compares the two: run it with UPDATE_DOCS=1. -->
<!-- prettier-ignore-start -->

A setting stands in the \`config\` of a kernelspec's \`metadata.kernel_provisioner\` (or of Enterprise Gateway's
\`metadata.process_proxy\`), or in the environment of the gateway under one of the names given; the kernelspec counts
first, then the first variable of the list that is set. Lists are lists in a kernelspec and texts with commas in the
environment. Names that are not listed here are passed over.

${tables.join('\n')}
<!-- prettier-ignore-end -->
`;
}
