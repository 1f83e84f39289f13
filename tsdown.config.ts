import { defineConfig, type UserConfig } from 'tsdown';

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
});
export default config;
