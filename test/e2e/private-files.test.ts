// `start` rejects files that other users may read, change or replace, and `validate` reports them
// beforehand.
import assert from 'node:assert/strict';
import { chmod, chown, lchown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test, type TestContext } from 'node:test';
import { createCredential } from '../../src/portal/identity.ts';
import { privateKeyFile, tlsFile } from '../helpers/certificates.ts';
import { runCli, startCli, temporaryDirectory } from '../helpers/cli.ts';
import { markedKey } from '../secrecy/marks.ts';

const asRoot = process.getuid?.() === 0 ? false : 'needs root, to give files to other users';
const relay = 'portal: { relay_url: "ws://127.0.0.1:9/relay" }';

interface Place {
  readonly root: string;
  readonly state: string;
}

/** Creates root/gateway.yaml, and root/state/portal-gateway with an identity. */
async function placeWith(t: TestContext, yaml: string): Promise<Place> {
  const root = await temporaryDirectory(t);
  const state = join(root, 'state');
  await mkdir(join(state, 'portal-gateway'), { recursive: true });
  await writeFile(join(state, 'portal-gateway/identity.pem'), createCredential().exportPem(), { mode: 0o600 });
  await writeFile(join(root, 'gateway.yaml'), yaml);
  return { root, state };
}

const environmentOf = ({ state }: Place): Record<string, string> => ({
  XDG_STATE_HOME: state,
  GATEWAY_API_KEY: markedKey('test'),
});

async function bothRefuse(t: TestContext, place: Place, says: RegExp): Promise<void> {
  const config = ['--config', join(place.root, 'gateway.yaml')];
  const validated = await runCli(t, ['validate', ...config], environmentOf(place));
  assert.equal(validated.code, 1, validated.stderr);
  assert.match(validated.stdout, says);
  const started = await runCli(t, ['start', ...config, '--port', '0'], environmentOf(place));
  assert.equal(started.code, 1);
  assert.match(started.stderr, says);
}

describe('validate and start reject', () => {
  const cases: readonly (readonly [
    what: string,
    yaml: string,
    prepare: (place: Place) => Promise<unknown>,
    says: RegExp,
  ])[] = [
    [
      'a state directory that every user may write',
      relay,
      ({ state }) => chmod(join(state, 'portal-gateway'), 0o777),
      /identity.*every user of this machine may write to the directory ".*portal-gateway", and so replace it: run "chmod go-w/,
    ],
    [
      'a directory above it that a group may write',
      relay,
      async ({ state }) => {
        await chmod(state, 0o775);
        if (process.getuid?.() === 0) await chown(state, 0, 54_321);
      },
      /identity.*the users of its group may write to the directory ".*state"/,
    ],
    [
      'an identity that a group may read',
      relay,
      ({ state }) => chmod(join(state, 'portal-gateway/identity.pem'), 0o640),
      /identity.*the users of its group may use it: run "chmod 600/,
    ],
    [
      'a quota file that every user may write',
      `portal: { identity: "file:state/portal-gateway/identity.pem", relay_url: "ws://127.0.0.1:9/relay" }\nquotas: { daily: { "*": { requests: 1 } } }`,
      ({ state }) =>
        writeFile(join(state, 'portal-gateway/quotas.jsonl'), '').then(() =>
          chmod(join(state, 'portal-gateway/quotas.jsonl'), 0o666),
        ),
      /quotas.*every user of this machine may change it/,
    ],
    [
      'a file of lease names that every user may write',
      'portal: { name_binding: strict, relay_url: "ws://127.0.0.1:9/relay" }',
      ({ state }) =>
        writeFile(join(state, 'portal-gateway/lease-names.jsonl'), '').then(() =>
          chmod(join(state, 'portal-gateway/lease-names.jsonl'), 0o606),
        ),
      /lease-names.*every user of this machine may change it/,
    ],
    [
      'signing keys that a group may read',
      `${relay}\ngateway: { public_url: "https://gateway.example.com" }\nauth: { assertion: { enabled: true } }`,
      ({ state }) =>
        writeFile(join(state, 'portal-gateway/assertion-keys.json'), '{}').then(() =>
          chmod(join(state, 'portal-gateway/assertion-keys.json'), 0o640),
        ),
      /assertion keys.*the users of its group may use it/,
    ],
    [
      'a keys file in a directory that every user may write',
      `${relay}\nauth: { keys_file: shared/keys.yaml }`,
      async ({ root }) => {
        await mkdir(join(root, 'shared'));
        await writeFile(join(root, 'shared/keys.yaml'), 'version: 1\nkeys: []\n', { mode: 0o600 });
        await chmod(join(root, 'shared'), 0o777);
      },
      /the keys file is refused: every user of this machine may write to the directory ".*shared"/,
    ],
    [
      'a TLS private key that every user may read',
      `${relay}\ntls: { enabled: true, cert_file: ${tlsFile('cert.pem')}, key_file: key.pem }`,
      async ({ root }) => chmod(await privateKeyFile(root, 'key.pem'), 0o644),
      /tls\.key_file is in ".*key\.pem", but every user of this machine may use it/,
    ],
    [
      'a certificate with a key of 1024 bits',
      `${relay}\ntls: { enabled: true, cert_file: ${tlsFile('weak-cert.pem')}, key_file: weak-key.pem }`,
      ({ root }) => privateKeyFile(root, 'weak-key.pem'),
      /tls\.cert_file names a certificate that cannot be served: OpenSSL reports ee key too small/,
    ],
  ];
  for (const [what, yaml, prepare, says] of cases) {
    test(what, async (t) => {
      const place = await placeWith(t, yaml);
      await prepare(place);
      await bothRefuse(t, place, says);
    });
  }

  test('a file of another user', { skip: asRoot }, async (t) => {
    const place = await placeWith(t, relay);
    await chown(join(place.state, 'portal-gateway/identity.pem'), 1234, 1234);
    await bothRefuse(t, place, /identity.*it belongs to user 1234, not to root: run "chown 0 /);
  });

  test('a directory of another user', { skip: asRoot }, async (t) => {
    const place = await placeWith(t, relay);
    await chown(join(place.state, 'portal-gateway'), 1234, 1234);
    await bothRefuse(t, place, /identity.*the directory ".*portal-gateway" belongs to user 1234/);
  });
});

test('warns about key digests that others may write, and the gateway runs without them', async (t) => {
  const identity = createCredential().exportPem();
  const place = await placeWith(t, 'portal: { identity: "file:identity.pem", relay_url: "ws://127.0.0.1:9/relay" }');
  await writeFile(join(place.root, 'identity.pem'), identity, { mode: 0o600 });
  await writeFile(join(place.state, 'portal-gateway/key-digests.secret'), 'x', { mode: 0o600 });
  await chmod(place.state, 0o777);
  const config = ['--config', join(place.root, 'gateway.yaml')];
  const { code, stderr } = await runCli(t, ['validate', ...config], environmentOf(place));
  assert.equal(code, 0);
  assert.match(stderr, /warning: the key digest file .* every user of this machine may write to the directory/);
  const gateway = startCli(t, ['start', ...config, '--port', '0'], environmentOf(place));
  await gateway.line(/cannot read the digests of verified keys.*/);
  await gateway.line(/"message":"listening"/);
});

test('accepts a volume as Kubernetes mounts it for a non-root user', { skip: asRoot }, async (t) => {
  const [uid, fsGroup] = [54_321, 54_322];
  const root = await temporaryDirectory(t);
  await chmod(root, 0o755);
  // A Kubernetes Secret: a sticky tmpfs, symlinks, files owned by root and readable by the group.
  const secret = join(root, 'secret');
  await mkdir(join(secret, '..2026'), { recursive: true });
  for (const [name, text] of [
    ['identity.pem', createCredential().exportPem()],
    ['key', markedKey('test')],
  ] as const) {
    await writeFile(join(secret, '..2026', name), text, { mode: 0o440 });
    await chown(join(secret, '..2026', name), 0, fsGroup);
    await symlink(`..data/${name}`, join(secret, name));
  }
  await symlink('..2026', join(secret, '..data'));
  await lchown(join(secret, '..data'), 0, fsGroup);
  await chown(secret, 0, fsGroup);
  await chmod(secret, 0o3777);
  // A persistent volume: owned by root and writable by the group.
  const state = join(root, 'state');
  await mkdir(state);
  await chown(state, 0, fsGroup);
  await chmod(state, 0o2775);
  await writeFile(
    join(root, 'gateway.yaml'),
    'portal: { identity: "file:secret/identity.pem", relay_url: "ws://127.0.0.1:9/relay" }\nauth: { keys: [{ id: a, key: "file:secret/key" }] }\nlease_acl: { "*": [a] }\nquotas: { daily: { "*": { requests: 1 } } }\n',
  );
  const args = ['start', '--config', join(root, 'gateway.yaml'), '--port', '0'];
  const gateway = startCli(t, args, { XDG_STATE_HOME: state }, '', { uid, gid: fsGroup });
  await gateway.line(/"message":"listening"/);
  assert.doesNotMatch(gateway.stdout(), /refused|"level":"error"/);
});
