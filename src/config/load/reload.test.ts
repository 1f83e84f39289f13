// Changes real files and checks which changes are noticed, and as what.
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { file, port, watching, withPort } from '../../../test/helpers/config-watching.ts';
import { findingLine } from '../source/origin.ts';

/**
 * Mimics Kubernetes: all files of a volume are below `..data`, a link that is swapped in one step
 * (AtomicWriter).
 */
async function mount(volume: string, version: number, files: Readonly<Record<string, string>>): Promise<void> {
  const real = join(volume, `..2026_${version}`);
  await mkdir(real, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(real, name), text, { mode: 0o600 });
    await symlink(`..data/${name}`, join(volume, name)).catch(() => undefined);
  }
  await symlink(`..2026_${version}`, join(volume, '..data_tmp'));
  await rename(join(volume, '..data_tmp'), join(volume, '..data'));
  await rm(join(volume, `..2026_${version - 1}`), { recursive: true, force: true });
}

describe('a load is triggered by', () => {
  test('SIGHUP, whether files have changed or not', async (t) => {
    const { signals, next, loads } = await watching(t, withPort(1));
    signals.emit('SIGHUP');
    assert.equal((await next()).reason, 'signal');
    signals.emit('SIGHUP');
    await next();
    assert.equal(loads(), 2);
  });

  test('a call of reload(), which waits until the result is applied', async (t) => {
    const { directory, watch, next } = await watching(t, withPort(1));
    await withPort(2)(directory);
    await watch.reload();
    const { result } = await next();
    assert.ok(result.ok);
    assert.equal(result.config.gateway.port, 2);
  });

  test('a plain write', async (t) => {
    const { directory, untilPort } = await watching(t, withPort(1));
    await withPort(2)(directory);
    assert.equal((await untilPort(2)).reason, 'file');
    await withPort(3)(directory);
    await untilPort(3);
  });

  test('a rename over the file, as most programs write', async (t) => {
    const { directory, untilPort } = await watching(t, withPort(1));
    for (const number of [2, 3]) {
      await writeFile(join(directory, 'conf/.gateway.yaml.swp'), port(number));
      await rename(join(directory, 'conf/.gateway.yaml.swp'), file(directory));
      await untilPort(number);
    }
  });

  test('an editor that moves the old file away first', async (t) => {
    const { directory, untilPort } = await watching(t, withPort(1));
    await rename(file(directory), `${file(directory)}~`);
    await withPort(2)(directory);
    await unlink(`${file(directory)}~`);
    await untilPort(2);
  });

  test('Kubernetes swapping a ConfigMap, repeatedly', async (t) => {
    const volume = (directory: string): string => join(directory, 'conf');
    const { directory, untilPort } = await watching(t, (place) => mount(volume(place), 1, { 'gateway.yaml': port(1) }));
    for (const version of [2, 3, 4]) {
      await mount(volume(directory), version, { 'gateway.yaml': port(version) });
      await untilPort(version);
    }
  });

  test('a change of a secret in another directory, also one swapped by Kubernetes', async (t) => {
    const { directory, next } = await watching(t, async (place) => {
      await mount(join(place, 'secrets'), 1, { key: 'key-1' });
      await writeFile(join(place, 'plain'), 'key-a', { mode: 0o600 });
      const keys = '{ id: a, key: "file:../plain" }, { id: b, key: "file:../secrets/key" }';
      await writeFile(file(place), `auth: { keys: [${keys}] }`);
    });
    const keys = async (): Promise<string[]> => {
      const { result } = await next();
      assert.ok(result.ok, result.ok ? '' : result.faults.map(findingLine).join('\n'));
      return result.config.auth.keys.map(({ key }) => key);
    };
    await mount(join(directory, 'secrets'), 2, { key: 'key-2' });
    assert.deepEqual(await keys(), ['key-a', 'key-2']);
    await writeFile(join(directory, 'new'), 'key-b', { mode: 0o600 });
    await rename(join(directory, 'new'), join(directory, 'plain'));
    assert.deepEqual(await keys(), ['key-b', 'key-2']);
  });

  test('a file that a new configuration names for the first time', async (t) => {
    const { directory, next } = await watching(t, withPort(1));
    await mkdir(join(directory, 'elsewhere'));
    await writeFile(join(directory, 'elsewhere/key'), 'key-1', { mode: 0o600 });
    await writeFile(file(directory), 'auth: { keys: [{ id: a, key: "file:../elsewhere/key" }] }');
    await next();
    await writeFile(join(directory, 'elsewhere/next'), 'key-2', { mode: 0o600 });
    await rename(join(directory, 'elsewhere/next'), join(directory, 'elsewhere/key'));
    const { result } = await next();
    assert.equal(result.ok && result.config.auth.keys[0]?.key, 'key-2');
  });

  test('an included file that is added, changed or removed', async (t) => {
    const { directory, next } = await watching(t, async (place) => {
      await mkdir(join(place, 'conf/conf.d'));
      await writeFile(file(place), 'include: conf.d/*.yaml');
    });
    const leases = async (): Promise<string[]> => {
      const { result, reason } = await next();
      assert.equal(reason, 'file');
      assert.ok(result.ok, result.ok ? '' : result.faults.map(findingLine).join('\n'));
      return Object.keys(result.config.leaseAcl);
    };
    const put = async (name: string, lease: string): Promise<void> => {
      const hidden = join(directory, `conf/conf.d/.${name}.swp`);
      await writeFile(hidden, `lease_acl: { ${lease}: ["*"] }`);
      await rename(hidden, join(directory, `conf/conf.d/${name}`));
    };
    await put('a.yaml', 'one');
    assert.deepEqual(await leases(), ['one']);
    await put('b.yaml', 'two');
    assert.deepEqual(await leases(), ['one', 'two']);
    await put('a.yaml', 'three');
    assert.deepEqual(await leases(), ['three', 'two']);
    await rename(join(directory, 'conf/conf.d/a.yaml'), join(directory, 'conf/conf.d/a.yaml.off'));
    assert.deepEqual(await leases(), ['two']);
  });

  test('Kubernetes swapping a volume of included files, and a directory that is replaced', async (t) => {
    const { directory, next, untilPort } = await watching(t, async (place) => {
      await mount(join(place, 'conf/conf.d'), 1, { 'a.yaml': port(1) });
      await writeFile(file(place), 'include: conf.d/*.yaml');
    });
    await mount(join(directory, 'conf/conf.d'), 2, { 'a.yaml': port(2) });
    await untilPort(2);
    await rename(join(directory, 'conf/conf.d'), join(directory, 'conf/old'));
    assert.equal((await next()).result.ok, false);
    await mkdir(join(directory, 'conf/conf.d'));
    await writeFile(join(directory, 'conf/conf.d/a.yaml'), port(3));
    await untilPort(3);
  });

  test('a change made before watching began', async (t) => {
    const { untilPort } = await watching(t, withPort(1), { between: withPort(2) });
    await untilPort(2);
  });

  test('periodic polling, where the system reports no event: a directory that was replaced', async (t) => {
    const { directory, next, untilPort } = await watching(t, withPort(1), { lookEveryMs: 20 });
    await rename(join(directory, 'conf'), join(directory, 'old'));
    const { result } = await next();
    assert.equal(result.ok, false);
    await mkdir(join(directory, 'conf'));
    await withPort(2)(directory);
    await untilPort(2);
  });
});

test('ignores files that no pattern matches', async (t) => {
  const { directory, signals, next, loads } = await watching(t, async (place) => {
    await mkdir(join(place, 'conf/conf.d'));
    await writeFile(join(place, 'conf/conf.d/a.yaml'), port(1));
    await writeFile(file(place), 'include: conf.d/*.yaml');
  });
  for (const name of ['.a.yaml.swp', 'a.yaml~', 'README']) await writeFile(join(directory, 'conf/conf.d', name), ':');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(loads(), 0);
  signals.emit('SIGHUP');
  assert.ok((await next()).result.ok);
});

test('watches a replaced directory again', async (t) => {
  const { directory, signals, next, untilPort } = await watching(t, withPort(1));
  await rename(join(directory, 'conf'), join(directory, 'old'));
  await mkdir(join(directory, 'conf'));
  await withPort(2)(directory);
  signals.emit('SIGHUP');
  await untilPort(2);
  await withPort(3)(directory);
  assert.equal((await next()).reason, 'file');
});

test('a deleted file is a fault, and loads again when it returns', async (t) => {
  const { directory, next, untilPort } = await watching(t, withPort(1));
  await unlink(file(directory));
  const { result } = await next();
  assert.ok(!result.ok);
  assert.deepEqual(result.faults.map(findingLine), [
    `${file(directory)}:1:1: the configuration file does not exist: create it, or correct the path`,
  ]);
  await withPort(2)(directory);
  await untilPort(2);
});

test('reports faults with their places, and loads the corrected file afterwards', async (t) => {
  const { directory, next, untilPort } = await watching(t, withPort(1));
  await writeFile(file(directory), 'gateway:\n  port: eighty\n');
  const { result } = await next();
  assert.ok(!result.ok);
  assert.match(findingLine(result.faults[0] ?? assert.fail()), /gateway\.yaml:2:9: gateway\.port must be/);
  await withPort(2)(directory);
  await untilPort(2);
});
