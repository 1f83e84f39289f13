// Runs after `npm install` in a clone and before `npm install -g .` links it: builds dist/, so that
// the command works at once. Plain JavaScript, because it must also run on old versions of Node.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

const oldestMajor = 24; // package.json, engines
const bundler = 'node_modules/tsdown/dist/run.mjs';
/** Set for the installation below, which would otherwise start this script again. */
const nested = 'PORTAL_GATEWAY_PREPARING';

/** npm exports lists as one text; `include` overrides `omit`. */
const { npm_config_omit: omitted = '', npm_config_include: included = '' } = process.env;

if (process.env[nested] === undefined) {
  if (omitted.includes('dev') && !included.includes('dev'))
    process.stderr.write(
      'portal-gateway: dist/ is not built, because npm omits development dependencies (omit=dev): to build it, run `npm ci --include=dev`\n',
    );
  else prepare();
}

function prepare() {
  if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
    process.stderr.write(
      `portal-gateway needs Node ${oldestMajor} or newer to build, but this is ${process.version}: install a newer one from https://nodejs.org, or use \`make run\`, which fetches one of its own\n`,
    );
    process.exitCode = 1;
    return;
  }
  // `npm install -g .` links the folder without installing what the build needs.
  if (!existsSync(bundler)) {
    process.stderr.write('portal-gateway: installing dependencies, about a minute\n');
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  process.stderr.write('portal-gateway: building dist/, a few seconds\n');
  run(process.execPath, [bundler, '--logLevel', 'warn']);
}

function run(command, args) {
  // npm is a .cmd file on Windows, which only a shell can start.
  const shell = process.platform === 'win32' && command === 'npm';
  // `npm install -g` sets these for its children, and an npm below would heed them.
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_config_(?:global|location)$/i.test(name));
  const env = { ...Object.fromEntries(inherited), [nested]: '1' };
  try {
    execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env, shell });
  } catch {
    process.stderr.write('portal-gateway: the package could not be built; the lines above say why\n');
    process.exit(1);
  }
}
