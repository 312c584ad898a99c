/**
 * Writes node/launch_kernel.mjs: the modules of src/node-launcher and tweetnacl in one file, which runs wherever Node
 * does. With --check it only says whether that file is up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import process from 'node:process';
import ts from 'typescript';

const source = new URL('../src/node-launcher/', import.meta.url);
const target = new URL('../node/launch_kernel.mjs', import.meta.url);

/** Modules in the order in which they can be run, by name. */
const modules = new Map();
/** `from 'node:x'` → what is imported from there. */
const builtins = new Map();

async function add(name) {
  if (modules.has(name)) return;
  modules.set(name, undefined);
  const text = await readFile(new URL(name, source), 'utf8');
  const { outputText } = ts.transpileModule(text, {
    fileName: name,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  const file = ts.createSourceFile(name, outputText, ts.ScriptTarget.ES2023);
  let body = outputText;
  for (const statement of file.statements.filter(ts.isImportDeclaration).reverse()) {
    body = body.slice(0, statement.getFullStart()) + body.slice(statement.getEnd());
  }
  for (const statement of file.statements.filter(ts.isImportDeclaration)) await follow(statement, name);
  modules.delete(name);
  modules.set(name, body.replace(/^export (?=(async )?(const|let|function|class))/gm, '').trim());
  if (/^export /m.test(modules.get(name))) throw new Error(`${name} exports in a way that the bundle cannot hold`);
}

async function follow(statement, name) {
  const from = statement.moduleSpecifier.text;
  const named = statement.importClause?.namedBindings;
  if (from.startsWith('./')) return await add(from.slice(2));
  if (from === 'tweetnacl') return undefined;
  if (!from.startsWith('node:') || named === undefined || !ts.isNamedImports(named)) {
    throw new Error(`${name}: the bundle cannot hold an import of this form from ${from}`);
  }
  const names = builtins.get(from) ?? builtins.set(from, new Set()).get(from);
  for (const { propertyName, name: local } of named.elements) {
    names.add(propertyName === undefined ? local.text : `${propertyName.text} as ${local.text}`);
  }
  return undefined;
}

async function tweetnacl() {
  const require = createRequire(import.meta.url);
  const { version } = require('tweetnacl/package.json');
  const text = (await readFile(require.resolve('tweetnacl/nacl-fast.min.js'), 'utf8')).trim();
  return `/* tweetnacl ${version} (https://tweetnacl.js.org), in the public domain (The Unlicense). */
const nacl = ((module) => {
${text}
return module.exports;
})({ exports: {} });`;
}

await add('main.ts');
const imports = [...builtins.keys()].sort().map((from) => {
  return `import { ${[...builtins.get(from)].sort().join(', ')} } from '${from}';`;
});
const bundle = `#!/usr/bin/env node
// @gateway-provisioners/launchers: starts any Jupyter kernel beside Node 20 or newer and calls the gateway.
// Made by programs/bundle-node-launcher.mjs from src/node-launcher; do not edit.
${imports.join('\n')}

${await tweetnacl()}

${[...modules].map(([name, body]) => `// ${name}\n${body}`).join('\n\n')}
`;

if (!process.argv.includes('--check')) await writeFile(target, bundle, { mode: 0o755 });
else if ((await readFile(target, 'utf8')) !== bundle) {
  process.stderr.write('node/launch_kernel.mjs is not up to date: run node programs/bundle-node-launcher.mjs\n');
  process.exitCode = 1;
}
