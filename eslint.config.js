// Type-checked rules over everything that we wrote; generated code is left to its generator.
import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

const readsSystemTime = [
  {
    selector: 'MemberExpression[object.name=/^(Date|performance)$/][property.name="now"]',
    message: 'Take a Clock (kernel/clock.ts) as an argument.',
  },
  {
    selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
    message: 'Take a Clock (kernel/clock.ts) as an argument.',
  },
];
const readsEnvironment = {
  selector: 'MemberExpression[object.name="process"][property.name="env"]',
  message: 'The environment is read in config/ only.',
};

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'tools/runtime', 'src/portal/packets/gen'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    plugins: { regexp },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Numbers in messages are the normal case in a protocol library.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // noPropertyAccessFromIndexSignature of the compiler asks for what this rule forbids.
      '@typescript-eslint/dot-notation': 'off',
      // Strangers choose the input of most expressions: their time must grow linearly with it.
      'regexp/no-super-linear-move': 'error',
      'regexp/no-super-linear-backtracking': 'error',
      // Comments and blank lines count: a file is what a reader scrolls through.
      'max-lines': ['error', { max: 300 }],
      // Code is Prettier's; comments are read in columns.
      'max-len': ['error', { code: 1000, comments: 100, ignoreUrls: true }],
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Import from node:process; the environment is read in config/ only.' },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      // node:test returns promises from test() and describe() that the runner itself awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...readsSystemTime, readsEnvironment] },
  },
  {
    files: ['src/config/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...readsSystemTime] },
  },
  {
    // The clock itself; the length of a slice of work, which no test controls; a time that is shown
    // and decides nothing.
    files: ['src/kernel/clock.ts', 'src/kernel/work/slices.ts', 'src/demo/event-stream.ts'],
    rules: { 'no-restricted-syntax': ['error', readsEnvironment] },
  },
  {
    // Only a room's door has the system's clock as a default; inner files take a Clock.
    files: ['src/**/*.ts'],
    ignores: [
      ...['**/*.test.ts', 'src/cli/**', 'src/gateway/**'],
      ...['src/config/load/load.ts', 'src/config/load/reload.ts', 'src/observe/logs/log.ts'],
      ...['src/observe/metrics/metrics.ts', 'src/expose/bridge.ts', 'src/expose/app/target-probe.ts'],
      ...['src/expose/assertions/assertion-gate.ts'],
      ...['src/relay/relay.ts', 'src/server/http-server.ts', 'src/portal/yamux/mux-options.ts'],
      ...['src/portal/session.ts', 'src/portal/relay-client.ts'],
      // These wait with the system's timers, and compare with times of the file system.
      ...['src/keys/file-lock.ts', 'src/expose/identity-lock.ts'],
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: 'kernel/clock\\.ts$',
              importNames: ['systemClock'],
              message: 'Take a Clock as an argument.',
            },
          ],
        },
      ],
    },
  },
  // Generated from the schema and the cipher.
  {
    files: ['src/config/load/config.ts', 'src/portal/secure/aead-binary.ts'],
    rules: { 'max-len': 'off', 'max-lines': 'off' },
  },
  { files: ['**/*.config.js', '**/*.cjs', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
);
