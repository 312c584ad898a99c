#!/usr/bin/env node
/**
 * Completes `package-lock.json` after `npm install`: npm leaves out optional packages for other platforms that it could
 * not see when the file was written, and `npm ci` then refuses the file on every platform. An entry with the version,
 * and the platform that the package's name says, is what it needs; npm adds the checksum where it installs one.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const path = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const systems = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'wasm32'];
const processors = ['arm64', 'x64', 'arm', 'ia32', 'ppc64', 's390x', 'riscv64', 'loong64'];

const words = (name) => name.slice(name.lastIndexOf('/') + 1).split('-');
const resolves = (from, name) => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (candidate in lock.packages) return true;
    if (folder === '') return false;
  }
};

let added = 0;
for (const [folder, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const os = words(name).find((word) => systems.includes(word));
    const cpu = words(name).find((word) => processors.includes(word));
    if (os === undefined || resolves(folder, name)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu === undefined ? {} : { cpu: [cpu] }),
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
      os: [os],
    };
    added += 1;
  }
}
const root = lock.packages[''];
const rest = Object.entries(lock.packages).filter(([key]) => key !== '');
lock.packages = Object.fromEntries([['', root], ...rest.sort(([a], [b]) => (a < b ? -1 : 1))]);
if (added > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} entries added`);
