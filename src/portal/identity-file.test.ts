import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { tempDirectory } from '../../test/helpers/temp-directory.ts';
import { PortalError } from './errors.ts';
import { createCredential } from './identity.ts';
import { loadIdentity, loadOrCreateIdentity } from './identity-file.ts';

const run = promisify(execFile);

async function identityPath(test: TestContext): Promise<string> {
  return join(await tempDirectory(test), 'identity.pem');
}

/** Expects one line that names the path and does not reveal the file's content. */
function fileFault(path: string, says: RegExp, secret = 'PRIVATE KEY'): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof PortalError && error.code === 'identity_file', String(error));
    assert.match(error.message, says);
    assert.ok(error.message.includes(path) && !error.message.includes('\n'));
    assert.ok(!error.message.includes(secret) && !String(error.cause).includes(secret));
    return true;
  };
}

describe('loadOrCreateIdentity', () => {
  it('creates a file private to its owner, in private directories, and loads it from then on', async (test) => {
    const root = await tempDirectory(test);
    const path = join(root, 'state', 'deep', 'identity.pem');
    const created = await loadOrCreateIdentity(path);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    for (const directory of ['state', 'state/deep']) {
      assert.equal((await stat(join(root, directory))).mode & 0o777, 0o700);
    }
    assert.equal((await loadOrCreateIdentity(path)).id, created.id);
    assert.equal((await loadIdentity(path)).id, created.id);
    assert.match(await readFile(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----\n/);
    assert.deepEqual(await readdir(join(root, 'state', 'deep')), ['identity.pem']);
  });

  it('gives one identity to concurrent callers', async (test) => {
    const path = await identityPath(test);
    const racers = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateIdentity(path)));
    assert.equal(new Set(racers.map(({ id }) => id)).size, 1);
    assert.equal((await loadIdentity(path)).id, racers[0]?.id);
  });

  it('gives one identity to concurrent processes', async (test) => {
    const path = await identityPath(test);
    const script = `
      import { loadOrCreateIdentity } from ${JSON.stringify(new URL('./identity-file.ts', import.meta.url).href)};
      console.log((await loadOrCreateIdentity(${JSON.stringify(path)})).id);`;
    const args = ['--no-warnings', '--input-type=module', '-e', script];
    const racers = await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, args)));
    assert.deepEqual([...new Set(racers.map(({ stdout }) => stdout.trim()))], [(await loadIdentity(path)).id]);
  });

  it('follows symbolic links, also to a file that does not exist yet', async (test) => {
    const root = await tempDirectory(test);
    await symlink('..data/identity.pem', join(root, 'identity.pem'));
    const created = await loadOrCreateIdentity(join(root, 'identity.pem'));
    assert.equal((await loadIdentity(join(root, '..data', 'identity.pem'))).id, created.id);
    assert.equal((await loadOrCreateIdentity(join(root, 'identity.pem'))).id, created.id);
  });

  it('never replaces a file that it cannot load', async (test) => {
    const path = await identityPath(test);
    await writeFile(path, 'precious', { mode: 0o600 });
    await assert.rejects(loadOrCreateIdentity(path), fileFault(path, /restore the file/, 'precious'));
    assert.equal(await readFile(path, 'utf8'), 'precious');
  });

  it('reports why it could not create the file', async (test) => {
    const path = join(await identityPath(test), 'identity.pem');
    await writeFile(join(path, '..'), 'a file where a directory should be');
    await assert.rejects(loadOrCreateIdentity(path), (error: PortalError) => {
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ENOTDIR');
      return fileFault(path, /could not be/)(error);
    });
  });
});

describe('loadIdentity', () => {
  it('reports what to do if there is no file', async (test) => {
    const path = await identityPath(test);
    await assert.rejects(loadIdentity(path), (error: PortalError) => {
      assert.equal((error.cause as NodeJS.ErrnoException).code, 'ENOENT');
      return fileFault(path, /identity --new/)(error);
    });
  });

  for (const mode of [0o644, 0o640, 0o604, 0o660, 0o602, 0o601]) {
    it(`rejects a file of mode ${mode.toString(8)}`, async (test) => {
      const path = await identityPath(test);
      await writeFile(path, createCredential().exportPem());
      await chmod(path, mode);
      await assert.rejects(loadIdentity(path), fileFault(path, /chmod 600/));
    });
  }

  it('accepts a file that only its owner may read', async (test) => {
    const path = await identityPath(test);
    const credential = createCredential();
    await writeFile(path, credential.exportPem());
    await chmod(path, 0o400);
    assert.equal((await loadIdentity(path)).id, credential.id);
  });

  it('rejects a directory', async (test) => {
    const path = await tempDirectory(test);
    await assert.rejects(loadIdentity(path), fileFault(path, /is a directory/));
  });

  it('rejects a pipe at once', async (test) => {
    const path = await identityPath(test);
    await run('mkfifo', ['-m', '600', path]);
    await assert.rejects(loadIdentity(path), fileFault(path, /not a regular file/));
  });

  it('rejects links in a loop', async (test) => {
    const path = await identityPath(test);
    await symlink('identity.pem', path);
    await assert.rejects(loadOrCreateIdentity(path), fileFault(path, /circular/));
  });

  const pem = createCredential().exportPem();
  const base64 = pem.split('\n')[1] ?? '';
  const contents: Record<string, string> = {
    'an empty file': '',
    'a truncated file': pem.slice(0, 60),
    garbage: base64.repeat(3),
    'a key of another type': generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
    'a public key': generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }),
    'an encrypted key': generateKeyPairSync('ed25519').privateKey.export({
      format: 'pem',
      type: 'pkcs8',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    }),
    'a file that is much too long': base64.repeat(1000),
  };
  for (const [what, content] of Object.entries(contents)) {
    it(`rejects ${what} and repeats none of its content`, async (test) => {
      const path = await identityPath(test);
      await writeFile(path, content, { mode: 0o600 });
      await assert.rejects(loadIdentity(path), fileFault(path, /identity file/, base64));
    });
  }

  it('accepts a key with a comment before it', async (test) => {
    const path = await identityPath(test);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, `the gateway's identity\n${pem}`, { mode: 0o600 });
    await loadIdentity(path);
  });
});
