import { access, readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { gatewaySettings } from './gateway-settings.ts';
import { unusedSettings, variablesOfBackends } from './known-variables.ts';

const guide = new URL('../../../../docs/guides/from-enterprise-gateway.md', import.meta.url);
const text = await readFile(guide, 'utf8');

/** The anchors that a page's headings have. */
async function anchorsOf(page: URL): Promise<readonly string[]> {
  const headings = (await readFile(page, 'utf8')).matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  );
}

// What compose files read is theirs; what is of Kernel Gateway alone is not this page's matter.
const OF_COMPOSE_FILES = ['GP_KERNELSPECS'];
const read = [...Object.values(gatewaySettings).flatMap(({ env }) => env ?? []), ...variablesOfBackends];
const unused = unusedSettings.flatMap(({ names }) => names.map((name) => `EG_${name}`));

describe('the page for those who come from Enterprise Gateway', () => {
  test('has no link that leads nowhere', async () => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => new URL(link, guide));
    expect(links.length).toBeGreaterThan(10);
    for (const link of links) {
      const page = new URL(link.pathname, link);
      await access(page);
      if (link.hash !== '') expect(await anchorsOf(page)).toContain(link.hash.slice(1));
    }
  });

  test('names variables that exist, here or there', () => {
    const named = [...text.matchAll(/\b(?:EG|GP|KG)_[A-Z][A-Z_]*[A-Z]\b/g)].map(([name]) => name);
    const known = new Set([...read, ...unused, ...OF_COMPOSE_FILES]);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test('says "not" of those that are not read, and only of those', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('| `EG_'));
    expect(rows.length).toBeGreaterThan(40);
    for (const row of rows) {
      const [names = '', meaning = ''] = row.split(' | ');
      const isRead = (names.match(/EG_[A-Z_]+[A-Z]/g) ?? []).map((name) => read.includes(name));
      const isCalledUnused = /^(?:not (?:read|there)|(?:for launchers, )?in the `env` of kernelspecs)/.test(meaning);
      expect({ row, isRead }).toEqual({ row, isRead: isRead.map(() => !isCalledUnused) });
    }
  });

  test('has every variable of Enterprise Gateway that there is a word about at the start', () => {
    const ofOthers =
      /^EG_(?:YARN_|API|SEED_URI|PRESPAWN|CELL_|ALLOW_NOTEBOOK|STATIC_|FORCE_|APP_NAME|USE_INCLUSTER|TUNNEL_MAX)/;
    expect(unused.filter((name) => !ofOthers.test(name) && !text.includes(`\`${name}\``))).toEqual([]);
  });
});
