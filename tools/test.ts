// Runs the tests, enforces the coverage thresholds, searches all output for secrets and prints the
// closing line that CI reads. Replaces a bare `node --test`, whose exit code hides skipped tests
// and their reasons: CI must fail on a skip.
import { glob, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve as resolvePath } from 'node:path';
import process from 'node:process';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { findSecrets } from '../test/secrecy/find-secrets.ts';
import { directoryVariable, recorder } from '../test/secrecy/recorded-output.ts';

const thresholds = [
  { room: 'src/portal/', linesPercent: 90 },
  { room: 'src/relay/', linesPercent: 90 },
];

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    soak: { type: 'boolean', default: false },
    integration: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

/**
 * Authentication, proxying, limits and errors through real components: a quick check of the request
 * path.
 */
const integration = [
  'access*',
  'address-rules',
  'admission',
  'cors',
  'gateway-*',
  'lease-*',
  'quotas',
  'request-*',
  'shared-limits',
  'shares',
  'tunnel',
].map((name) => `test/e2e/${name}.test.ts`);

async function testFiles(): Promise<string[]> {
  if (positionals.length > 0) return positionals;
  const all = ['src/**/*.test.ts', 'test/**/*.test.ts'];
  const patterns = flags.soak ? ['test/soak/**/*.test.ts'] : flags.integration ? integration : all;
  const files: string[] = [];
  for await (const file of glob(patterns, { exclude: flags.soak ? [] : ['test/soak/**'] })) files.push(file);
  return files.sort();
}

// Hundreds of processes compile the same modules: that is a quarter of the time of all tests.
process.env['NODE_COMPILE_CACHE'] ??= resolvePath('node_modules/.cache/compiled');

/** Stored on disk, because the output of all tests and their processes is too large for memory. */
const outputDirectory = await mkdtemp(join(tmpdir(), 'portal-gateway-output-'));
process.env[directoryVariable] = outputDirectory;
const recorders = new Map<string, (text: string) => void>();

function record(file: string | undefined, stream: 'stdout' | 'stderr', text: string): void {
  const test = relative(process.cwd(), file ?? '');
  const name = `${test} ${stream}`;
  const write = recorders.get(name) ?? recorder({ test, stream });
  recorders.set(name, write);
  write(text);
}

const withCoverage = flags.coverage && !flags.soak && !flags.integration && positionals.length === 0;
/**
 * Coverage costs each process a third of its time, so it is measured only where thresholds apply.
 */
const covering = /^(?:src\/(?:portal|relay)|test\/(?:interop|contract))\//;
const counts = { passed: 0, failed: 0, skipped: 0 };
const skips: string[] = [];
const findings: string[] = [];

const reporter = new spec();
reporter.pipe(process.stdout);

async function runFiles(files: string[], counted: boolean): Promise<void> {
  if (files.length === 0) return;
  const stream = run({
    files,
    // Most files wait for processes and timers part of their time.
    concurrency: availableParallelism() + 1,
    timeout: flags.soak ? 600_000 : 120_000,
    ...(counted && {
      coverage: true,
      coverageIncludeGlobs: ['src/**/*.ts'],
      coverageExcludeGlobs: ['src/**/*.test.ts', 'src/**/gen/**'],
    }),
  });
  stream.on('test:pass', (event) => {
    if (event.details.type === 'suite') return;
    if (event.skip !== undefined) {
      counts.skipped += 1;
      skips.push(`${event.name}: ${typeof event.skip === 'string' ? event.skip : 'no reason given'}`);
    } else counts.passed += 1;
  });
  stream.on('test:fail', (event) => {
    if (event.details.type !== 'suite') counts.failed += 1;
  });
  stream.on('test:stdout', ({ file, message }) => {
    record(file, 'stdout', message);
  });
  stream.on('test:stderr', ({ file, message }) => {
    record(file, 'stderr', message);
  });
  stream.on('test:coverage', ({ summary }) => {
    for (const { room, linesPercent } of thresholds) {
      const covered = summary.files.filter((file) => file.path.includes(`/${room}`));
      const lines = covered.reduce((sum, file) => sum + file.coveredLineCount, 0);
      const total = covered.reduce((sum, file) => sum + file.totalLineCount, 0);
      const percent = total === 0 ? 0 : (100 * lines) / total;
      const line = `coverage of ${room}: ${percent.toFixed(1)} % of lines (at least ${linesPercent} %)`;
      console.log(line);
      if (percent < linesPercent) findings.push(line);
    }
  });
  // Drops the reporter's coverage table of every file, which is longer than the rest of the report.
  stream.on('data', (event: { type: string }) => {
    if (event.type !== 'test:coverage' && event.type !== 'test:summary') reporter.write(event);
  });
  await new Promise((resolve) => stream.on('close', resolve));
}

const files = await testFiles();
const counted = withCoverage ? files.filter((file) => covering.test(file)) : [];
await runFiles(counted, true);
await runFiles(
  files.filter((file) => !counted.includes(file)),
  false,
);
reporter.end();

const secrets = await findSecrets(outputDirectory);
findings.push(...secrets.map((secret) => `a secret was written: ${secret}`));
if (secrets.length === 0) await rm(outputDirectory, { recursive: true });

// Whatever can be installed must be present in CI; recordings stored outside the repository may be
// missing anywhere.
const installable = skips.filter((skip) => skip.includes('install'));
if (process.env['CI'] === 'true' && installable.length > 0)
  findings.push(`${installable.length} skipped for want of something to install, which CI does not accept`);
for (const skip of skips) console.log(`SKIPPED ${skip}`);
for (const finding of findings) console.log(`FAULT ${finding}`);
console.log(
  `${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = counts.failed > 0 || findings.length > 0 || counts.passed === 0 ? 1 : 0;
