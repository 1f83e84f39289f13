import { defineConfig, type UserConfig } from 'tsdown';
import { bundledLicenses } from './tools/bundled-licenses.ts';

/**
 * Dependencies that every start loads, as a part of dist/: 240 files fewer to find and parse, and
 * only what is used of them. The others are CommonJS, or loaded only by some configurations.
 */
const bundled = ['@bufbuild/protobuf', 'commander', 'yaml', 'zod'];

const config: UserConfig = defineConfig({
  entry: {
    main: 'src/main.ts',
    'bcrypt-worker': 'src/auth/bcrypt/bcrypt-worker.ts',
    'load-worker': 'src/gateway/load-worker.ts',
    'portal/index': 'src/portal/index.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node24',
  dts: { entry: ['src/portal/index.ts'] },
  outExtensions: () => ({ js: '.js', dts: '.d.ts' }),
  sourcemap: true,
  deps: { onlyBundle: bundled },
  plugins: [bundledLicenses()],
});
export default config;
