#!/usr/bin/env node
/**
 * Writes vectors/*.json: what every implementation of the launcher protocol, in whatever language, is held to.
 *
 *   node programs/generate-vectors.mjs --overwrite
 *
 * Run once; the vectors are then part of the protocol. It shares no code with src on purpose: two independent
 * implementations that agree say more than one that agrees with itself. Keys are fresh at each run.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { box } from './vectors/box.mjs';
import { version0 } from './vectors/version0.mjs';
import { version1 } from './vectors/version1.mjs';
import { version2 } from './vectors/version2.mjs';

const folder = new URL('../vectors/', import.meta.url);
const about =
  'Keys in this file are published: never use them for anything but tests. Format: docs/reference/launcher-protocol.md';
const files = { 'version0.json': version0, 'version1.json': version1, 'box.json': box, 'version2.json': version2 };
if (existsSync(new URL('version1.json', folder)) && !process.argv.includes('--overwrite')) {
  console.error('The vectors exist and are part of the protocol; --overwrite makes new ones.');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
for (const [name, make] of Object.entries(files)) {
  writeFileSync(new URL(name, folder), `${JSON.stringify({ about, ...make() }, null, 2)}\n`);
}
