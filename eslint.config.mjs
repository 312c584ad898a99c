import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Who may import whom, with the reason that a reader of the error deserves. */
const boundaries = [
  // core is the contract that strangers compile against: it depends on none of ours.
  { sourceTag: 'type:core', onlyDependOnLibsWithTags: [] },
  // wire is protocol code; it needs nothing but core's errors, deadlines and connection types.
  { sourceTag: 'type:wire', onlyDependOnLibsWithTags: ['type:core'] },
  // Libraries stand on core alone, so that each can be installed by itself.
  { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:core', 'type:lib', 'type:launchers'] },
  // Launchers run beside the kernel, without us: their package only says where they are.
  { sourceTag: 'type:launchers', onlyDependOnLibsWithTags: [] },
  // An engine is a narrow interface over one vendor library, shared by the provisioners of that engine.
  { sourceTag: 'type:engine', onlyDependOnLibsWithTags: ['type:core'] },
  // A provisioner sees the contract, its engine and the launchers that it carries elsewhere (and the conformance suite
  // in its tests), never another provisioner.
  {
    sourceTag: 'type:provisioner',
    onlyDependOnLibsWithTags: ['type:core', 'type:engine', 'type:launchers', 'type:testkit'],
  },
  // testkit is used by strangers' tests: the contract, the wire and a listener for launchers; no manager, no server.
  { sourceTag: 'type:testkit', onlyDependOnLibsWithTags: ['type:core', 'type:wire', 'type:lib'] },
  // The manager is usable without a server and knows provisioners only through the registry (tests may name one).
  {
    sourceTag: 'type:manager',
    onlyDependOnLibsWithTags: ['type:core', 'type:wire', 'type:lib', 'type:testkit', 'type:provisioner'],
  },
  // bundle is the one list of the provisioners that ship.
  { sourceTag: 'type:bundle', onlyDependOnLibsWithTags: ['type:core', 'type:provisioner'] },
  // The gateway reaches provisioners through bundle and registry, never by name.
  {
    sourceTag: 'type:app',
    onlyDependOnLibsWithTags: ['type:core', 'type:wire', 'type:lib', 'type:manager', 'type:bundle', 'type:testkit'],
  },
  {
    sourceTag: 'type:cli',
    onlyDependOnLibsWithTags: [
      'type:core',
      'type:wire',
      'type:lib',
      'type:manager',
      'type:bundle',
      'type:engine',
      'type:testkit',
      'type:app',
    ],
  },
  // An example is what a stranger writes: the contract, and testkit in its tests.
  { sourceTag: 'type:example', onlyDependOnLibsWithTags: ['type:core', 'type:testkit'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['*'] },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/out-tsc/**', '**/coverage/**', '.nx/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          'packages/*/tsconfig.{lib,spec}.json',
          'apps/*/tsconfig.{lib,spec}.json',
          'tools/*/tsconfig.{lib,spec}.json',
          'examples/*/tsconfig.{lib,spec}.json',
        ],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints: boundaries },
      ],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/max-params': ['error', { max: 3 }],
      '@typescript-eslint/ban-ts-comment': 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='AbortSignal'][property.name=/^(any|timeout)$/]",
          message: 'AbortSignal.any and AbortSignal.timeout lose aborts on Node 20: use deadlines from core.',
        },
        { selector: 'ExportAllDeclaration', message: 'Name what is exported.' },
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'The environment is read at the edge of an app only: take env as an option.',
        },
        {
          selector: 'TSAsExpression > TSAsExpression > TSUnknownKeyword',
          message: 'No double casts: parse with a schema or narrow with a predicate.',
        },
      ],
    },
  },
  {
    // Default exports are how a provisioner package, and a tool's configuration, is found.
    files: ['examples/*/src/index.ts', 'packages/provisioner-*/src/index.ts'],
    rules: {
      'no-restricted-syntax': 'off',
    },
  },
  {
    files: ['**/*.test.ts', '**/src/testing/**', 'tools/**'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': 'off',
    },
  },
  {
    files: [
      'apps/*/src/main.ts',
      'apps/*/src/run-in-process.ts',
      'packages/launchers/src/node-launcher/main.ts',
      'tools/**',
      'examples/**',
    ],
    rules: { 'no-console': 'off', 'no-restricted-syntax': 'off' },
  },
);
