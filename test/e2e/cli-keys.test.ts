// `keys` as users run it beside a running gateway: changes apply from the next request on.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { compareSync } from 'bcryptjs';
import { keyFormOf } from '../../src/auth/api-key.ts';
import { openKeyDigests } from '../../src/keys/key-digests-file.ts';
import { runCli, startCli, temporaryDirectory, type CliProcess, type CliResult } from '../helpers/cli.ts';

interface Place {
  readonly directory: string;
  readonly file: string;
  readonly config: string;
  /** Runs `keys …` on the file. */
  readonly keys: (...args: string[]) => Promise<CliResult>;
  /** Runs such a command and returns the key that it prints. */
  readonly made: (...args: string[]) => Promise<string>;
}

/** The lowest accepted cost, because these tests do not measure bcrypt. */
const cost = ['--cost', '10'];

async function place(t: TestContext): Promise<Place> {
  const directory = await temporaryDirectory(t);
  const file = join(directory, 'keys.yaml');
  const config = join(directory, 'gateway.yaml');
  await writeFile(config, 'auth: { keys_file: keys.yaml }\nlease_acl: { "*": ["*"] }\n', { mode: 0o600 });
  const keys = (...args: string[]): Promise<CliResult> => runCli(t, ['keys', ...args, '--file', file], {});
  let made = 0;
  return {
    ...{ directory, file, config, keys },
    made: async (...args) => {
      made += 1;
      const out = join(directory, `${made}.key`);
      const result = await keys(...args, ...cost, '--out', out);
      assert.equal(result.code, 0, result.stderr);
      const key = (await readFile(out, 'utf8')).trimEnd();
      assert.equal((await stat(out)).mode & 0o777, 0o600);
      assert.ok(!(result.stdout + result.stderr).includes(key), 'the key is only in the file');
      return key;
    },
  };
}

interface Running {
  readonly cli: CliProcess;
  readonly status: (key: string) => Promise<number | undefined>;
  /** Resolves with the next reload after this call. */
  readonly reload: (pattern?: RegExp) => Promise<unknown>;
}

async function running(t: TestContext, { config, directory }: Place): Promise<Running> {
  const relay = ['--relay', 'ws://127.0.0.1:1/relay'];
  const cli = startCli(t, ['start', '--config', config, '--port', '0', ...relay], { XDG_STATE_HOME: directory });
  const [, url = ''] = await cli.line(/"url":"(http:[^"]+)".*"message":"listening"/);
  return {
    cli,
    status: async (key) => {
      const request = httpRequest(new URL('/peer/app/', url), { agent: false, headers: { 'x-api-key': key } });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    },
    reload: (pattern = /"message":"keys reloaded"/) => {
      const before = cli.stdout().length;
      return cli.line(new RegExp(`(?<=^[^]{${before},})${pattern.source}`));
    },
  };
}

/** Status of a request that passes authentication: there is no relay. */
const admitted = 503;

test('changes by keys commands apply to the next request, and the gateway records the use of keys', async (t) => {
  const here = await place(t);
  const first = await here.made('create', 'first');
  const gateway = await running(t, here);
  assert.equal(await gateway.status(first), admitted);

  let reload = gateway.reload();
  const second = await here.made('create', 'second');
  await reload;
  assert.deepEqual([await gateway.status(first), await gateway.status(second)], [admitted, admitted]);

  reload = gateway.reload();
  assert.equal((await here.keys('revoke', 'first')).code, 0);
  await reload;
  assert.deepEqual([await gateway.status(first), await gateway.status(second)], [401, admitted]);

  reload = gateway.reload();
  const third = await here.made('rotate', 'second', '--grace', '1h');
  await reload;
  assert.deepEqual([await gateway.status(second), await gateway.status(third)], [admitted, admitted]);
  reload = gateway.reload();
  const fourth = await here.made('rotate', 'second', '--grace', '0s');
  await reload;
  assert.deepEqual(
    [await gateway.status(second), await gateway.status(third), await gateway.status(fourth)],
    [401, 401, admitted],
  );

  // An invalid keys file does not remove any key.
  reload = gateway.reload(/"message":"keys rejected; the current ones stay in use"/);
  await writeFile(here.file, 'keys: many\n');
  await reload;
  assert.equal(await gateway.status(fourth), admitted);

  gateway.cli.child.kill('SIGTERM');
  assert.equal(await gateway.cli.exited, 0);
  const used = JSON.parse(await readFile(`${here.file}.used`, 'utf8')) as Record<string, string>;
  assert.deepEqual(Object.keys(used), ['second']);
  const output = gateway.cli.stdout() + gateway.cli.stderr();
  for (const key of [first, second, third, fourth]) assert.ok(!output.includes(key.slice(24)));
});

test('keys create and list: a key of the format in the contract, its permissions, and its hash', async (t) => {
  const here = await place(t);
  const key = await here.made(
    ...['create', 'billing-bot', '--test', '--description', 'The bot', '--scope', 'read', '--scope', 'mcp'],
    ...['--allow', '10.0.0.0/8', '--expires', '2035-12-31T23:59:59Z', '--not-before', '2020-01-01T00:00:00Z'],
  );
  assert.equal(keyFormOf(key), 'ours');
  assert.ok(key.startsWith('sk_test_'));
  assert.equal((await stat(here.file)).mode & 0o777, 0o600);
  const [, hash = ''] = /key_hash: (\S+)/.exec(await readFile(here.file, 'utf8')) ?? [];
  assert.ok(compareSync(key, hash));

  await writeFile(`${here.file}.used`, '{"billing-bot":"2030-01-01T00:00:00.000Z"}');
  const { code, stdout } = await here.keys('list', '--json');
  assert.equal(code, 0);
  const [row = {}] = JSON.parse(stdout) as Record<string, unknown>[];
  assert.ok(Math.abs(Date.now() - Date.parse(String(row['created_at']))) < 60_000);
  delete row['created_at'];
  assert.deepEqual(row, {
    ...{ id: 'billing-bot', state: 'active', key_prefix: key.slice(0, 24), description: 'The bot' },
    ...{ scopes: ['read', 'mcp'], allowed_cidrs: ['10.0.0.0/8'], not_before: '2020-01-01T00:00:00Z' },
    ...{ expires_at: '2035-12-31T23:59:59Z', previous: [], last_used: '2030-01-01T00:00:00.000Z' },
  });
  const table = await here.keys('list');
  assert.match(table.stdout, /^ID +STATE +PREFIX[^]*^billing-bot +active +sk_test_\w{16} +read mcp /m);

  const validated = await runCli(t, ['validate', '--config', here.config], {});
  assert.match(validated.stdout, /is valid: 1 key,/);
});

test('concurrent writers lose no key', async (t) => {
  const here = await place(t);
  const ids = ['a', 'b', 'c', 'd'];
  const results = await Promise.all(ids.map((id) => here.keys('create', id, ...cost, '--out', '-')));
  assert.deepEqual(
    results.map(({ code, stderr }) => (code === 0 ? 0 : stderr)),
    ids.map(() => 0),
  );
  const { stdout } = await here.keys('list', '--json');
  const listed = (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(listed.sort(), ids);
  assert.deepEqual((await readdir(here.directory)).sort(), ['gateway.yaml', 'keys.yaml']);
});

test('keys hash: an entry for a key of ours or an imported one', async (t) => {
  const { made } = await place(t);
  const key = await made('create', 'bot');
  const hash = async (input: string): Promise<CliResult> => {
    const cli = startCli(t, ['keys', 'hash', '--id', 'bot', '--json', ...cost], {}, input);
    return { code: await cli.exited, stdout: cli.stdout(), stderr: cli.stderr() };
  };
  for (const [input, prefix] of [
    [key, key.slice(0, 24)],
    ['a-key-that-was-made-elsewhere', 'a-key-th'],
    ['short', undefined],
  ] as const) {
    const { stdout, code } = await hash(`${input}\n`);
    assert.equal(code, 0);
    const entry = JSON.parse(stdout) as { id: string; key_hash: string; key_prefix?: string };
    assert.deepEqual([entry.id, entry.key_prefix], ['bot', prefix]);
    assert.ok(compareSync(input, entry.key_hash));
  }
  for (const [input, message] of [
    ['', /there is no key on stdin/],
    ['two words', /not a key: it must be one line/],
    ['x'.repeat(73), /longer than 72 bytes/],
    [`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`, /mistyped/],
  ] as const) {
    const { stdout, stderr, code } = await hash(input);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split('\n').length, 1);
    assert.ok(input === '' || !stderr.includes(input));
  }
});

test('recognises a verified key after a restart by its digest in the state directory, private to its owner', async (t) => {
  const here = await place(t);
  const key = await here.made('create', 'first');
  const gateway = await running(t, here);
  assert.equal(await gateway.status(key), admitted);
  gateway.cli.child.kill('SIGTERM');
  assert.equal(await gateway.cli.exited, 0);
  const file = join(here.directory, 'portal-gateway', 'key-digests');
  const [, hash = ''] = /key_hash: (\S+)/.exec(await readFile(here.file, 'utf8')) ?? [];
  const kept = await openKeyDigests(file, () => undefined);
  assert.equal(kept.digests.has(hash, key), true);
  for (const name of [file, `${file}.secret`]) assert.equal((await stat(name)).mode & 0o777, 0o600);
});

test('bad input: one line, the exit code of the contract, and no change', async (t) => {
  const here = await place(t);
  await here.made('create', 'bot');
  const before = await readFile(here.file, 'utf8');
  const taken = join(here.directory, '1.key');
  const cases: [readonly string[], 1 | 2, RegExp][] = [
    [['create', 'bot', ...cost, '--out', '-'], 1, /the key "bot" already exists/],
    [['create', 'new'], 2, /stdout is not a terminal.*--out FILE/],
    [['create', 'new', ...cost, '--out', taken], 1, /the file exists; name a new one/],
    [['create', 'a:b', '--out', '-'], 2, /An id has 1 to 64/],
    [['create', 'new', '--out', '-', '--expires', 'soon'], 2, /A time is written as/],
    [['create', 'new', '--out', '-', '--cost', '4'], 2, /from 10 to 14/],
    [['create', 'new', ...cost, '--out', '-', '--allow', 'here'], 1, /allowed_cidrs\[0\] must be/],
    [['rotate', 'new', ...cost, '--out', '-'], 1, /there is no key "new"/],
    [['rotate', 'bot', '--out', '-', '--grace', '-1s'], 2, /A grace period is a duration/],
    [['revoke', 'new'], 1, /there is no key "new"/],
  ];
  for (const [args, code, message] of cases) {
    const result = await here.keys(...args);
    assert.deepEqual([result.code, result.stdout], [code, ''], args.join(' '));
    assert.match(result.stderr, message);
    assert.equal(result.stderr.trim().split('\n').length, 1);
  }
  const nowhere = await runCli(t, ['keys', 'list'], {});
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /no keys file is configured/);
  assert.equal(await readFile(here.file, 'utf8'), before);
});

test('create --out says where the key is, and what to do next; the command it prints works in a shell', async (t) => {
  const { directory, keys } = await place(t);
  const out = join(directory, "it's a key");
  const { code, stdout, stderr } = await keys('create', 'bot', ...cost, '--out', out);
  assert.deepEqual([code, stdout], [0, '']);
  const [added = '', where, next, call = ''] = stderr.trimEnd().split('\n');
  assert.match(added, /^Added the key "bot" to .*keys\.yaml\.$/);
  assert.equal(where, `The key is in ${out}, which only you can read.`);
  assert.equal(next, 'Next: let it call a lease, as in lease_acl: { my-app: [bot] }');
  const [, command = ''] = /^then: curl (.*) http:\/\/127\.0\.0\.1:8080\/peer\/my-app\/$/.exec(call) ?? [];
  const shown = await promisify(execFile)('sh', ['-c', `printf '%s ' ${command}`]);
  assert.equal(shown.stdout, `-H Authorization: Bearer ${(await readFile(out, 'utf8')).trimEnd()} `);
});

test('create and rotate print their result as JSON on stdout, with the key if it is in no file', async (t) => {
  const { directory, keys } = await place(t);
  for (const command of ['create', 'rotate']) {
    const file = join(directory, `${command}.key`);
    for (const [id, out] of [
      ['filed', file],
      ['shown', '-'],
    ] as const) {
      const { code, stdout, stderr } = await keys(command, id, ...cost, '--json', '--out', out);
      assert.deepEqual([code, stderr], [0, '']);
      const result = JSON.parse(stdout) as { readonly key: string | null; readonly key_prefix: string };
      if (out === file) assert.equal(result.key, null);
      const key = result.key ?? (await readFile(file, 'utf8')).trimEnd();
      assert.match(key, /^sk_live_\w{48}$/);
      assert.ok(key.startsWith(result.key_prefix));
    }
  }
});

test('revoke prints its result as JSON', async (t) => {
  const { keys, made } = await place(t);
  await made('create', 'bot');
  const { code, stdout, stderr } = await keys('revoke', 'bot', '--json');
  assert.deepEqual([code, JSON.parse(stdout), stderr], [0, { id: 'bot', revoked: true }, '']);
});

test('a mistyped id gets the nearest one', async (t) => {
  const { keys, made } = await place(t);
  await made('create', 'billing-bot');
  for (const command of ['revoke', 'rotate']) {
    const { code, stderr } = await keys(command, 'biling-bot', ...(command === 'rotate' ? ['--out', '-'] : []));
    assert.equal(code, 1);
    assert.match(stderr, /there is no key "biling-bot" in the keys file; did you mean "billing-bot"\?/);
  }
});
